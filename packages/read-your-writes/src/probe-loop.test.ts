import { VirtualClock } from '@quorate/core'
import { expect, test } from 'vitest'
import type { Pace } from './health.ts'
import type { PgPool, PgPoolClient } from './postgres/port.ts'
import { ProbeLoop } from './probe-loop.ts'

const FACTS = {
  cluster: '1',
  started: '1',
  recovery: false,
  replayed: null,
  page: '8192',
  segment: '16777216',
}
const [DEADLINE_MS, PATIENCE_MS] = [100, 5_000]

/** A connection whose questions are answered when the test says so. */
class TestClient implements PgPoolClient {
  /** Of the questions that are not answered yet. */
  readonly open: PromiseWithResolvers<unknown>[] = []
  released: 'kept' | 'closed' | 'twice' | undefined

  query(text: string): Promise<unknown> {
    if (text.includes('pg_control_system')) return Promise.resolve({ rows: [FACTS], rowCount: 1 })
    const question = Promise.withResolvers<unknown>()
    this.open.push(question)
    return question.promise
  }

  answer(): void {
    for (const question of this.open.splice(0)) question.resolve(undefined)
  }

  breaks(): void {
    for (const question of this.open.splice(0)) question.reject(new Error('Connection terminated'))
  }

  release(destroy = false): void {
    this.released = this.released !== undefined ? 'twice' : destroy ? 'closed' : 'kept'
    if (destroy) this.breaks()
  }

  on(): void {}
  removeListener(): void {}
}

interface Probed {
  readonly clients: TestClient[]
  readonly pool: {
    isFull: boolean
    readonly options: { max: number }
    readonly waiting: ((error?: Error) => void)[]
  }
  readonly said: ('answer' | 'failed' | 'unheard')[]
  /** Of the answers. */
  readonly paces: Pace[]
  readonly clock: VirtualClock
  readonly stop: () => Promise<void>
}

/** A pool that gives connections at once or, when it is full, when the test says so; and what its prober says. */
function probed({ isFull = false, isNeeded = (): boolean => false } = {}): Probed {
  const clients: TestClient[] = []
  const pool = {
    isFull,
    options: { max: 2 },
    idleCount: 0,
    get totalCount(): number {
      return pool.isFull ? 2 : 1
    },
    waiting: [] as ((error?: Error) => void)[],
    connect: async (): Promise<PgPoolClient> => {
      if (pool.isFull) {
        await new Promise<void>((resolve, reject) =>
          pool.waiting.push((error) => (error ? reject(error) : resolve())),
        )
      }
      const client = new TestClient()
      clients.push(client)
      return client
    },
  } satisfies PgPool & Record<string, unknown>
  const said: Probed['said'] = []
  const paces: Pace[] = []
  const clock = new VirtualClock()
  const loop = new ProbeLoop({
    pool,
    clock,
    deadlineMs: DEADLINE_MS,
    patienceMs: PATIENCE_MS,
    intervalMs: () => 100,
    probe: async ({ client }) => {
      await client.query('SELECT 1')
      return (pace) => {
        said.push('answer')
        paces.push(pace)
      }
    },
    failed: () => said.push('failed'),
    unheard: () => said.push('unheard'),
    isNeeded,
  })
  loop.start()
  const stop = async (): Promise<void> => {
    const stopped = loop.stop()
    await clock.advance(DEADLINE_MS) // of a question that is under way
    await stopped
  }
  return { clients, pool, said, paces, clock, stop }
}

test('a late answer is heard while the pool has no other connection', async () => {
  const { clients, pool, said, clock, stop } = probed()
  await clock.advance(0)
  pool.isFull = true
  await clock.advance(DEADLINE_MS + 150)
  expect(said).toEqual(['failed'])
  clients[0]?.answer()
  await clock.advance(0)
  expect(said).toEqual(['failed', 'answer'])
  expect(clients[0]?.released).toBeUndefined()
  // What was asked of the pool meanwhile goes back to it.
  pool.waiting.shift()?.()
  await clock.advance(100)
  expect(clients[1]?.released).toBe('kept')
  clients[0]?.answer()
  await stop()
  expect(clients.map(({ released }) => released)).toEqual(['kept', 'kept'])
})

test('a connection that was cut is replaced before that is a verdict', async () => {
  const { clients, said, clock, stop } = probed()
  await clock.advance(DEADLINE_MS + 100)
  expect(said).toEqual(['failed'])
  clients[1]?.answer()
  await clock.advance(0)
  expect(said).toEqual(['failed', 'answer'])
  expect(clients.map(({ released }) => released)).toEqual(['closed', undefined])
  await stop()
})

test('of two that answer at once, one goes back', async () => {
  const { clients, said, clock, stop } = probed()
  await clock.advance(DEADLINE_MS + 100)
  for (const client of clients) client.answer()
  await clock.advance(0)
  expect(said).toEqual(['failed', 'answer'])
  expect(clients.map(({ released }) => released)).toEqual([undefined, 'kept'])
  await stop()
})

