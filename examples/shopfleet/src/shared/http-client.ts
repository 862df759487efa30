import { Pool } from 'undici'
import type { z } from 'zod'
import { Problem, problemBody } from './problem.ts'
import { currentTrace, traceparent } from './trace.ts'

/**
 * A call that got no answer. Whether the other side did the work is only known when nothing was sent;
 * otherwise ask it by the id of the operation, or repeat the call with the same id.
 */
export class NoAnswerError extends Problem {
  readonly outcome: 'not-applied' | 'unknown'

  constructor(service: string, outcome: 'not-applied' | 'unknown', cause: unknown) {
    super(503, 'unavailable', `The ${service} service does not answer; try again in a second`, {
      retryAfterSeconds: 1,
      cause,
    })
    this.name = 'NoAnswerError'
    this.outcome = outcome
  }
}

export interface CallOptions<A extends z.ZodType> {
  readonly body?: unknown
  /** What a 2xx answer must look like. */
  readonly answer?: A
  /** For the whole call, ms. Default 5,000. */
  readonly deadlineMs?: number
  readonly signal?: AbortSignal | undefined
  readonly headers?: Readonly<Record<string, string>>
  /** Sees the headers of the answer, for example a session token. */
  readonly onHeaders?: (headers: Record<string, string | string[] | undefined>) => void
  /** Sees which 2xx it is, as 201 and 202 are not the same. */
  readonly onStatus?: (status: number) => void
}

type Method = 'GET' | 'POST' | 'PUT' | 'DELETE'

/** Calls one service over a small pool of keep-alive connections. */
export interface ServiceClient {
  readonly url: string
  /**
   * @throws Problem that the service answered with; 502 if its answer is not what it must look like.
   * @throws NoAnswerError when no whole answer came before the deadline.
   */
  call<A extends z.ZodType>(method: Method, path: string, options?: CallOptions<A>): Promise<z.infer<A>>
  close(): Promise<void>
}

const DEADLINE_MS = 5_000
const CONNECTIONS = 32

/** @param connections at most; who comes later waits for one. */
export function serviceClient(service: string, url: string, connections = CONNECTIONS): ServiceClient {
  const pool = new Pool(url, {
    connections,
    connect: { timeout: 2_000 },
    keepAliveTimeout: 10_000,
  })
  return {
    url,
    async call<A extends z.ZodType>(method: Method, path: string, options: CallOptions<A> = {}) {
      const { status, text, headers } = await send(pool, service, method, path, options)
      options.onHeaders?.(headers)
      const parsed = parseJson(text)
      if (status < 200 || status >= 300) throw toProblem(service, status, parsed, headers['retry-after'])
      options.onStatus?.(status)
      const answer = options.answer?.safeParse(parsed)
      // Not the caller's input is malformed, so it must not be told so.
      if (answer?.success === false) throw notUnderstood(service, answer.error)
      return answer?.data as z.infer<A>
    },
    close: () => pool.close(),
  }
}

async function send(
  pool: Pool,
  service: string,
  method: Method,
  path: string,
  { body, headers, signal, deadlineMs = DEADLINE_MS }: CallOptions<z.ZodType>,
) {
  const trace = currentTrace()
  const timeout = new AbortController()
  const timer = setTimeout(
    () => timeout.abort(new DOMException(`${service} took longer than ${deadlineMs} ms`, 'TimeoutError')),
    deadlineMs,
  )
  const abort = (): void => timeout.abort(signal?.reason)
  if (signal?.aborted === true) abort()
  else signal?.addEventListener('abort', abort, { once: true })
  try {
    const response = await pool.request({
      method,
      path,
      signal: timeout.signal,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(trace === undefined ? {} : { traceparent: traceparent(trace) }),
        ...headers,
      },
      body: body === undefined ? null : JSON.stringify(body),
    })
    return { status: response.statusCode, text: await response.body.text(), headers: response.headers }
  } catch (error) {
    const code = (error as { code?: string } | null)?.code
    const neverSent = code === 'ECONNREFUSED' || code === 'UND_ERR_CONNECT_TIMEOUT'
    throw new NoAnswerError(service, neverSent || method === 'GET' ? 'not-applied' : 'unknown', error)
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', abort)
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

function notUnderstood(service: string, cause: z.ZodError): Problem {
  return new Problem(502, 'bad-gateway', `The ${service} service gave an answer that was not understood`, {
    cause,
  })
}

function toProblem(service: string, status: number, parsed: unknown, retryAfter: unknown): Problem {
  const problem = problemBody.safeParse(parsed)
  if (!problem.success)
    return new Problem(502, 'bad-gateway', `The ${service} service answered ${status} with no reason`)
  // The trace id is dropped here: whoever answers next puts its own in, which is the same one.
  const { code, message, traceId: _traceId, ...details } = problem.data
  const retryAfterSeconds = typeof retryAfter === 'string' ? Number(retryAfter) : undefined
  return new Problem(status, code, message, {
    details,
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  })
}
