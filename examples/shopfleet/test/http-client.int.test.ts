import { createServer, type RequestListener } from 'node:http'
import { pino } from 'pino'
import { afterEach, expect, onTestFinished, test } from 'vitest'
import { z } from 'zod'
import type { OrderView } from '../src/api.ts'
import { startGateway } from '../src/gateway/service.ts'
import { serviceClient, type ServiceClient } from '../src/shared/http-client.ts'
import { listen, type RunningServer } from '../src/shared/http-server.ts'
import { newTrace, withTrace } from '../src/shared/trace.ts'
import { apiOf } from './api.ts'

let server: RunningServer | undefined
let client: ServiceClient | undefined
afterEach(async () => {
  await client?.close()
  await server?.stop()
})

async function against(answer: RequestListener): Promise<ServiceClient> {
  server = await listen(createServer(answer), 0)
  client = serviceClient('cart', server.url)
  return client
}

test('call() hands the trace on and checks the answer', async () => {
  const api = await against((request, response) => {
    response.end(JSON.stringify({ seen: request.headers['traceparent'] }))
  })
  const trace = newTrace()
  const answer = z.object({ seen: z.string() })
  const { seen } = await withTrace(trace, () => api.call('GET', '/', { answer }))
  expect(seen).toContain(trace.traceId)
  // A fault of the service, and not of who asked us.
  await expect(api.call('GET', '/', { answer: z.object({ other: z.string() }) })).rejects.toMatchObject({
    status: 502,
    code: 'bad-gateway',
  })
})

test('call() throws the problem that the service answered with', async () => {
  const api = await against((_request, response) => {
    response.statusCode = 409
    response.setHeader('retry-after', '3')
    response.end(JSON.stringify({ code: 'taken', message: 'It is taken', traceId: 'x', short: [1] }))
  })
  await expect(api.call('POST', '/', { body: {} })).rejects.toMatchObject({
    status: 409,
    code: 'taken',
    details: { short: [1] },
    retryAfterSeconds: 3,
  })
})

test('call() gives up at its deadline and says that the outcome is unknown', async () => {
  const api = await against(() => {})
  const call = api.call('POST', '/', { body: {}, deadlineMs: 30 })
  await expect(call).rejects.toMatchObject({ name: 'NoAnswerError', status: 503, outcome: 'unknown' })
})

test('call() says that nothing was done when nobody listens', async () => {
  const api = await against(() => {})
  await server?.stop()
  await expect(api.call('POST', '/', { body: {} })).rejects.toMatchObject({ outcome: 'not-applied' })
})

test('call() of a lost answer has an unknown outcome for writes, and none for reads', async () => {
  const api = await against((request) => request.socket.destroy())
  await expect(api.call('POST', '/', { body: {} })).rejects.toMatchObject({ outcome: 'unknown' })
  await expect(api.call('GET', '/')).rejects.toMatchObject({ outcome: 'not-applied' })
})

test('the gateway says whether a refund is there (201) or on its way (202), as the orders service does', async () => {
  const order: OrderView = {
    id: 'o-1',
    userId: 'ann',
    status: 'PAID',
    cancelReason: null,
    apology: null,
    cartRemoval: null,
    short: null,
    lines: [],
    totalCents: 500,
    refundedCents: 0,
    tracking: null,
    createdAt: '2026-01-01T00:00:00.000Z',
    updatedAt: '2026-01-01T00:00:00.000Z',
  }
  let status = 201
  await against((_request, response) => {
    response.statusCode = status
    response.end(JSON.stringify({ refundId: 'r-1', orderId: 'o-1', amountCents: 500, order }))
  })
  const all = [server?.url ?? '']
  const gateway = await startGateway({
    urls: { catalog: all, inventory: all, cart: all, orders: all, payments: all, profiles: all },
    log: pino({ level: 'silent' }),
    port: 0,
    webFolder: '',
  })
  onTestFinished(() => gateway.stop())
  const api = apiOf(gateway.url)
  const refund = () => api.refund('ann', 'o-1', 'r-1', [{ sku: 'mug', quantity: 1 }])
  expect((await refund()).status).toBe(201)
  status = 202
  expect((await refund()).status).toBe(202)
})
