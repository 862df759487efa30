import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import { Hono } from 'hono'
import { getCookie, setCookie } from 'hono/cookie'
import { stream, streamSSE, streamText } from 'hono/streaming'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Queryable } from '@quorate/read-your-writes'
import { readYourWritesHono, sessionOf, type ReadYourWritesVariables } from '@quorate/read-your-writes/hono'
import { Browser } from './browser.ts'
import { overOneConnection } from './one-connection.ts'
import { startBench, type Bench, type TestRouter } from './setup.ts'

type App = Hono<{ Variables: ReadYourWritesVariables }>

let bench: Bench
let router: TestRouter
beforeAll(async () => {
  bench = await startBench()
  router = await bench.router({ waitMs: 0, maxLagMs: 60_000 }) // or replicas that stand still are ejected
  // From here on replicas show nothing new: who sees a write has been sent to the primary for it.
  for (const replica of bench.replicas) await replica.pauseReplay()
})
afterAll(async () => {
  await router[Symbol.asyncDispose]()
  await bench[Symbol.asyncDispose]()
})

const put = (id: string) => (tx: Queryable) => tx.query('INSERT INTO note VALUES ($1, 1)', [id])
const exists = (id: string) => async (q: Queryable) =>
  (await q.query('SELECT 1 FROM note WHERE id = $1', [id])).rowCount === 1

/** With a route that tells whether a note is seen. */
function newApp(options: Parameters<typeof readYourWritesHono>[1] = {}): App {
  const app: App = new Hono()
  app.use(readYourWritesHono(router.db, options))
  app.get('/note/:id', async (c) => c.json(await router.db.read(exists(c.req.param('id')))))
  return app
}

interface Site extends AsyncDisposable {
  readonly origin: string
  readonly browser: () => Browser
}

