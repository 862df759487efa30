import { EventEmitter } from 'node:events'
import { expect, test } from 'vitest'
import { readYourWritesRedis, type RedisClient } from './index.ts'

const client = (): RedisClient =>
  Object.assign(new EventEmitter(), {
    status: 'end',
    options: {},
    info: () => Promise.reject(new Error('no server')),
    sendCommand: () => undefined,
  })
const secret = 'a secret that only tests know'
const make = (change: object): unknown =>
  readYourWritesRedis({ primary: client(), replicas: [{ id: 'r1', client: client() }], secret, ...change })

test.each([undefined, null, 'redis://localhost', {}, Object.assign(client(), { isCluster: true })])(
  'refuses %j as the primary',
  (primary) => {
    expect(() => make({ primary })).toThrow(TypeError)
    expect(() => make({ primary })).toThrow(/primary must be a client.*; pass new Redis\(url\) of ioredis/)
  },
)

test.each([
  [undefined, /replicas must be an array/],
  [[{ id: 'r1' }], /client of replica r1 must be a client, got undefined/],
  [
    [{ id: 'r1', client: client(), pool: 1 }],
    /unknown option pool of a replica; known are id, client, weight/,
  ],
  [[undefined], /a replica must be an object, got undefined/],
  [[{ id: '', client: client() }], /id of a replica must be a non-empty string, got ''/],
  [[{ id: 'r1', client: client(), weight: '2' }], /weight of replica r1 must be a number/],
])('refuses %j as replicas', (replicas, message) => {
  expect(() => make({ replicas })).toThrow(TypeError)
  expect(() => make({ replicas })).toThrow(message)
})

test('refuses two replicas of one id, and one client for two servers', () => {
  const [one, two] = [client(), client()]
  const replicas = (a: RedisClient, b: RedisClient, id = 'r2'): object => ({
    replicas: [
      { id: 'r1', client: a },
      { id, client: b },
    ],
  })
  expect(() => make(replicas(one, two, 'r1'))).toThrow(
    /each replica needs an id of its own, r1 is there twice/,
  )
  expect(() => make(replicas(one, one))).toThrow(/each server needs a client of its own, that of r2/)
})

test.each([
  [{ waitMs: -1 }, RangeError, /waitMs must be a number from 0, got -1/],
  [{ probeIntervalMs: 0 }, RangeError, /probeIntervalMs must be a number from 1/],
  [{ deadlineMs: Number.NaN }, RangeError, /deadlineMs must be a number from 1, got NaN/],
  [{ maxLagMs: '5' }, TypeError, /maxLagMs must be a number, got '5'/],
  [{ maxLagMs: 1e6 }, RangeError, /maxLagMs must be at most 1000 probe intervals/],
  [{ level: 'most' }, TypeError, /level must be/],
  [{ secret: 42 }, TypeError, /secret must be a string or a list of strings, got 42/],
  [{ secret: 'short' }, RangeError, /at least 16 bytes/],
  [{ waitms: 1 }, TypeError, /unknown option waitms; known are primary/],
])('refuses %j', (change, kind, message) => {
  expect(() => make(change)).toThrow(kind)
  expect(() => make(change)).toThrow(message)
})

test('calls refuse what they do not know, before anything runs', async () => {
  await using db = readYourWritesRedis({ primary: client(), replicas: [], secret })
  const never = (): Promise<never> => Promise.reject(new Error('it ran'))
  await expect(db.read(never, { sesion: 1 } as object)).rejects.toThrow(/unknown option sesion/)
  await expect(db.write(never, { isolation: 1 } as object)).rejects.toThrow(/unknown option isolation/)
  await expect(db.write(never, { waitDeadlineMs: 0 })).rejects.toThrow(
    /waitDeadlineMs must be a number above 0/,
  )
  expect(() => db.session({ tokn: 1 } as object)).toThrow(/unknown option tokn/)
  const foreign = { key: undefined, token: undefined, changed: false, merge: () => {} }
  await expect(db.read(never, { session: foreign })).rejects.toThrow(/must come from session\(\)/)
})

test('a primary that is away: writes say so within the deadline, and stop() ends ready()', async () => {
  const db = readYourWritesRedis({
    primary: client(),
    replicas: [],
    secret,
    deadlineMs: 20,
    probeIntervalMs: 10,
  })
  const write = db.write(() => Promise.reject(new Error('it ran')))
  await expect(write).rejects.toMatchObject({ code: 'QUORATE_RYW_PRIMARY_UNAVAILABLE', statusCode: 503 })
  await db.stop()
  await expect(db.write(async () => 1)).rejects.toMatchObject({ code: 'QUORATE_RYW_STOPPED' })
})
