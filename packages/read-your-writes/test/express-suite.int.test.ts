// oxlint-disable oxc/no-async-endpoint-handlers -- Express 5 takes care of rejections
import { AsyncResource } from 'node:async_hooks'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import express, { type Request, type Response } from 'express'
import { readYourWritesExpress, sessionOf } from '@quorate/read-your-writes/express'
import { frameworkSuite } from './framework-suite.ts'

frameworkSuite('Express 5', async (db, notes) => {
  const outside = new AsyncResource('outside')
  const writeOutside = async (request: Request<{ id: string }>, response: Response): Promise<void> => {
    if (db.current() !== undefined) throw new Error('the context of the request is still there')
    await db.write(notes.put(request.params.id), { session: sessionOf(request) })
    response.sendStatus(204)
  }
  const app = express()
  app.set('env', 'test') // or it prints each error
  app.use(readYourWritesExpress<Request>(db, { key: (request) => request.get('x-user') }))
  app.use(express.json())
  app.get('/note/:id', async (request, response) => {
    response.json(await db.read(notes.exists(request.params.id)))
  })
  app.post('/note/:id', async (request, response) => {
    await db.write(notes.put(request.params.id))
    response.sendStatus(204)
  })
  app.post('/stream/:id', async (request, response) => {
    await db.write(notes.put(request.params.id))
    response.write('first')
    response.end('last')
  })
  app.post('/redirect/:id', async (request, response) => {
    await db.write(notes.put(request.params.id))
    response.redirect('/elsewhere')
  })
  app.post('/error/:id', async (request) => {
    await db.write(notes.put(request.params.id))
    throw new Error('after the write')
  })
  app.post('/cookies/:id', async (request, response) => {
    await db.write(notes.put(request.params.id))
    response.cookie('a', '1').cookie('b', '2').sendStatus(204)
  })
  app.post('/late/:id', async (request, response) => {
    response.write('first')
    await db.write(notes.put(request.params.id))
    response.end()
  })
  app.post('/outside/:id', (request, response) =>
    outside.runInAsyncScope(writeOutside, undefined, request, response),
  )
  app.post('/body/:id', async (request: Request<object, unknown, { id: string }>, response) => {
    await db.write(notes.put(request.body.id))
    response.sendStatus(204)
  })
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
})