test('a server that is silent has failed twice, also with a full pool', async () => {
  const { clients, pool, said, clock, stop } = probed()
  await clock.advance(0)
  pool.isFull = true
  await clock.advance(2 * DEADLINE_MS + 100)
  expect(said).toEqual(['failed', 'failed'])
  expect(clients[0]?.released).toBe('closed')
  await stop()
})

test('who waits for a full pool has no news, for as long as its patience lasts', async () => {
  const { clients, pool, said, clock, stop } = probed()
  await clock.advance(0)
  pool.isFull = true
  clients[0]?.breaks()
  await clock.advance(PATIENCE_MS)
  expect(new Set(said)).toEqual(new Set(['failed', 'unheard']))
  expect(said.indexOf('unheard')).toBe(1)
  expect(said.lastIndexOf('failed')).toBe(0)
  await clock.advance(400)
  expect(said.at(-1)).toBe('failed')
  pool.waiting.shift()?.()
  await clock.advance(100)
  clients[1]?.answer()
  await clock.advance(100)
  expect(said.at(-1)).toBe('answer')
  await stop()
})

test('a server that takes no connection, of a pool that is not full, has failed', async () => {
  const { pool, said, clock, stop } = probed({ isFull: true })
  pool.options.max = 10
  await clock.advance(2 * DEADLINE_MS + 100)
  expect(said).toEqual(['failed', 'failed'])
  await stop()
})

test('a pool that gives up by itself while it is full is no news either, and its patience is counted on', async () => {
  const { clients, pool, said, clock, stop } = probed()
  await clock.advance(0)
  pool.isFull = true
  clients[0]?.breaks()
  const givesUp = async (): Promise<void> => {
    pool.waiting.shift()?.(new Error('timeout exceeded when trying to connect'))
    await clock.advance(200)
  }
  await clock.advance(150)
  for (let round = 0; round < 10; round++) await givesUp()
  expect(said.lastIndexOf('failed')).toBe(0)
  expect(said).toContain('unheard')
  await clock.advance(PATIENCE_MS)
  for (let round = 0; round < 2; round++) await givesUp()
  expect(said.at(-1)).toBe('failed')
  await stop()
})

test('a pool that gives up while it has room has not reached the server', async () => {
  const { pool, said, clock, stop } = probed({ isFull: true })
  pool.options.max = 10
  await clock.advance(50)
  pool.waiting.shift()?.(new Error('timeout exceeded when trying to connect'))
  await clock.advance(0)
  expect(said).toEqual(['failed'])
  await stop()
})

test('an answer is told by how soon it came: within half of the deadline, within the deadline, after it', async () => {
  const { clients, said, paces, clock, stop } = probed()
  await clock.advance(0)
  for (const tookMs of [DEADLINE_MS / 2, DEADLINE_MS / 2 + 1, DEADLINE_MS - 1, DEADLINE_MS + 1]) {
    await clock.advance(tookMs)
    clients[0]?.answer()
    await clock.advance(100) // until the next probe
  }
  // Heard by the next probe, whether it came before that or after.
  await clock.advance(99 + DEADLINE_MS + 150)
  clients[0]?.answer()
  await clock.advance(0)
  expect(said).toEqual(['answer', 'answer', 'answer', 'failed', 'answer', 'failed', 'answer'])
  expect(paces).toEqual(['prompt', 'timely', 'timely', 'late', 'late'])
  await stop()
})

test('who was asked late, since the pool was full, has not answered late; nor has who was asked anew', async () => {
  const { clients, pool, said, paces, clock, stop } = probed({ isFull: true })
  await clock.advance(DEADLINE_MS - 10)
  pool.waiting.shift()?.()
  await clock.advance(10 + DEADLINE_MS / 2)
  clients[0]?.answer()
  await clock.advance(DEADLINE_MS / 2)
  expect([said, paces]).toEqual([['failed', 'answer'], ['timely']])
  pool.isFull = false
  // The next question is not answered at all, but over another connection.
  await clock.advance(100 + DEADLINE_MS + 100 + DEADLINE_MS / 2)
  clients[1]?.answer()
  await clock.advance(0)
  expect(paces).toEqual(['timely', 'prompt'])
  await stop()
})

test('after stop() nothing more is said, and the connection goes back; one with a question that is late is closed', async () => {
  const { clients, said, clock, stop } = probed()
  await clock.advance(0)
  await stop()
  expect(said).toEqual([])
  const late = probed()
  await late.clock.advance(DEADLINE_MS + 50)
  await late.stop()
  expect(late.said).toEqual(['failed'])
  expect(late.clients.map(({ released }) => released)).toEqual(['closed'])
  expect(clients.map(({ released }) => released)).toEqual(['closed'])
})

test('as long as it is needed it goes on after stop(), which does not wait for that', async () => {
  let isNeeded = true
  const { clients, said, clock, stop } = probed({ isNeeded: () => isNeeded })
  await clock.advance(0)
  await stop()
  await clock.advance(DEADLINE_MS + 100)
  expect(said.slice(0, 2)).toEqual(['failed', 'failed'])
  isNeeded = false
  await clock.advance(2 * DEADLINE_MS + 100)
  expect(clients.every(({ released }) => released === 'closed')).toBe(true)
  const { length } = said
  await clock.advance(1_000)
  expect(said).toHaveLength(length)
})
