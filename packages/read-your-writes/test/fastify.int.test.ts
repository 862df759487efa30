// oxlint-disable oxc/no-async-endpoint-handlers -- Fastify takes care of rejections
import { AsyncResource } from 'node:async_hooks'
import { once } from 'node:events'
import { connect as connectHttp2 } from 'node:http2'
import { Readable } from 'node:stream'
import cookie from '@fastify/cookie'
import fastify, { type FastifyInstance, type FastifyRequest } from 'fastify'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Queryable, Session } from '@quorate/read-your-writes'
import { readYourWritesFastify, sessionOf } from '@quorate/read-your-writes/fastify'
import { Browser } from './browser.ts'
import { overOneConnection } from './one-connection.ts'
import { startBench, type Bench, type TestRouter } from './setup.ts'

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

interface Site extends AsyncDisposable {
  readonly origin: string
  readonly browser: () => Browser
}

/** Listens, with a route that tells whether a note is seen. */
async function listen(app: FastifyInstance): Promise<Site> {
  app.get<{ Params: { id: string } }>('/note/:id', ({ params }) => router.db.read(exists(params.id)))
  const origin = await app.listen({ port: 0, host: '127.0.0.1' })
  return {
    origin,
    browser: () => new Browser(origin),
    [Symbol.asyncDispose]: async () => {
      app.server.closeAllConnections()
      await app.close()
    },
  }
}

const userOf = ({ headers }: FastifyRequest): string | undefined =>
  typeof headers['x-user'] === 'string' ? headers['x-user'] : undefined

