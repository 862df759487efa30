import { AsyncResource } from 'node:async_hooks'
import { once } from 'node:events'
import type { Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { serve } from '@hono/node-server'
import { Hono, type Context } from 'hono'
import { setCookie } from 'hono/cookie'
import { stream } from 'hono/streaming'
import { readYourWritesHono, sessionOf } from '@quorate/read-your-writes/hono'
import { frameworkSuite } from './framework-suite.ts'

frameworkSuite('Hono 4', async (db, notes) => {
  const outside = new AsyncResource('outside')
  const writeOutside = async (c: Context): Promise<void> => {
    if (db.current() !== undefined) throw new Error('the context of the request is still there')
    await db.write(notes.put(c.req.param('id') ?? ''), { session: sessionOf(c) })
  }
  const app = new Hono()
  app.use(readYourWritesHono(db, { key: (c) => c.req.header('x-user') }))
  app.onError((_error, c) => c.text('failed', 500)) // the default prints each error
  app.get('/note/:id', async (c) => c.json(await db.read(notes.exists(c.req.param('id')))))
  app.post('/note/:id', async (c) => {
    await db.write(notes.put(c.req.param('id')))
    return c.body(null, 204)
  })
  app.post('/stream/:id', async (c) => {
    await db.write(notes.put(c.req.param('id')))
    return stream(c, async (out) => {
      await out.write('first')
      await out.write('last')
    })
  })
  app.post('/redirect/:id', async (c) => {
    await db.write(notes.put(c.req.param('id')))
    return c.redirect('/elsewhere')
  })
  app.post('/error/:id', async (c) => {
    await db.write(notes.put(c.req.param('id')))
    throw new Error('after the write')
  })
  app.post('/cookies/:id', async (c) => {
    await db.write(notes.put(c.req.param('id')))
    setCookie(c, 'a', '1')
    setCookie(c, 'b', '2')
    return c.body(null, 204)
  })
  app.post('/late/:id', (c) =>
    stream(c, async (out) => {
      await out.write('first')
      await db.write(notes.put(c.req.param('id')))
    }),
  )
  app.post('/outside/:id', async (c) => {
    await outside.runInAsyncScope(writeOutside, undefined, c)
    return c.body(null, 204)
  })
  app.post('/body/:id', async (c) => {
    const { id } = await c.req.json<{ id: string }>()
    await db.write(notes.put(id))
    return c.body(null, 204)
  })
  const server = serve({ fetch: app.fetch, port: 0, hostname: '127.0.0.1' }) as Server
  await once(server, 'listening')
  return {
    origin: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
})
