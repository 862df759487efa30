// oxlint-disable oxc/no-async-endpoint-handlers -- Express 5 takes care of rejections
import { EventEmitter, once } from 'node:events'
import type { AddressInfo } from 'node:net'
import express, { type NextFunction, type Request, type Response } from 'express'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type { Queryable } from '@quorate/read-your-writes'
import { readYourWritesExpress, sessionOf } from '@quorate/read-your-writes/express'
import { startBench, type Bench, type TestRouter } from './setup.ts'

let bench: Bench
let router: TestRouter
beforeAll(async () => {
  bench = await startBench()
  router = await bench.router({ waitMs: 0 })
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
  fetch(path: string, init?: RequestInit): Promise<globalThis.Response>
}

async function site(
  define: (app: express.Express) => void,
  options: Parameters<typeof readYourWritesExpress<Request>>[1] = {},
): Promise<Site> {
  const app = express()
  app.use(readYourWritesExpress<Request>(router.db, options))
  app.use(express.json())
  app.get('/note/:id', async (request, response) => {
    response.json(await router.db.read(exists(request.params.id)))
  })
  define(app)
  app.use((error: Error, _request: Request, response: Response, _next: NextFunction) => {
    response.status(500).send(error.message)
  })
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return {
    fetch: (path, init) => fetch(`http://127.0.0.1:${port}${path}`, { redirect: 'manual', ...init }),
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

const cookieOf = (response: globalThis.Response): string => {
  const cookies = response.headers.getSetCookie().filter((one) => one.startsWith('quorate-session='))
  expect(cookies).toHaveLength(1)
  return cookies[0]?.split(';')[0] as string
}

/** Replicas show what is committed by now, the router knows it, and they stand still again. */
async function replicasCatchUp(): Promise<void> {
  const session = router.db.session()
  await router.db.write(put(`marker ${router.events.length}`), { session })
  for (const replica of bench.replicas) {
    await replica.resumeReplay()
    await replica.caughtUp()
    await replica.pauseReplay()
  }
  do await router.db.read(exists('marker'), { session })
  while (router.lastRead().target === 'primary')
}

function gate(): { opened: Promise<void>; open: () => void } {
  let open: () => void = () => {}
  const opened = new Promise<void>((resolve) => (open = resolve))
  return { opened, open }
}

test('a browser sees its own write with the cookie, and the replica without it', async () => {
  await using shop = await site((app) => {
    app.post('/note', async (request: Request<object, unknown, { id: string }>, response) => {
      await router.db.write(put(request.body.id))
      response.status(201).end()
    })
  })
  const posted = await shop.fetch('/note', {
    method: 'POST',
    body: JSON.stringify({ id: 'own' }),
    headers: { 'content-type': 'application/json' },
  })
  expect(posted.headers.getSetCookie()[0]).toMatch(
    /^quorate-session=[\w-]{59}; Path=\/; Max-Age=86400; HttpOnly; SameSite=Lax$/,
  )
  const withCookie = await shop.fetch('/note/own', { headers: { cookie: `a=b; ${cookieOf(posted)}; c=d` } })
  expect(await withCookie.json()).toBe(true)
  expect(withCookie.headers.getSetCookie()).toEqual([])
  const token = posted.headers.get('quorate-session') as string
  const withHeader = await shop.fetch('/note/own', { headers: { 'quorate-session': token } })
  expect(await withHeader.json()).toBe(true)
  expect(await (await shop.fetch('/note/own')).json()).toBe(false)
})

test('the token goes out with streams, redirects, flushed headers and error pages', async () => {
  await using shop = await site((app) => {
    app.get('/stream', async (_request, response) => {
      await router.db.write(put('stream'))
      response.write('first')
      response.end('last')
    })
    app.get('/redirect', async (_request, response) => {
      await router.db.write(put('redirect'))
      response.redirect('/elsewhere')
    })
    app.get('/flush', async (_request, response) => {
      await router.db.write(put('flush'))
      response.flushHeaders()
      response.end()
    })
    app.get('/error', async () => {
      await router.db.write(put('error'))
      throw new Error('after the write')
    })
  })
  for (const name of ['stream', 'redirect', 'flush', 'error']) {
    const response = await shop.fetch(`/${name}`)
    await response.text()
    const seen = await shop.fetch(`/note/${name}`, { headers: { cookie: cookieOf(response) } })
    expect([name, await seen.json()]).toEqual([name, true])
  }
})

test('cookies given to writeHead() stay beside ours', async () => {
  await using shop = await site((app) => {
    app.get('/both', async (_request, response) => {
      await router.db.write(put('both'))
      response.cookie('early', '1')
      response.writeHead(200, { 'Set-Cookie': ['late=2', 'later=3'], 'X-Other': 'kept' })
      response.end()
    })
  })
  const response = await shop.fetch('/both')
  const names = response.headers.getSetCookie().map((one) => one.split('=')[0])
  expect(names).toEqual(['early', 'quorate-session', 'late', 'later'])
  expect(response.headers.get('x-other')).toBe('kept')
})

test('a tampered or foreign token is no error: the primary answers', async () => {
  await using shop = await site(() => {})
  const token = router.db.session()
  await router.db.write(put('tamper'), { session: token })
  const good = token.token as string
  const bad = `${good.slice(0, 20)}${good[20] === 'A' ? 'B' : 'A'}${good.slice(21)}`
  for (const value of [bad, 'rubbish', '%%%', 'A'.repeat(5_000)]) {
    const response = await shop.fetch('/note/tamper', { headers: { cookie: `quorate-session=${value}` } })
    expect([value.slice(0, 10), response.status, await response.json()]).toEqual([
      value.slice(0, 10),
      200,
      true,
    ])
    expect(cookieOf(response)).not.toContain(value)
  }
})

test('code that has lost its asynchronous context finds the session by the request', async () => {
  const outside = new EventEmitter()
  outside.on('write', (request: Request, response: Response) => {
    const session = sessionOf(request)
    void router.db.write(put('emitter'), session === undefined ? {} : { session }).then(() => response.end())
  })
  await using shop = await site((app) => {
    app.get('/emit', (request, response) => void outside.emit('write', request, response))
  })
  expect(cookieOf(await shop.fetch('/emit'))).toMatch(/^quorate-session=/)
})

test('a token that moves after the headers are gone is reported', async () => {
  await using shop = await site((app) => {
    app.get('/late', async (_request, response) => {
      response.write('headers are out')
      await router.db.write(put('late'))
      response.end()
    })
  })
  const response = await shop.fetch('/late')
  await response.text()
  await router.until(() => router.events.some(({ type }) => type === 'token-late'))
  expect(response.headers.getSetCookie()).toEqual([])
})

test('of two requests of one user at once, the older token cannot undo the newer one', async () => {
  const [slowMayEnd, slowHasWritten] = [gate(), gate()]
  await using shop = await site(
    (app) => {
      app.get('/slow', async (_request, response) => {
        await router.db.write(put('slow'))
        slowHasWritten.open()
        await slowMayEnd.opened
        response.end()
      })
      app.get('/fast', async (_request, response) => {
        await router.db.write(put('fast'))
        response.end()
      })
    },
    { key: () => 'ann' },
  )
  const slow = shop.fetch('/slow')
  await slowHasWritten.opened
  await replicasCatchUp()
  await shop.fetch('/fast')
  slowMayEnd.open()
  // The browser keeps what arrives last.
  const kept = cookieOf(await slow)
  const seen = await shop.fetch('/note/fast', { headers: { cookie: kept } })
  expect(await seen.json()).toBe(true)
})
