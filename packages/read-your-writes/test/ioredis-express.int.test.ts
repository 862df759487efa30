// oxlint-disable oxc/no-async-endpoint-handlers -- Express 5 takes care of rejections
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import express, { type Express, type Request } from 'express'
import type { Redis } from 'ioredis'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { SessionRouter } from '@quorate/read-your-writes'
import { readYourWritesExpress } from '@quorate/read-your-writes/express'
import { readYourWritesWindow } from '@quorate/read-your-writes/window'
import { Browser } from './browser.ts'
import { startRedisBench, type RedisBench, type RedisTestRouter } from './ioredis-setup.ts'

/** What the application does with its store. */
interface Store {
  readonly router: SessionRouter
  readonly write: (id: string) => Promise<unknown>
  readonly exists: (id: string) => Promise<boolean>
}

function application({ router, write, exists }: Store): Express {
  const app = express()
  app.set('env', 'test') // or it prints each error
  app.use(readYourWritesExpress<Request>(router, { key: (request) => request.get('x-user') }))
  app.get('/note/:id', async (request, response) => {
    response.json(await exists(request.params.id))
  })
  app.post('/note/:id', async (request, response) => {
    await write(request.params.id)
    response.sendStatus(204)
  })
  app.post('/stream/:id', async (request, response) => {
    await write(request.params.id)
    response.write('first')
    response.end('last')
  })
  app.post('/error/:id', async (request) => {
    await write(request.params.id)
    throw new Error('after the write')
  })
  return app
}

async function listen(app: Express): Promise<{ origin: string } & AsyncDisposable> {
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

describe('Express 5 on Redis, whose replicas show nothing new', () => {
  let bench: RedisBench
  let router: RedisTestRouter
  let site: Awaited<ReturnType<typeof listen>>
  beforeAll(async () => {
    bench = await startRedisBench()
    router = await bench.router({ waitMs: 0, maxLagMs: 60_000, deadlineMs: 1_000 })
    const { db } = router
    site = await listen(
      application({
        router: db,
        write: (id) => db.write((redis: Redis) => redis.set(id, 1)),
        exists: (id) => db.read(async (redis: Redis) => (await redis.exists(id)) === 1),
      }),
    )
    for (const name of ['replica-1', 'replica-2'] as const) {
      await bench.cluster.link('primary', name).partition()
    }
  })
  afterAll(async () => {
    await site[Symbol.asyncDispose]()
    await router[Symbol.asyncDispose]()
    await bench[Symbol.asyncDispose]()
  })
  const post = { method: 'POST' }

  test('a browser sees its own write; another one, and the next visitor, read the replica', async () => {
    const [ann, bob] = [new Browser(site.origin), new Browser(site.origin)]
    const posted = await ann.fetch('/note/own', post)
    expect(posted.headers.getSetCookie()).toHaveLength(1)
    expect(await ann.json('/note/own')).toBe(true)
    expect(router.lastRead()).toMatchObject({ target: 'primary', reason: 'behind' })
    expect(await bob.json('/note/own')).toBe(false)
    expect(router.lastRead()).toMatchObject({ reason: undefined })
  })

  test.each(['stream', 'error'])('the token goes out: %s', async (route) => {
    const browser = new Browser(site.origin)
    await (await browser.fetch(`/${route}/${route}`, post)).text()
    expect(browser.cookies).toEqual(['quorate-session'])
    expect(await browser.json(`/note/${route}`)).toBe(true)
  })

  test('a tampered or foreign token is no error: the primary answers and replaces it', async () => {
    for (const value of ['rubbish', '%%%', 'A'.repeat(64), 'A'.repeat(5_000)]) {
      const browser = new Browser(site.origin)
      await new Browser(site.origin).fetch('/note/tamper', post)
      browser.setCookie('quorate-session', value)
      expect(await browser.json('/note/tamper')).toBe(true)
      expect(browser.cookie('quorate-session')).not.toBe(value)
    }
  })

  test('users with a key see their writes without a cookie, and only theirs', async () => {
    const headers = { 'x-user': 'ann' }
    await fetch(`${site.origin}/note/keyed`, { ...post, headers })
    expect(await (await fetch(`${site.origin}/note/keyed`, { headers })).json()).toBe(true)
    const other = await fetch(`${site.origin}/note/keyed`, { headers: { 'x-user': 'bob' } })
    expect(await other.json()).toBe(false)
  })

  test('with the primary gone, a write is a 503 and visitors still read', async () => {
    await bench.link.partition({ mode: 'refuse' })
    await router.until(() => router.events.some((event) => event.type === 'primary' && !event.reachable))
    const browser = new Browser(site.origin)
    expect((await browser.fetch('/note/down', post)).status).toBe(503)
    expect(await browser.json('/note/down')).toBe(false)
  })
})

test('Express 5 on a store without positions: the primary for a while after a write', async () => {
  const stores = { primary: new Set<string>(), replica: new Set<string>() }
  const db = readYourWritesWindow({
    primary: stores.primary,
    replicas: [{ id: 'r1', client: stores.replica }],
    secret: 'a secret that only the tests know',
  })
  await using site = await listen(
    application({
      router: db,
      write: (id) => db.write(async (store) => store.add(id)),
      exists: (id) => db.read(async (store) => store.has(id)),
    }),
  )
  const [ann, bob] = [new Browser(site.origin), new Browser(site.origin)]
  await ann.fetch('/note/own', { method: 'POST' })
  expect([await ann.json('/note/own'), await bob.json('/note/own')]).toEqual([true, false])
  bob.setCookie('quorate-session', 'rubbish')
  expect(await bob.json('/note/own')).toBe(true)
})
