import { expect, test } from 'vitest'
import { readYourWrites } from './index.ts'

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
  [[pool], /unknown option connect of a replica; known are id, pool, weight/],
  [[undefined], /a replica must be an object, got undefined/],
  [[{ id: '', pool }], /id of a replica must be a non-empty string, got ''/],
  [[{ pool }], /id of a replica must be a non-empty string, got undefined/],
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
  ['', RangeError, /at least 16 bytes, got 0/],
  ['too short', RangeError, /at least 16 bytes, got 9/],
])('refuses %j as the secret', (wrong, type, message) => {
  expect(() => make({ secret: wrong })).toThrow(type)
  expect(() => make({ secret: wrong })).toThrow(message)
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

  await using db = readYourWrites(good)
  const work = async (): Promise<void> => {}
  await expect(db.read(work, { level: 'bounded' as never })).rejects.toThrow(levels)
  await expect(db.read(work, { Level: 'strong' } as never)).rejects.toThrow(
    /unknown option Level; known are level/,
  )
  await expect(db.write(work, { isolaton: 'serializable' } as never)).rejects.toThrow(
    /unknown option isolaton/,
  )
  expect(() => db.session({ tokens: [] } as never)).toThrow(/unknown option tokens; known are token, key/)
})
