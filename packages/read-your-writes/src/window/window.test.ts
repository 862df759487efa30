import { VirtualClock } from '@quorate/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hmacSigner } from '../node/hmac.ts'
import { sealToken, TOKEN_KINDS } from '../signed-bytes.ts'
import { readYourWritesWindow, type ReadYourWritesWindow, type WindowEvent } from './index.ts'

const SECRET = 'a secret that only tests know'
const WINDOW_MS = 30_000
const START_MS = 1_800_000_000_000
type Name = 'primary' | 'r1' | 'r2'

/** A clock whose wall time can be set, as an administrator or NTP does. */
class SettableClock extends VirtualClock {
  #offsetMs = 0
  setBy(ms: number): void {
    this.#offsetMs += ms
  }
  override now(): number {
    return super.now() + this.#offsetMs
  }
}

interface TestRouter {
  readonly db: ReadYourWritesWindow<Name>
  readonly clock: SettableClock
  readonly events: WindowEvent[]
}

function router(
  clock = new SettableClock(START_MS),
  away: readonly Name[] = [],
): TestRouter & {
  where: (options?: Parameters<ReadYourWritesWindow<Name>['read']>[1]) => Promise<Name>
} {
  const events: WindowEvent[] = []
  const db = readYourWritesWindow<Name>({
    primary: 'primary',
    replicas: [
      { id: 'r1', client: 'r1' },
      { id: 'r2', client: 'r2' },
    ],
    secret: SECRET,
    clock,
    isUnavailable: (error) => error instanceof Error && error.message === 'away',
    onEvent: (event) => events.push(event),
  })
  const work = (client: Name): Promise<Name> =>
    away.includes(client) ? Promise.reject(new Error('away')) : Promise.resolve(client)
  return { db, clock, events, where: (options) => db.read(work, options) }
}

const REPLICA = expect.stringMatching(/^r[12]$/)

test('a session reads the primary until the window after its last write has passed, others read replicas', async () => {
  const { db, clock, where } = router()
  const [writer, other] = [db.session(), db.session()]
  expect(await where({ session: writer })).toEqual(REPLICA)
  await db.write(async () => {}, { session: writer })
  expect(await where({ session: writer })).toBe('primary')
  expect(await where({ session: other })).toEqual(REPLICA)
  await clock.advance(WINDOW_MS - 1)
  expect(await where({ session: writer })).toBe('primary')
  await db.write(async () => {}, { session: writer })
  await clock.advance(WINDOW_MS - 1)
  expect(await where({ session: writer })).toBe('primary')
  await clock.advance(1)
  expect(await where({ session: writer })).toEqual(REPLICA)
  expect(writer.token).toBeUndefined()
})

test('the token carries the window to another process, and not a moment longer', async () => {
  const here = router()
  const mine = here.db.session()
  await here.db.write(async () => {}, { session: mine })
  await here.clock.advance(10_000)
  const token = mine.token ?? ''
  const there = router(new SettableClock(here.clock.now()))
  const theirs = there.db.session({ token })
  expect(theirs.changed).toBe(false)
  expect(await there.where({ session: theirs })).toBe('primary')
  await there.clock.advance(WINDOW_MS - 10_000 - 1)
  expect(await there.where({ session: theirs })).toBe('primary')
  await there.clock.advance(1)
  expect(await there.where({ session: theirs })).toEqual(REPLICA)
})

test('a write that throws may have written', async () => {
  const { db, where } = router()
  const session = db.session()
  await expect(db.write(() => Promise.reject(new Error('mine')), { session })).rejects.toThrow('mine')
  expect(await where({ session })).toBe('primary')
  expect(session.changed).toBe(true)
})

test.each([-86_400_000, -1, 1, 86_400_000])(
  'within a process a wall clock that is set by %i ms changes nothing',
  async (ms) => {
    const { db, clock, where } = router()
    const session = db.session()
    await db.write(async () => {}, { session })
    clock.setBy(ms)
    expect(await where({ session })).toBe('primary')
    await clock.advance(WINDOW_MS)
    expect(await where({ session })).toEqual(REPLICA)
  },
)

test('a token from the future counts as a write just now, and is replaced: years wrong end after one window', async () => {
  const { db, clock, where, events } = router()
  clock.setBy(10 * 365 * 86_400_000)
  const wrong = db.session()
  await db.write(async () => {}, { session: wrong })
  const fixed = router(new SettableClock(START_MS))
  const session = fixed.db.session({ token: wrong.token ?? '' })
  expect(fixed.events).toEqual([{ type: 'token-rejected', rejection: 'from-the-future' }])
  expect(await fixed.where({ session })).toBe('primary')
  expect(session.changed).toBe(true)
  await fixed.clock.advance(WINDOW_MS - 1)
  const next = fixed.db.session({ token: session.token ?? '' })
  expect(await fixed.where({ session: next })).toBe('primary')
  await fixed.clock.advance(1)
  expect(await fixed.where({ session: next })).toEqual(REPLICA)
  expect([events.length, await where()]).toEqual([1, 'primary'])
})

