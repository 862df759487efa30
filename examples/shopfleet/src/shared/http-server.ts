import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express, {
  type ErrorRequestHandler,
  type Express,
  type Request,
  type RequestHandler,
  type Response,
} from 'express'
import type { z } from 'zod'
import type { Logger } from './logging.ts'
import { Problem, toProblem } from './problem.ts'
import { continueTrace, currentTrace, withTrace, type Trace } from './trace.ts'

/** A service that is up: where it is, and how to end it. */
export interface RunningServer {
  readonly url: string
  /** Takes no new requests, lets those in flight finish for up to 2 s, then cuts them. */
  stop(): Promise<void>
}

const MAX_BODY = '4mb'
const DRAIN_MS = 2_000

/** An Express app with what every service has: trace, request log, JSON bodies of bounded size. */
export function createApp(log: Logger): Express {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.use(traced(log))
  app.use(express.json({ limit: MAX_BODY }))
  return app
}

/** Reads or makes the trace, runs the rest of the request inside it, and logs the answer. */
export function traced(log: Logger): RequestHandler {
  return (request, response, next) => {
    const trace = continueTrace(request.header('traceparent'))
    response.locals['trace'] = trace
    response.setHeader('x-trace-id', trace.traceId)
    const startMs = performance.now()
    response.once('close', () => {
      const ms = Math.round((performance.now() - startMs) * 10) / 10
      log.info(
        { ...trace, method: request.method, url: request.originalUrl, status: response.statusCode, ms },
        'request',
      )
    })
    withTrace(trace, next)
  }
}

/** What a handler gets: the parts of the request it has a schema for, already checked. */
export interface RouteContext<Params, Query, Body> {
  readonly params: Params
  readonly query: Query
  readonly body: Body
  readonly request: Request
  readonly response: Response
}

/** What a handler returns: status 200 unless said otherwise; no body means 204. */
export interface RouteAnswer {
  readonly status?: number
  readonly body?: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export interface RouteSchemas<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType> {
  readonly params?: P
  readonly query?: Q
  readonly body?: B
}

/** A handler whose input is checked first; a wrong input is answered 400 and never reaches it. */
export function route<P extends z.ZodType, Q extends z.ZodType, B extends z.ZodType>(
  schemas: RouteSchemas<P, Q, B>,
  handler: (context: RouteContext<z.infer<P>, z.infer<Q>, z.infer<B>>) => Promise<RouteAnswer>,
): RequestHandler {
  return async (request, response) => {
    const answer = await handler({
      params: schemas.params?.parse(request.params) as z.infer<P>,
      query: schemas.query?.parse(request.query) as z.infer<Q>,
      body: schemas.body?.parse(request.body) as z.infer<B>,
      request,
      response,
    })
    if (answer.headers !== undefined) response.set(answer.headers)
    if (answer.body === undefined) response.status(answer.status ?? 204).end()
    else response.status(answer.status ?? 200).json(answer.body)
  }
}

/** Last in the chain: whatever was thrown becomes a problem answer, and our own faults are logged. */
export function answerProblems(service: string, log: Logger): ErrorRequestHandler {
  return (error: unknown, _request, response, next) => {
    if (response.headersSent) return next(error)
    const problem = toProblem(error, service)
    if (problem.status === 503)
      log.warn({ code: problem.code, cause: String(problem.cause) }, problem.message)
    else if (problem.status >= 500) log.error({ err: problem.cause ?? problem }, problem.message)
    const trace = (response.locals['trace'] as Trace | undefined) ?? currentTrace()
    if (problem.retryAfterSeconds !== undefined)
      response.set('retry-after', String(problem.retryAfterSeconds))
    response
      .status(problem.status)
      .type('application/problem+json')
      .send(
        JSON.stringify({
          ...problem.details,
          code: problem.code,
          message: problem.message,
          traceId: trace?.traceId ?? '',
        }),
      )
  }
}

export interface ServeOptions {
  readonly service: string
  readonly log: Logger
  readonly port?: number
  /** Throws when the service cannot do its work, for example because its database is away. */
  readonly check?: () => Promise<unknown>
}

/** Adds `/health` and the answers for unknown paths and for errors, and listens on the loopback address. */
export async function serve(
  app: Express,
  { service, log, port = 0, check }: ServeOptions,
): Promise<RunningServer> {
  app.get(
    '/health',
    route({}, async () => {
      await check?.()
      return { body: { service, ok: true } }
    }),
  )
  app.use((request) => {
    throw new Problem(404, 'not-found', `No such address: ${request.method} ${request.path}`)
  })
  app.use(answerProblems(service, log))
  return listen(createServer(app), port)
}

/** Listens on the loopback address; port 0 takes a free one. */
export async function listen(server: Server, port: number): Promise<RunningServer> {
  // Longer than our clients keep idle connections, so that the client is always the one to close.
  server.keepAliveTimeout = 30_000
  server.headersTimeout = 31_000
  server.requestTimeout = 60_000
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen({ port, host: '127.0.0.1' }, () => {
      server.off('error', reject)
      resolve()
    })
  })
  const address = server.address() as AddressInfo
  return { url: `http://127.0.0.1:${address.port}`, stop: () => stopServer(server) }
}

/** Resolves when the last connection is gone. */
export async function stopServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => {
    server.close(() => resolve())
  })
  server.closeIdleConnections()
  const cut = setTimeout(() => server.closeAllConnections(), DRAIN_MS)
  await closed
  clearTimeout(cut)
}
