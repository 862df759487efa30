// oxlint-disable oxc/no-async-endpoint-handlers -- Express 5 takes care of rejections
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import express, { type NextFunction, type Request, type Response } from 'express'
import { isQuorateError } from '@quorate/core'
import { readYourWritesExpress } from '@quorate/read-your-writes/express'
import type { Strategy } from './strategies.ts'

const READ = 'SELECT n FROM note WHERE id = $1'
const WRITE = 'INSERT INTO note VALUES ($1, $2) ON CONFLICT (id) DO UPDATE SET n = excluded.n'

/** A small site of numbers by name: `PUT /note/:id/:n`, and `GET /note/:id`, for the visitor of `X-Visitor`. */
export interface Site extends AsyncDisposable {
  readonly port: number
}

export async function startSite(strategy: Strategy): Promise<Site> {
  const app = express()
  app.set('etag', false)
  if (strategy.db !== undefined) app.use(readYourWritesExpress(strategy.db))
  app.put('/note/:id/:n', async (request, response) => {
    const { id, n } = request.params
    await strategy.write(visitorOf(request), (tx) => tx.query(WRITE, [id, Number(n)]))
    response.sendStatus(204)
  })
  app.get('/note/:id', async (request, response) => {
    const { rows } = await strategy.read(visitorOf(request), (q) =>
      q.query<{ n: number }>(READ, [request.params.id]),
    )
    response.json(rows[0]?.n ?? null)
  })
  app.use((error: unknown, _request: Request, response: Response, _next: NextFunction) => {
    const isUnavailable = isQuorateError(error) && 'statusCode' in error
    response.status(isUnavailable ? 503 : 500).json({ outcome: outcomeOf(error) })
  })
  const server = app.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    [Symbol.asyncDispose]: async () => {
      server.closeAllConnections()
      server.close()
      await once(server, 'close')
    },
  }
}

const visitorOf = (request: Request): string => request.get('x-visitor') ?? ''

/** What the database refuses did not happen; what it did not answer may have. */
function outcomeOf(error: unknown): 'not-applied' | 'unknown' {
  if (isQuorateError(error)) return error.outcome
  const { code = '' } = error as { code?: string }
  return code === 'ECONNREFUSED' || /^(25006|57P03)$/.test(code) ? 'not-applied' : 'unknown'
}
