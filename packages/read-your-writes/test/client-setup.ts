// oxlint-disable oxc/no-async-endpoint-handlers -- Express 5 takes care of rejections
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { stripTypeScriptTypes } from 'node:module'
import type { AddressInfo } from 'node:net'
import express, { type Express } from 'express'
import { readYourWritesExpress } from '@quorate/read-your-writes/express'
import type { FrameworkSite } from './framework-suite.ts'
import type { TestRouter } from './setup.ts'

/** An API of its own origin: who follows whom. The token travels in the header only. */
export function followApi({ db }: TestRouter): Promise<FrameworkSite> {
  const app = express()
  app.set('env', 'test') // or it prints each error
  app.use((request, response, next) => {
    const exposed = request.path.startsWith('/hidden')
      ? {}
      : { 'Access-Control-Expose-Headers': 'Quorate-Session' }
    response.set({
      'Access-Control-Allow-Origin': request.get('origin') ?? '*',
      'Access-Control-Allow-Methods': 'GET, PUT, DELETE',
      'Access-Control-Allow-Headers': 'Quorate-Session',
      ...exposed,
    })
    if (request.method === 'OPTIONS') response.sendStatus(204)
    else next()
  })
  app.use(readYourWritesExpress(db, { cookie: false }))
  const follow = (id: string): Promise<unknown> =>
    db.write((tx) => tx.query('INSERT INTO note VALUES ($1, 1) ON CONFLICT DO NOTHING', [id]))
  app.get('/follows/:id', async (request, response) => {
    const { id } = request.params
    const { rowCount } = await db.read((q) => q.query('SELECT 1 FROM note WHERE id = $1', [id]))
    response.set('Cache-Control', 'max-age=60') // what makes a browser's cache lie
    response.json(rowCount === 1)
  })
  for (const path of ['/follows/:id', '/hidden/:id'] as const) {
    app.put(path, async (request, response) => {
      await follow(request.params.id)
      response.sendStatus(204)
    })
  }
  app.delete('/follows/:id', async (request, response) => {
    await db.write((tx) => tx.query('DELETE FROM note WHERE id = $1', [request.params.id]))
    response.sendStatus(204)
  })
  app.put('/lost-answer/:id', async (request) => {
    await follow(request.params.id)
    request.socket.destroy()
  })
  app.put('/lost-request/:id', (request) => void request.socket.destroy())
  app.put('/error-after/:id', async (request) => {
    await follow(request.params.id)
    throw new Error('after the write')
  })
  app.put('/blocked/:id', (_, response) => void response.status(403).json({ reason: 'blocked' }))
  app.put('/taken/:id', (_, response) => void response.sendStatus(204)) // and nothing is written
  return listen(app)
}

const SOURCES: Readonly<Record<string, URL>> = {
  '/client/': new URL('../src/client/', import.meta.url),
  '/core/': new URL('../../core/src/', import.meta.url),
}

const PAGE = `<!doctype html><title>follow</title><link rel="icon" href="data:,">
<script type="importmap">{ "imports": { "@quorate/core": "/core/index.ts" } }</script>
<script type="module">
  import * as quorate from '/client/index.ts'
  globalThis.quorate = quorate
</script>`

/** A page with the client's sources, each a module without its types: what Node alone has would fail there. */
export function followPage(): Promise<FrameworkSite> {
  const app = express()
  app.get('/', (_, response) => void response.type('html').send(PAGE))
  app.get(/^\/(client|core)\/[\w-]+\.ts$/, async ({ path }, response) => {
    const folder = path.slice(0, path.indexOf('/', 1) + 1)
    const source = await readFile(new URL(path.slice(folder.length), SOURCES[folder]), 'utf8')
    response.type('js').send(stripTypeScriptTypes(source))
  })
  return listen(app)
}

async function listen(app: Express): Promise<FrameworkSite> {
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
