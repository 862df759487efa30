/** Every answer that is not 2xx is a problem: a status, a stable code, and a sentence that says what to do. */
import { isQuorateError } from '@quorate/core'
import { z } from 'zod'

/** A failure to answer with, in our own handler or passed on from a service we called. */
export class Problem extends Error {
  readonly status: number
  /** Stable name, for programs. */
  readonly code: string
  /** Facts that go with the code, for example which lines were short. */
  readonly details: Readonly<Record<string, unknown>>
  readonly retryAfterSeconds: number | undefined

  constructor(
    status: number,
    code: string,
    message: string,
    options: { details?: Record<string, unknown>; retryAfterSeconds?: number; cause?: unknown } = {},
  ) {
    super(message, { cause: options.cause })
    this.name = 'Problem'
    this.status = status
    this.code = code
    this.details = options.details ?? {}
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}

/** Whether the error is a problem with this code. */
export function isProblem(error: unknown, code?: string): error is Problem {
  return error instanceof Problem && (code === undefined || error.code === code)
}

/** The shape on the wire; details sit beside code and message. */
export const problemBody = z.looseObject({ code: z.string(), message: z.string() })

/** Not our bug and not the caller's: a database or a service is away, a repeat may succeed. */
export function unavailable(what: string, cause: unknown): Problem {
  return new Problem(503, 'unavailable', `${what} is temporarily unavailable; try again in a second`, {
    retryAfterSeconds: 1,
    cause,
  })
}

/** Driver codes that mean "no server there", as opposed to "the server refused this statement". */
const AWAY = new Set([
  'ECONNREFUSED',
  'ECONNRESET',
  'EPIPE',
  'ETIMEDOUT',
  '57P01',
  '57P02',
  '57P03',
  '08000',
  '08003',
  '08006',
  '25006',
])
/** Codes of a server that is there and did not do it, this time: serialisation, deadlock, lock, time, connections. */
const BUSY = new Set(['40001', '40P01', '55P03', '57014', '53300'])
const AWAY_TEXT =
  /connection terminated|timeout exceeded when trying to connect|query read timeout|connection is closed|max retries per request|command timed out|stream isn.t writeable/i

/** Turns whatever a handler threw into the problem to answer with. */
export function toProblem(error: unknown, service: string): Problem {
  if (error instanceof Problem) return error
  if (error instanceof z.ZodError) return invalidInput(error)
  // What a Quorate package could not finish is a store that is away, or busy being replaced.
  if (isAway(error) || isBusy(error) || isQuorateError(error))
    return unavailable(`The ${service} service's database`, error)
  const status = (error as { status?: unknown } | null)?.status
  if (error instanceof Error && typeof status === 'number' && status >= 400 && status < 500) {
    return new Problem(status, 'bad-request', error.message, { cause: error }) // from the body parser
  }
  return new Problem(500, 'internal', 'Something broke on our side; quote the trace id when you report it', {
    cause: error,
  })
}

export function isAway(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const code = (error as { code?: unknown }).code
  if (typeof code === 'string' && AWAY.has(code)) return true
  return AWAY_TEXT.test(error.message) || (error.cause !== undefined && isAway(error.cause))
}

function isBusy(error: unknown): boolean {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  return typeof code === 'string' && BUSY.has(code)
}

export function invalidInput(error: z.ZodError): Problem {
  const issues = error.issues.map(({ path, message }) => ({ path: path.join('.'), message }))
  const first = issues[0]
  const where = first === undefined || first.path === '' ? '' : `${first.path}: `
  return new Problem(400, 'invalid-input', `${where}${first?.message ?? 'malformed'}; see issues`, {
    details: { issues },
  })
}
