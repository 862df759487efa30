import fastify from 'fastify'
import { describe, expect, test } from 'vitest'
import { readYourWritesExpress } from '../express/index.ts'
import { readYourWritesFastify } from '../fastify/index.ts'
import { readYourWritesHono } from '../hono/index.ts'
import { readYourWrites, type ReadYourWrites } from '../index.ts'

function newRouter(): ReadYourWrites {
  const connect = (): Promise<never> => Promise.reject(new Error('no server'))
  return readYourWrites({ primary: { connect }, replicas: [], secret: 'a secret that only tests know' })
}

/** Makes the integration with options, `db` among them. */
type Make = (options: { readonly db: unknown; readonly [name: string]: unknown }) => Promise<unknown>

describe.each<[string, Make]>([
  [
    'Fastify',
    async (options) => {
      const app = fastify()
      await app.register(readYourWritesFastify, options as never)
    },
  ],
  ['Express', async ({ db, ...options }) => readYourWritesExpress(db as never, options)],
  ['Hono', async ({ db, ...options }) => readYourWritesHono(db as never, options)],
])('for %s', (_name, make) => {
  test.each([undefined, null, {}, 'postgres://localhost', { connect: () => {} }])(
    'refuses %j as the router',
    async (db) => {
      await expect(make({ db })).rejects.toThrow(TypeError)
      await expect(make({ db })).rejects.toThrow(
        /db must be a router.*; pass what readYourWrites\(\) returned/,
      )
    },
  )

  test.each<[object, RegExp]>([
    [{ cokie: false }, /unknown option cokie; known are .*cookie, header/],
    [{ prefix: '/api' }, /unknown option prefix; known are/],
    [{ key: 'ann' }, /key must be a function, got 'ann'; pass \(request\) => userId/],
    [{ name: 2 }, /name must be a string, got 2/],
    [{ header: 1 }, /header must be true, false or a name, got 1/],
    [{ header: 'with space' }, /header must be a name/],
    [{ cookie: false, header: false }, /both off; leave one of them on/],
    [{ cookie: true }, /cookie must be an object or false, got true/],
    [{ cookie: { maxAge: 5 } }, /unknown option maxAge of the cookie; known are name, .*maxAgeSeconds/],
    [{ cookie: { name: 'a=b' } }, /name of the cookie must be a token, got 'a=b'/],
    [{ cookie: { name: '' } }, /name of the cookie must be a token, got ''/],
    [{ cookie: { path: '/; Domain=evil' } }, /path of the cookie must be text without semicolons/],
    [{ cookie: { domain: 'a\r\nb' } }, /domain of the cookie must be text without semicolons/],
    [{ cookie: { sameSite: 'None' } }, /sameSite of the cookie must be strict, lax or none, got 'None'/],
    [{ cookie: { sameSite: 'none', secure: false } }, /with sameSite none must not be off/],
    [{ cookie: { secure: 'auto' } }, /secure of the cookie must be true or false, got 'auto'/],
    [{ cookie: { maxAgeSeconds: '5' } }, /maxAgeSeconds must be a number, got '5'/],
  ])('refuses %j', async (options, message) => {
    await using db = newRouter()
    await expect(make({ db, ...options })).rejects.toThrow(TypeError)
    await expect(make({ db, ...options })).rejects.toThrow(message)
  })

  test.each([0, -1, 1.5, NaN, Infinity])('refuses a cookie that lasts %d s', async (maxAgeSeconds) => {
    await using db = newRouter()
    await expect(make({ db, cookie: { maxAgeSeconds } })).rejects.toThrow(RangeError)
  })

  test('takes all that is right', async () => {
    await using db = newRouter()
    const cookie = { name: '__Host-s', path: '/', domain: 'a.test', sameSite: 'strict', secure: true }
    const good = [
      { key: () => 'ann', header: false, cookie: { ...cookie, maxAgeSeconds: 60 } },
      { cookie: false, header: 'X-Session', name: 'stock' },
      { key: undefined, header: undefined, cookie: undefined, name: undefined },
    ]
    for (const options of good) await make({ db, ...options })
    expect.assertions(0)
  })
})

test('Fastify is told twice of one database only by mistake, and which version it must be', async () => {
  await using db = newRouter()
  const app = fastify()
  await app.register(readYourWritesFastify, { db })
  await expect(app.register(readYourWritesFastify, { db })).rejects.toThrow(/quorateSession.*already/)
  expect(app.hasPlugin('@quorate/read-your-writes')).toBe(true)
  const old = fastify()
  Object.defineProperty(old, 'version', { value: '4.29.1' })
  await expect(old.register(readYourWritesFastify, { db })).rejects.toThrow(/expected '5\.x' fastify version/)
})

test('Hono is told by a function whether the client speaks TLS', async () => {
  await using db = newRouter()
  expect(() => readYourWritesHono(db, { isSecure: true as never })).toThrow(TypeError)
  expect(() => readYourWritesHono(db, { isSecure: true as never })).toThrow(
    /isSecure must be a function; pass/,
  )
  expect(() => readYourWritesHono(db, null as never)).toThrow(/options must be an object, got null/)
})
