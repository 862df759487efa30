import pg from 'pg'
import { expect, test } from 'vitest'
import { bounded, readYourWrites, type ReadYourWritesEvent } from './index.ts'

const pool = { connect: () => Promise.reject(new Error('no server')) }
const secret = 'a secret that only tests know'
const good = { primary: pool, replicas: [{ id: 'r1', pool }], secret }
const make = (change: object): unknown => readYourWrites({ ...good, ...change })

test.each([undefined, null, 'postgres://localhost', {}])('refuses %j as the primary', (primary) => {
  expect(() => make({ primary })).toThrow(TypeError)
  expect(() => make({ primary })).toThrow(/primary must be a pool.*; pass a pg\.Pool/)
})

test.each([
  [undefined, /replicas must be an array/],
  [[{ id: 'r1' }], /pool of replica r1 must be a pool, got undefined; pass a pg\.Pool/],
  [[{ id: 'r1', pool: 'postgres://' }], /pool of replica r1 must be a pool, got 'postgres:\/\/'/],
  [[pool], /a replica must be \{ id, pool \}, got a pool; name it, as in \{ id: 'r1', pool \}/],
  [[undefined], /a replica must be an object, got undefined/],
  [[{ id: '', pool }], /id of a replica must be a non-empty string, got ''/],
  [[{ pool }], /id of a replica must be a non-empty string, got undefined; name it/],
  [[{ id: 'r1', pool, weigth: 2 }], /unknown option weigth of a replica/],
  [[{ id: 'r1', pool, weight: '2' }], /weight of replica r1 must be a number/],
])('refuses %j as replicas', (replicas, message) => {
  expect(() => make({ replicas })).toThrow(TypeError)
  expect(() => make({ replicas })).toThrow(message)
})

test('refuses two replicas of one id', () => {
  const replicas = [
    { id: 'r1', pool },
    { id: 'r1', pool },
  ]
  expect(() => make({ replicas })).toThrow(RangeError)
  expect(() => make({ replicas })).toThrow(/each replica needs an id of its own, r1 is there twice/)
})

test.each([
  [undefined, TypeError, /secret must be a string or a list of strings, got undefined; pass at least 16/],
  [42, TypeError, /secret must be a string or a list of strings, got 42/],
  [[undefined], TypeError, /secret must be a string/],
  [[], RangeError, /secret must name at least one key/],
  ['', RangeError, /at least 16 bytes, got 0; make one with `openssl rand/],
  ['too short', RangeError, /at least 16 bytes, got 9/],
])('refuses %j as the secret', (wrong, type, message) => {
  expect(() => make({ secret: wrong })).toThrow(type)
  expect(() => make({ secret: wrong })).toThrow(message)
})

test('refuses a client, and a pool of one connection, which the probes would keep', async () => {
  const client = { ...pool, escapeLiteral: (text: string) => text }
  expect(() => make({ primary: client })).toThrow(/primary must be a pool, got a client; pass a pg\.Pool/)
  expect(() => make({ replicas: [{ id: 'r1', pool: client }] })).toThrow(/pool of replica r1 .* got a client/)
  const sized = (max: number) => ({ ...pool, options: { max } })
  expect(() => make({ primary: sized(1) })).toThrow(RangeError)
  expect(() => make({ primary: sized(1) })).toThrow(/primary must allow 2 connections or more, got max 1/)
  await using db = readYourWrites({ ...good, primary: sized(2) })
  expect(db.primary.reachable).toBeUndefined()
})

test('takes real pools of pg, and refuses its clients', async () => {
  const real = new pg.Pool({ host: '127.0.0.1', port: 1 })
  await using db = readYourWrites({ ...good, primary: real })
  expect(db.replicas).toHaveLength(1)
  expect(() => make({ primary: new pg.Client() })).toThrow(/got a client/)
  expect(() => make({ primary: new pg.Pool({ max: 1 }) })).toThrow(/got max 1; the probes keep one/)
})

test('refuses a listener that is none, and an id that events give to the primary', () => {
  expect(() => make({ onEvent: [] })).toThrow(/onEvent must be a function, got an object; pass \(event\)/)
  expect(() => make({ replicas: [{ id: 'primary', pool }] })).toThrow(/id of a replica must not be primary/)
})

test('says why a server cannot be reached', async () => {
  const events: ReadYourWritesEvent[] = []
  await using db = readYourWrites({ ...good, onEvent: (event) => events.push(event) })
  await db.ready()
  const cause = new Error('no server')
  expect(events).toContainEqual({ type: 'primary', reachable: false, cause })
  expect(events).toContainEqual({ type: 'replica', id: 'r1', status: 'down', was: 'unknown', cause })
})

test('refuses unknown options, unknown levels and numbers that are none, and names the known', async () => {
  expect(() => make({ waitms: 5 })).toThrow(
    /unknown option waitms; known are primary, replicas, secret, .*waitMs/,
  )
  expect(() => readYourWrites(undefined as never)).toThrow(/options must be an object, got undefined/)
  const levels = /level must be eventual, .*, strong or bounded\(\{ maxLagMs \}\), got 'bounded'/
  expect(() => make({ level: 'bounded' })).toThrow(levels)
  expect(() => make({ waitMs: '5' })).toThrow(TypeError)
  expect(() => make({ waitMs: '5' })).toThrow(/waitMs must be a number, got '5'/)
  expect(() => make({ waitMs: -1 })).toThrow(RangeError)

  expect(() => bounded(undefined as never)).toThrow(/maxLagMs must be a number above 0, got undefined/)

  await using db = readYourWrites(good)
  const work = async (): Promise<void> => {}
  await expect(db.read(work, { level: 'bounded' as never })).rejects.toThrow(levels)
  await expect(db.read(work, { session: 'a token' as never })).rejects.toThrow(
    /must come from session\(\).*, got 'a token'; make it here, with db\.session\(\{ token \}\)/,
  )
  await expect(db.read(work, { Level: 'strong' } as never)).rejects.toThrow(
    /unknown option Level; known are level/,
  )
  await expect(db.write(work, { isolaton: 'serializable' } as never)).rejects.toThrow(
    /unknown option isolaton/,
  )
  expect(() => db.session({ tokens: [] } as never)).toThrow(/unknown option tokens; known are token, key/)
})