async function listen(app: App): Promise<Site> {
  const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server
  await once(server, 'listening')
  const origin = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    origin,
    browser: () => new Browser(origin),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

const lateOnes = (): number => router.events.filter(({ type }) => type === 'token-late').length

describe('the token goes out', () => {
  test.each(['on-error', 'own-on-error', 'outer-error', 'not-found', 'immutable', 'sse', 'text', 'raw'])(
    'with %s',
    async (way) => {
      const app: App = new Hono()
      app.use(async (c, next) => {
        await next()
        if (c.req.path === '/outer-error') throw new Error('thrown after the session has ended')
      })
      app.use(readYourWritesHono(router.db))
      app.use(async (c, next) => {
        if (c.req.method === 'POST') await router.db.write(put(c.req.path.slice(1)))
        setCookie(c, 'other', '1')
        await next()
      })
      app.get('/note/:id', async (c) => c.json(await router.db.read(exists(c.req.param('id')))))
      app.onError((_error, c) => c.text('failed', 500))
      app.post('/on-error', () => {
        throw new Error('after the write')
      })
      const child = new Hono()
      child.onError((_error, c) => c.text('failed below', 500))
      child.post('/', () => {
        throw new Error('after the write')
      })
      app.route('/own-on-error', child)
      app.post('/outer-error', (c) => c.text('never seen'))
      app.post('/immutable', () => Response.redirect('http://127.0.0.1/elsewhere', 303))
      app.post('/sse', (c) => streamSSE(c, (out) => out.writeSSE({ data: 'a' })))
      app.post('/text', (c) => streamText(c, async (out) => void (await out.write('a'))))
      app.post('/raw', () => new Response('raw'))
      await using site = await listen(app)
      const browser = site.browser()
      const answer = await browser.fetch(`/${way}`, { method: 'POST' })
      await answer.text()
      const statuses: Record<string, number> = { 'not-found': 404, immutable: 303 }
      expect(answer.status).toBe(statuses[way] ?? (way.endsWith('error') ? 500 : 200))
      expect(browser.cookies).toContain('quorate-session')
      expect(await browser.json(`/note/${way}`)).toBe(true)
    },
  )

  test('beside other cookies, however they are set', async () => {
    const app = newApp()
    app.post('/', async (c) => {
      await router.db.write(put('cookies'))
      setCookie(c, 'early', '1')
      return c.body(null, { headers: [['Set-Cookie', 'late=2']], status: 200 })
    })
    app.get('/cookies', (c) => c.json(Object.keys(getCookie(c))))
    await using site = await listen(app)
    const browser = site.browser()
    await browser.fetch('/', { method: 'POST' })
    expect(await browser.json('/cookies')).toEqual(['early', 'late', 'quorate-session'])
  })

  test('with the answer to HEAD', async () => {
    const app = newApp()
    app.get('/visit', async (c) => {
      await router.db.write(put('visit'))
      return c.text('seen')
    })
    await using site = await listen(app)
    const head = await site.browser().fetch('/visit', { method: 'HEAD' })
    expect([head.headers.getSetCookie().length, await head.text()]).toEqual([1, ''])
  })
})

describe('a token that the client cannot learn of is reported', () => {
  test('when something else than an Error is thrown after the write', async () => {
    const app = newApp()
    app.post('/', async () => {
      await router.db.write(put('no error'))
      // oxlint-disable-next-line typescript/only-throw-error -- Hono lets it pass, so we see what comes of it
      throw 'no error'
    })
    const before = lateOnes()
    await expect(app.request('/', { method: 'POST' })).rejects.toBe('no error')
    expect(lateOnes()).toBe(before + 1)
  })

  test('when the answer upgrades to a WebSocket, which is left as it is', async () => {
    const app = newApp()
    const upgraded = new Response(null)
    Object.defineProperty(upgraded, 'status', { value: 101 }) // as Deno and Workers make it; Node cannot
    app.get('/', async () => {
      await router.db.write(put('upgrade'))
      return upgraded
    })
    const before = lateOnes()
    expect(await app.request('/')).toBe(upgraded)
    expect([lateOnes() - before, upgraded.headers.getSetCookie()]).toEqual([1, []])
  })

  test('on Node, when it moves within a stream, and once only', async () => {
    const app = newApp()
    app.post('/:when', async (c) => {
      const when = c.req.param('when')
      await router.db.write(put(`before ${when}`))
      return stream(c, async (out) => {
        await out.write('headers are out')
        if (when === 'late') await router.db.write(put('within the stream'))
      })
    })
    await using site = await listen(app)
    const before = lateOnes()
    await (await site.browser().fetch('/in-time', { method: 'POST' })).text()
    await (await site.browser().fetch('/late', { method: 'POST' })).text()
    await router.until(() => lateOnes() > before)
    expect(lateOnes() - before).toBe(1)
  })

  test.each([
    ['the stream ends', async (response: Response): Promise<unknown> => response.text()],
    ['the client goes', async (response: Response): Promise<unknown> => response.body?.cancel()],
  ])('elsewhere, when it has moved by the time %s', async (how, finish) => {
    const app = newApp()
    app.get('/', (c) =>
      streamText(c, async (out) => {
        await router.db.write(put(`elsewhere, ${how}`))
        await out.write('written')
        if (how === 'the stream ends') await out.write('all of it')
        else await new Promise<void>((resolve) => out.onAbort(resolve))
      }),
    )
    const before = lateOnes()
    const response = await app.request('/')
    expect(response.headers.get('quorate-session')).toBeNull()
    await router.until(() => router.events.some(({ type }) => type === 'write'))
    const answer = how === 'the stream ends' ? response : await firstChunk(response)
    await finish(answer)
    await router.until(() => lateOnes() > before)
    expect(lateOnes()).toBe(before + 1)
  })

  test('elsewhere, a body of known length is left as it is', async () => {
    const app = newApp()
    app.get('/', async (c) => {
      await router.db.write(put('left alone'))
      return c.text('whole', 200, { 'content-length': '5' })
    })
    const response = await app.request('/')
    expect(response.headers.get('content-length')).toBe('5')
    expect([await response.text(), response.headers.getSetCookie().length]).toEqual(['whole', 1])
  })
})

/** Reads a piece, so that what comes before it has happened. */
async function firstChunk(response: Response): Promise<Response> {
  const reader = response.body?.getReader()
  await reader?.read()
  reader?.releaseLock()
  return response
}

test('the session is a variable of the context, and found by the context or the request', async () => {
  const app = newApp({ key: (c) => c.req.header('x-user') })
  app.get('/', (c) => {
    const session = c.get('quorateSession')
    return c.json({
      key: session.key,
      same: [router.db.current(), sessionOf(c), sessionOf(c.req), sessionOf(c.req.raw)].map(
        (one) => one === session,
      ),
    })
  })
  const response = await app.request('/', { headers: { 'x-user': 'ann' } })
  expect(await response.json()).toEqual({ key: 'ann', same: [true, true, true, true] })
})

test('key and isSecure see the variables that earlier middleware has set', async () => {
  interface Earlier {
    Variables: { user: string; tls: boolean }
  }
  const app = new Hono<Earlier>()
  app.use(async (c, next) => {
    c.set('user', 'ann')
    c.set('tls', true)
    await next()
  })
  const session = readYourWritesHono<Earlier>(router.db, {
    key: (c) => c.get('user'),
    isSecure: (c) => c.get('tls'),
  })
  const typed = app.use(session).post('/', async (c) => {
    await router.db.write(put('variables'))
    return c.json({ key: c.get('quorateSession').key, user: c.get('user') })
  })
  const response = await typed.request('/', { method: 'POST' })
  expect(await response.json()).toEqual({ key: 'ann', user: 'ann' })
  expect(response.headers.getSetCookie()[0]).toMatch(/; Secure$/)
})

test('the cookie is Secure when the URL is https', async () => {
  const app = newApp()
  let count = 0
  app.post('/', async (c) => {
    await router.db.write(put(`secure ${++count}`))
    return c.body(null, 204)
  })
  const of = async (url: string): Promise<string | undefined> =>
    (await app.request(url, { method: 'POST' })).headers.getSetCookie()[0]
  expect(await of('https://shop.test/')).toMatch(/; Secure$/)
  expect(await of('http://shop.test/')).toMatch(/; SameSite=Lax$/)
})

test('two users on one connection keep their sessions apart', async () => {
  const app = newApp({ key: (c) => c.req.header('x-user') })
  let bobHasWritten: () => void = () => {}
  const bobWrites = new Promise<void>((resolve) => (bobHasWritten = resolve))
  app.post('/write', async (c) => {
    const user = c.req.header('x-user')
    await router.db.write(put(`one connection ${user}`))
    if (user === 'bob') bobHasWritten()
    else await bobWrites // both are under way: bob's answer waits for this one
    return c.json({ user, found: router.db.current()?.key, token: c.get('quorateSession').token })
  })
  app.get('/look', (c) => c.json({ key: c.get('quorateSession').key, token: c.get('quorateSession').token }))
  await using site = await listen(app)
  const answers = await overOneConnection(site.origin, [
    { path: '/write', method: 'POST', headers: { 'x-user': 'ann', 'content-length': '0' } },
    { path: '/write', method: 'POST', headers: { 'x-user': 'bob', 'content-length': '0' } },
    { path: '/look' },
  ])
  const bodies = answers.map(({ body }) => JSON.parse(body) as Record<string, string>)
  const tokens = answers.map(({ headers }) => headers.get('quorate-session'))
  expect(bodies).toEqual([
    { user: 'ann', found: 'ann', token: tokens[0] },
    { user: 'bob', found: 'bob', token: tokens[1] },
    {},
  ])
  expect(new Set(tokens).size).toBe(3)
  expect(answers.map(({ headers }) => headers.getSetCookie().length)).toEqual([1, 1, 0])
})

test('two databases have a session each', async () => {
  await using other = await bench.router({ waitMs: 0 })
  const app = newApp()
  app.use(
    readYourWritesHono(other.db, {
      name: 'stock',
      cookie: { name: 'stock-session' },
      header: 'Stock-Session',
    }),
  )
  app.post('/', async (c) => {
    await other.db.write(put('in the other one'))
    return c.json({
      default: c.get('quorateSession') === router.db.current(),
      named: sessionOf(c, 'stock') === other.db.current(),
      apart: sessionOf(c) !== sessionOf(c, 'stock'),
    })
  })
  const response = await app.request('/', { method: 'POST' })
  expect(await response.json()).toEqual({ default: true, named: true, apart: true })
  expect(response.headers.getSetCookie()).toEqual([expect.stringMatching(/^stock-session=/)])
  expect(response.headers.get('quorate-session')).toBeNull()
  expect(response.headers.get('stock-session')).toMatch(/^[\w-]+$/)
})