describe('the token goes out', () => {
  test.each(['hijack', 'hijack-plain', 'piped', 'web', 'own-cookie', 'not-found', 'bad-body', 'on-send'])(
    'with %s',
    async (way) => {
      const app = fastify()
      await app.register(readYourWritesFastify, { db: router.db })
      await app.register(cookie)
      app.post('/hijack', async (_request, reply) => {
        await router.db.write(put('hijack'))
        reply.hijack()
        reply.raw.writeHead(200, { 'Set-Cookie': ['other=1'], 'X-Other': 'kept' })
        reply.raw.end('by hand')
      })
      app.post('/hijack-plain', async (_request, reply) => {
        await router.db.write(put('hijack-plain'))
        reply.hijack()
        reply.raw.setHeader('Set-Cookie', 'other=1')
        reply.raw.end('by hand')
      })
      app.post('/piped', async (_request, reply) => {
        await router.db.write(put('piped'))
        return reply.setCookie('other', '1').send(Readable.from(['a', 'b']))
      })
      app.post('/web', async () => {
        await router.db.write(put('web'))
        return new Response('web', { headers: { 'set-cookie': 'other=1' } })
      })
      app.post('/own-cookie', async (_request, reply) => {
        await router.db.write(put('own-cookie'))
        return reply.header('Set-Cookie', 'other=1').send('own')
      })
      app.setNotFoundHandler(async (_request, reply) => {
        await router.db.write(put('not-found'))
        return reply.code(404).setCookie('other', '1').send('nothing here')
      })
      app.post('/bad-body', () => 'never')
      app.setErrorHandler(async (_error, _request, reply) => {
        await router.db.write(put('bad-body'))
        return reply.code(400).setCookie('other', '1').send('not understood')
      })
      app.post('/on-send', {
        onSend: async (_request, reply) => {
          await router.db.write(put('on-send'))
          reply.setCookie('other', '1')
        },
        handler: () => 'sent',
      })
      await using site = await listen(app)
      const browser = site.browser()
      const answer = await browser.fetch(
        `/${way}`,
        way === 'bad-body'
          ? { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{' }
          : { method: 'POST' },
      )
      await answer.text()
      expect(answer.status).toBe({ 'not-found': 404, 'bad-body': 400 }[way] ?? 200)
      expect(browser.cookies.toSorted()).toEqual(['other', 'quorate-session'])
      expect(await browser.json(`/note/${way}`)).toBe(true)
    },
  )

  test('with the answer to HEAD, and with injected requests', async () => {
    const app = fastify()
    await app.register(readYourWritesFastify, { db: router.db })
    let count = 0
    app.get('/visit', async () => {
      await router.db.write(put(`visit ${++count}`))
      return 'seen'
    })
    await using site = await listen(app)
    const head = await site.browser().fetch('/visit', { method: 'HEAD' })
    expect([head.headers.getSetCookie().length, await head.text()]).toEqual([1, ''])
    const injected = await app.inject('/visit')
    expect(injected.cookies).toMatchObject([{ name: 'quorate-session', httpOnly: true }])
  })

  test('over HTTP/2', async () => {
    const app = fastify({ http2: true })
    await app.register(readYourWritesFastify, { db: router.db })
    app.post('/note', async (_request, reply) => {
      await router.db.write(put('http2'))
      return reply.header('Set-Cookie', 'other=1').send(Readable.from(['a', 'b']))
    })
    const client = connectHttp2(await app.listen({ port: 0, host: '127.0.0.1' }))
    const stream = client.request({ ':method': 'POST', ':path': '/note' })
    const [headers] = (await once(stream, 'response')) as [Record<string, unknown>]
    expect(headers['set-cookie']).toEqual(['other=1', expect.stringMatching(/^quorate-session=/)])
    expect(headers['quorate-session']).toMatch(/^[\w-]+$/)
    client.destroy()
    await app.close()
  })
})

test('a token that moves again after it was sent is reported, and one that does not is not', async () => {
  const app = fastify()
  await app.register(readYourWritesFastify, { db: router.db })
  app.post<{ Params: { again: string } }>('/:again', async ({ params }, reply) => {
    await router.db.write(put(`first of ${params.again}`))
    reply.hijack()
    reply.raw.write('headers are out')
    if (params.again === 'twice') await router.db.write(put('second'))
    reply.raw.end()
  })
  const lateOnes = (): number => router.events.filter(({ type }) => type === 'token-late').length
  await using site = await listen(app)
  const before = lateOnes()
  await (await site.browser().fetch('/once', { method: 'POST' })).text()
  await (await site.browser().fetch('/twice', { method: 'POST' })).text()
  await router.until(() => lateOnes() > before)
  expect(lateOnes() - before).toBe(1)
})

describe('context', () => {
  const HOOKS = ['onRequest', 'preParsing', 'preValidation', 'preHandler'] as const
  const LATER = ['preSerialization', 'onSend', 'onResponse'] as const

  test('all later hooks and the handler find the session, also when a hook calls back from elsewhere', async () => {
    // A batch runs all callbacks that wait, in the context of whoever completes it.
    const waiting: (() => void)[] = []
    const inBatch = (count: number, done: () => void): void => {
      waiting.push(done)
      if (waiting.length === count) for (const one of waiting.splice(0)) one()
    }
    const found = new Map<Session, string[]>()
    const note = (request: FastifyRequest, hook: string): void => {
      const session = request.quorateSession
      const own = router.db.current() === session && sessionOf(request) === session
      found.set(session, [...(found.get(session) ?? []), `${hook} ${own ? 'own' : 'another'}`])
    }
    const app = fastify()
    await app.register(readYourWritesFastify, { db: router.db, key: userOf })
    for (const hook of HOOKS) {
      app.addHook(hook, (request: FastifyRequest, _reply: unknown, ...rest: unknown[]) => {
        note(request, hook)
        inBatch(2, rest.at(-1) as () => void)
      })
    }
    for (const hook of LATER) {
      app.addHook(hook, async (request: FastifyRequest) => {
        await Promise.resolve()
        note(request, hook)
      })
    }
    app.post('/', (request, reply) => {
      note(request, 'handler')
      inBatch(2, () => void reply.send({ user: userOf(request) }))
    })
    await using site = await listen(app)
    const post = async (user: string): Promise<unknown> => {
      const headers = { 'content-type': 'application/json', 'x-user': user }
      const body = JSON.stringify({ text: 'x'.repeat(100_000) })
      return (await fetch(site.origin, { method: 'POST', headers, body })).json()
    }
    expect(await Promise.all([post('ann'), post('bob')])).toEqual([{ user: 'ann' }, { user: 'bob' }])
    await expect
      .poll(() => [...found.values()].map((hooks) => hooks.at(-1)))
      .toEqual(['onResponse own', 'onResponse own'])
    const all = [...HOOKS, 'handler', ...LATER]
    for (const hooks of found.values()) expect(hooks).toEqual(all.map((hook) => `${hook} own`))
    expect(new Set([...found.keys()].map(({ key }) => key))).toEqual(new Set(['ann', 'bob']))
  })

  test('error hooks and error handlers find it, whatever failed', async () => {
    const found: string[] = []
    const app = fastify()
    await app.register(readYourWritesFastify, { db: router.db })
    const elsewhere = new AsyncResource('elsewhere') // has no session
    const note = (where: string, request: FastifyRequest): void => {
      found.push(`${where} ${router.db.current() === request.quorateSession}`)
    }
    app.addHook('onError', async (request) => note('onError', request))
    app.setErrorHandler((error, request, reply) => {
      note((error as Error).message, request)
      void reply.code(500).send('failed')
    })
    app.post('/parse', () => 'never')
    app.post('/throw', () => {
      throw new Error('thrown')
    })
    app.post('/elsewhere', (_request, reply) => {
      elsewhere.runInAsyncScope(() => {
        expect(router.db.current()).toBeUndefined()
        void reply.send(new Error('from elsewhere'))
      })
    })
    await using site = await listen(app)
    const init = { method: 'POST', headers: { 'content-type': 'application/json' } }
    for (const path of ['parse', 'throw', 'elsewhere']) {
      const body = path === 'parse' ? '{'.repeat(100_000) : '{}'
      expect((await site.browser().fetch(`/${path}`, { ...init, body })).status).toBe(500)
    }
    const messages = [expect.stringMatching(/JSON.* true$/), 'thrown true', 'from elsewhere true']
    expect(found).toEqual(messages.flatMap((message) => ['onError true', message]))
  })

  test('it holds for the instance it is registered on, and for what comes after it', async () => {
    const app = fastify()
    const where = (request: FastifyRequest): unknown => ({
      session: sessionOf(request) !== undefined,
      current: router.db.current() !== undefined,
    })
    await app.register(async (before) => {
      before.get('/before', where)
      before.get('/too-early', (request) => request.quorateSession.token ?? 'none')
    })
    await app.register(async (shop) => {
      await shop.register(readYourWritesFastify, { db: router.db })
      shop.get('/shop', where)
      await shop.register(async (below) => below.get('/below', where))
    })
    app.get('/beside', where)
    await using site = await listen(app)
    const seen = await Promise.all(
      ['/before', '/shop', '/below', '/beside'].map((path) => site.browser().json(path)),
    )
    const [with_, without] = [
      { session: true, current: true },
      { session: false, current: false },
    ]
    expect(seen).toEqual([without, with_, with_, without])
  })

  test('a hook that runs before the session begins is told what to do', async () => {
    const app = fastify()
    app.addHook('onRequest', async (request) => {
      expect(sessionOf(request)).toBeUndefined()
      expect(() => request.quorateSession).toThrow(TypeError)
      expect(() => request.quorateSession).toThrow(/has not begun yet; register readYourWritesFastify before/)
    })
    await app.register(readYourWritesFastify, { db: router.db })
    app.get('/', (request) => ({ token: request.quorateSession.token ?? 'none' }))
    expect((await app.inject('/')).json()).toEqual({ token: 'none' })
    expect.assertions(4)
  })
})

test('two users on one connection keep their sessions apart', async () => {
  const app = fastify()
  await app.register(readYourWritesFastify, { db: router.db, key: userOf })
  let bobHasWritten: () => void = () => {}
  const bobWrites = new Promise<void>((resolve) => (bobHasWritten = resolve))
  app.post('/write', async (request) => {
    const user = userOf(request) ?? 'nobody'
    await router.db.write(put(`one connection ${user}`))
    if (user === 'bob') bobHasWritten()
    else await bobWrites // both are under way: bob's answer waits for this one
    return { user, found: router.db.current()?.key, token: request.quorateSession.token }
  })
  app.get('/look', (request) => ({ key: request.quorateSession.key, token: request.quorateSession.token }))
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

test('the cookie is Secure when the client speaks TLS to a proxy that is trusted', async () => {
  const cookies: string[] = []
  for (const trustProxy of [true, false]) {
    const app = fastify({ trustProxy })
    await app.register(readYourWritesFastify, { db: router.db, header: false })
    app.post('/', async () => {
      await router.db.write(put(`trusted ${trustProxy}`))
      return 'written'
    })
    const answer = await app.inject({ method: 'POST', url: '/', headers: { 'x-forwarded-proto': 'https' } })
    cookies.push(String(answer.headers['set-cookie']))
    expect(answer.headers['quorate-session']).toBeUndefined()
  }
  expect(cookies.map((text) => text.endsWith('; Secure'))).toEqual([true, false])
})

test('two databases have a session each', async () => {
  await using other = await bench.router({ waitMs: 0 })
  const app = fastify()
  await app.register(readYourWritesFastify, { db: router.db })
  await app.register(readYourWritesFastify, {
    db: other.db,
    name: 'stock',
    cookie: { name: 'stock-session' },
    header: 'Stock-Session',
  })
  app.post('/', async (request) => {
    await other.db.write(put('in the other one'))
    return {
      default: request.quorateSession === router.db.current(),
      named: sessionOf(request, 'stock') === other.db.current(),
      apart: sessionOf(request) !== sessionOf(request, 'stock'),
    }
  })
  const answer = await app.inject({ method: 'POST', url: '/' })
  expect(answer.json()).toEqual({ default: true, named: true, apart: true })
  expect(answer.cookies.map(({ name }) => name)).toEqual(['stock-session'])
  expect([answer.headers['quorate-session'], typeof answer.headers['stock-session']]).toEqual([
    undefined,
    'string',
  ])
})