test('any text at all as a token: the primary for one window, a new token, never an error', async () => {
  const signer = hmacSigner([SECRET])
  const notANumber = new Uint8Array(8).fill(255)
  await fc.assert(
    fc.asyncProperty(
      fc.oneof(
        fc.string({ minLength: 1 }),
        fc.base64String({ minLength: 1 }),
        fc.constantFrom(
          sealToken(TOKEN_KINDS.redis, new Uint8Array(28), START_MS, signer),
          sealToken(TOKEN_KINDS.window, notANumber, START_MS, signer),
          sealToken(TOKEN_KINDS.window, new Uint8Array(3), START_MS, signer),
        ),
      ),
      async (token) => {
        const { db, clock, where } = router()
        const session = db.session({ token })
        expect(await where({ session })).toBe('primary')
        expect(session.changed).toBe(true)
        await clock.advance(WINDOW_MS)
        expect(await where({ session })).toEqual(REPLICA)
      },
    ),
  )
})

test('requests of one user at once share the last write; users keep to a replica', async () => {
  const { db, where } = router()
  const [first, second] = [db.session({ key: 'ann' }), db.session({ key: 'ann' })]
  const home = await where({ session: first })
  expect(await where({ session: second })).toBe(home)
  await db.write(async () => {}, { session: first })
  expect(await where({ session: second })).toBe('primary')
  expect(await where({ session: db.session({ key: 'bob' }) })).toEqual(REPLICA)
})

test('levels, sessions from the context, and reads without one', async () => {
  const { db, where, events } = router()
  const session = db.session()
  await db.run(session, () => db.write(async () => {}))
  expect(await db.run(session, () => where())).toBe('primary')
  expect(await where({ session, level: 'eventual' })).toEqual(REPLICA)
  expect(await where({ session: db.session(), level: 'strong' })).toBe('primary')
  expect(await where()).toBe('primary')
  expect(events.map((event) => (event.type === 'read' ? event.reason : event.type))).toEqual([
    'write',
    'recent-write',
    undefined,
    'strong',
    'no-session',
  ])
})

test('a replica that is away: the other one, then the primary; other errors come out', async () => {
  const session = { level: 'eventual' } as const
  expect(await router(undefined, ['r1']).where(session)).toBe('r2')
  const both = router(undefined, ['r1', 'r2'])
  expect(await both.where(session)).toBe('primary')
  expect(both.events).toEqual([
    { type: 'read', level: 'eventual', target: 'primary', reason: 'replica-failed' },
  ])
  const { db } = router()
  await expect(db.read(() => Promise.reject(new Error('mine')), session)).rejects.toThrow('mine')
})

test.each([
  [{ primary: undefined }, TypeError, /primary must be a client/],
  [{ replicas: 'r' }, TypeError, /replicas must be an array/],
  [{ replicas: [{ id: 'r1' }] }, TypeError, /client of replica 'r1' is missing/],
  [{ replicas: [{ id: 'r1', pool: 1 }] }, TypeError, /unknown option pool of a replica/],
  [{ windowMs: 0 }, RangeError, /windowMs must be a number from 1 to/],
  [{ windowMs: Infinity }, RangeError, /windowMs must be a number from 1 to/],
  [{ windowMs: '30s' }, TypeError, /windowMs must be a number, got '30s'/],
  [
    { level: 'monotonic' },
    TypeError,
    /level must be eventual, read-your-writes, strong, got 'monotonic'; others need/,
  ],
  [{ secret: 'short' }, RangeError, /at least 16 bytes/],
  [{ secret: 5 }, TypeError, /secret must be a string/],
  [{ windowsMs: 1 }, TypeError, /unknown option windowsMs/],
])('refuses %j', (change, kind, message) => {
  const make = (): unknown =>
    readYourWritesWindow({
      primary: 'primary',
      replicas: [],
      secret: SECRET,
      ...(change as Partial<Parameters<typeof readYourWritesWindow<string>>[0]>),
    })
  expect(make).toThrow(kind)
  expect(make).toThrow(message)
})

test('withLevel() is the level of the reads below that name none; the innermost counts, and read() over all', async () => {
  const { db, where } = router()
  await db.withLevel('eventual', async () => {
    await Promise.resolve()
    expect(await where()).not.toBe('primary') // without a session it would be
    expect(await where({ level: 'strong' })).toBe('primary')
    await db.withLevel('strong', async () => expect(await where()).toBe('primary'))
    expect(await where()).not.toBe('primary')
  })
  expect(await where()).toBe('primary')
})
