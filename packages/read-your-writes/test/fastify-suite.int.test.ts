import { AsyncResource } from 'node:async_hooks'
import { Readable } from 'node:stream'
import cookie from '@fastify/cookie'
import fastify, { type FastifyReply, type FastifyRequest } from 'fastify'
import { readYourWritesFastify, sessionOf } from '@quorate/read-your-writes/fastify'
import { frameworkSuite } from './framework-suite.ts'

type Note = { Params: { id: string } }

frameworkSuite('Fastify 5', async (db, notes) => {
  const outside = new AsyncResource('outside')
  const writeOutside = async (request: FastifyRequest<Note>, reply: FastifyReply): Promise<void> => {
    if (db.current() !== undefined) throw new Error('the context of the request is still there')
    await db.write(notes.put(request.params.id), { session: sessionOf(request) })
    reply.code(204).send()
  }
  const app = fastify()
  await app.register(readYourWritesFastify, {
    db,
    key: ({ headers }) => (typeof headers['x-user'] === 'string' ? headers['x-user'] : undefined),
  })
  await app.register(cookie)
  app.get<Note>('/note/:id', ({ params }) => db.read(notes.exists(params.id)))
  app.post<Note>('/note/:id', async ({ params }, reply) => {
    await db.write(notes.put(params.id))
    return reply.code(204).send()
  })
  app.post<Note>('/stream/:id', async ({ params }, reply) => {
    await db.write(notes.put(params.id))
    return reply.send(Readable.from(['first', 'last']))
  })
  app.post<Note>('/redirect/:id', async ({ params }, reply) => {
    await db.write(notes.put(params.id))
    return reply.redirect('/elsewhere')
  })
  app.post<Note>('/error/:id', async ({ params }) => {
    await db.write(notes.put(params.id))
    throw new Error('after the write')
  })
  app.post<Note>('/cookies/:id', async ({ params }, reply) => {
    await db.write(notes.put(params.id))
    return reply.setCookie('a', '1').setCookie('b', '2').code(204).send()
  })
  app.post<Note>('/late/:id', async ({ params }, reply) => {
    async function* late(): AsyncGenerator<string> {
      yield 'first'
      await db.write(notes.put(params.id))
    }
    return reply.send(Readable.from(late()))
  })
  app.post<Note>('/outside/:id', (request, reply) => {
    outside.runInAsyncScope(writeOutside, undefined, request, reply).catch((error) => reply.send(error))
  })
  app.post<Note & { Body: { id: string } }>('/body/:id', async ({ body }, reply) => {
    await db.write(notes.put(body.id))
    return reply.code(204).send()
  })
  return {
    origin: await app.listen({ port: 0, host: '127.0.0.1' }),
    [Symbol.asyncDispose]: async () => {
      app.server.closeAllConnections()
      await app.close()
    },
  }
})
