// oxlint-disable oxc/no-async-endpoint-handlers -- Express 5 handles what they reject
import 'reflect-metadata'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { Body, Controller, Get, Module, Param, Put, Delete } from '@nestjs/common'
import { APP_FILTER, NestFactory } from '@nestjs/core'
import express from 'express'
import { afterAll, expect, test } from 'vitest'
import { ifMatchOf, optimisticErrors, requireIfMatch } from '../src/express/index.ts'
import { deleteIfMatch, etagOf, type IfMatch, isNotModified, updateIfMatch } from '../src/http/index.ts'
import { IfMatchHeader, OptimisticLockFilter } from '../src/nest/index.ts'
import { optimisticRepository, table } from '../src/pg/index.ts'
import { connect, type Stock } from './connect.ts'

const { pool } = await connect()
const stock = optimisticRepository(pool, {
  table: table<Stock>('stock'),
  key: ['sku', 'warehouse'],
  version: 'version',
})
type Changes = Omit<Parameters<typeof stock.update>[1], 'version'>
const writeOf = (sku: string, ifMatch: IfMatch) =>
  ({ repository: stock, version: 'version', key: { sku, warehouse: 1 }, ifMatch }) as const

async function expressServer(): Promise<string> {
  const app = express()
  app.use(express.json())
  app.put('/stock/:sku', requireIfMatch(), async (request, response) => {
    const row = await updateIfMatch(writeOf(request.params.sku, ifMatchOf(response)), request.body as Changes)
    response.set('ETag', etagOf(row.version)).json(row)
  })
  app.get('/stock/:sku', async (request, response) => {
    const row = await stock.get({ sku: request.params.sku, warehouse: 1 })
    if (row !== undefined) response.set('ETag', etagOf(row.version))
    if (isNotModified(request.headers['if-none-match'], row?.version)) response.status(304).end()
    else response.status(row === undefined ? 404 : 200).json(row ?? null)
  })
  app.delete('/stock/:sku', requireIfMatch({ required: false }), async (request, response) => {
    await deleteIfMatch(writeOf(request.params['sku'], ifMatchOf(response)))
    response.status(204).end()
  })
  // A handler that carries a version of its own, in the body.
  app.put('/raw/:sku', async (request, response) => {
    const { version, ...changes } = request.body as Changes & { version: number }
    response.json(await stock.update({ sku: request.params.sku, warehouse: 1, version }, changes))
  })
  app.use(optimisticErrors())
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  afterAll(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

class StockController {
  async put(sku: string, ifMatch: IfMatch, changes: Changes): Promise<Stock> {
    return updateIfMatch(writeOf(sku, ifMatch), changes)
  }
  async remove(sku: string, ifMatch: IfMatch): Promise<string> {
    await deleteIfMatch(writeOf(sku, ifMatch))
    return 'deleted'
  }
  async raw(sku: string, { version, ...changes }: Changes & { version: number }): Promise<Stock> {
    return stock.update({ sku, warehouse: 1, version }, changes)
  }
  get(): never {
    throw new Error('not one of ours')
  }
}
// The transform of tests knows no decorators; this is what they do.
const method = (
  name: keyof StockController,
  decorator: MethodDecorator,
  ...parameters: ParameterDecorator[]
): void => {
  parameters.forEach((parameter, index) => parameter(StockController.prototype, name, index))
  decorator(
    StockController.prototype,
    name,
    Object.getOwnPropertyDescriptor(StockController.prototype, name) ?? {},
  )
}
method('put', Put('stock/:sku'), Param('sku'), IfMatchHeader(), Body())
method('remove', Delete('stock/:sku'), Param('sku'), IfMatchHeader({ required: false }))
method('raw', Put('raw/:sku'), Param('sku'), Body())
method('get', Get('boom'))
Controller()(StockController)

// oxlint-disable-next-line typescript/no-extraneous-class -- Nest names modules by their class
class StockModule {}
Module({
  controllers: [StockController],
  providers: [{ provide: APP_FILTER, useClass: OptimisticLockFilter }],
})(StockModule)

async function nestServer(): Promise<string> {
  const app = await NestFactory.create(StockModule, { logger: false })
  await app.listen(0, '127.0.0.1')
  afterAll(() => app.close())
  return `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`
}

const servers = { express: await expressServer(), nest: await nestServer() }

for (const [framework, url] of Object.entries(servers)) {
  const send = async (
    path: string,
    ifMatch: string | undefined,
    body: object = {},
    verb = 'PUT',
  ): Promise<Response> =>
    fetch(`${url}${path}`, {
      method: verb,
      headers: { 'content-type': 'application/json', ...(ifMatch !== undefined && { 'if-match': ifMatch }) },
      ...(verb === 'PUT' && { body: JSON.stringify(body) }),
    })
  const fresh = async (name: string): Promise<string> => {
    const { sku } = await stock.insert({ sku: `${name}-${framework}`, warehouse: 1, available: 5 })
    return sku
  }

  test(`${framework}: a write with the right tag is made, with an old one refused with the tag of now`, async () => {
    const sku = await fresh('tag')
    const good = await send(`/stock/${sku}`, '"1"', { available: 4 })
    expect([good.status, await good.json()]).toEqual([
      200,
      expect.objectContaining({ available: 4, version: 2 }),
    ])
    const old = await send(`/stock/${sku}`, '"1"', { available: 3 })
    expect([old.status, old.headers.get('etag')]).toEqual([412, '"2"'])
    expect(await old.json()).toMatchObject({ statusCode: 412, code: 'QUORATE_PRECONDITION_FAILED' })
    expect(await stock.get({ sku, warehouse: 1 })).toMatchObject({ available: 4 })
  })

  test(`${framework}: lists and * are understood, weak tags satisfy nobody`, async () => {
    const sku = await fresh('list')
    const statuses: number[] = []
    for (const header of ['W/"1"', '"7", "8"', '"7", "1"', '*', 'W/"3", "3"']) {
      statuses.push((await send(`/stock/${sku}`, header, { available: 1 })).status)
    }
    expect(statuses).toEqual([412, 412, 200, 200, 200])
    expect((await send('/stock/nobody', '*')).status).toBe(412)
  })

  test(`${framework}: without If-Match 428, with a malformed one 400, and nothing is written`, async () => {
    const sku = await fresh('none')
    const missing = await send(`/stock/${sku}`, undefined, { available: 1 })
    expect([missing.status, await missing.json()]).toEqual([
      428,
      expect.objectContaining({ code: 'QUORATE_PRECONDITION_REQUIRED' }),
    ])
    expect((await send(`/stock/${sku}`, '1', { available: 1 })).status).toBe(400)
    expect(await stock.get({ sku, warehouse: 1 })).toMatchObject({ available: 5, version: 1 })
  })

  test(`${framework}: of 16 writes with one tag, one is made`, async () => {
    const sku = await fresh('race')
    const answers = await Promise.all(
      Array.from({ length: 16 }, (_, index) => send(`/stock/${sku}`, '"1"', { reserved: index })),
    )
    const statuses = answers.map(({ status }) => status)
    expect(statuses.toSorted((a, b) => a - b)).toEqual([200, ...Array.from({ length: 15 }, () => 412)])
  })

  test(`${framework}: of 16 writes with *, all are made`, async () => {
    const sku = await fresh('star')
    const answers = await Promise.all(
      Array.from({ length: 16 }, (_, index) => send(`/stock/${sku}`, '*', { reserved: index })),
    )
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 16 }, () => 200))
    expect(await stock.get({ sku, warehouse: 1 })).toMatchObject({ version: 17 })
  })

  test(`${framework}: delete is conditional too`, async () => {
    const sku = await fresh('delete')
    expect((await send(`/stock/${sku}`, '"9"', {}, 'DELETE')).status).toBe(412)
    expect((await send(`/stock/${sku}`, '"1"', {}, 'DELETE')).ok).toBe(true)
    expect((await send(`/stock/${sku}`, undefined, {}, 'DELETE')).status).toBe(412)
  })

  test(`${framework}: errors of the repository itself are answered: 412 with the tag of now, 404`, async () => {
    const sku = await fresh('raw')
    const stale = await send(`/raw/${sku}`, undefined, { version: 9, available: 1 })
    expect([stale.status, stale.headers.get('etag')]).toEqual([412, '"1"'])
    expect((await send('/raw/nobody', undefined, { version: 1 })).status).toBe(404)
  })
}

test('express: GET and HEAD of a version that the client has are answered by 304, of another in full', async () => {
  await stock.insert({ sku: 'cached', warehouse: 1, available: 5 })
  const ask = async (path: string, verb: string, ifNoneMatch: string): Promise<unknown[]> => {
    const headers = { 'if-none-match': ifNoneMatch, 'cache-control': 'max-age=0' }
    const answer = await fetch(`${servers.express}/stock/${path}`, { method: verb, headers })
    return [answer.status, answer.headers.get('etag'), (await answer.text()).length > 0]
  }
  for (const verb of ['GET', 'HEAD']) {
    expect(await ask('cached', verb, '"0", W/"1"')).toEqual([304, '"1"', false])
    expect(await ask('cached', verb, '"2"')).toEqual([200, '"1"', verb === 'GET'])
    expect((await ask('no-such', verb, '*'))[0]).toBe(404)
  }
})

test('nest: other errors are not touched', async () => {
  expect((await fetch(`${servers.nest}/boom`)).status).toBe(500)
})
