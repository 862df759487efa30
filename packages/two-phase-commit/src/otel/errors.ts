import { isQuorateError } from '@quorate/core'
import { sqlState } from '../postgres/failures.ts'

/** What a span says of an error. */
export interface ErrorFacts {
  /** Code of an error of Quorate, else what a server answered, else a word. */
  readonly type: string
  /** SQLSTATE. */
  readonly status: string | undefined
  readonly message: string | undefined
}

/** Errors of errors: one of Quorate, that of the driver, and what proxies add. */
const DEEPEST = 8

/** Looks through the causes, as a vote of no says why only there. */
export function factsOf(error: unknown): ErrorFacts {
  let type: string | undefined
  let status: string | undefined
  let message: string | undefined
  let at = error
  for (let depth = 0; at instanceof Error && depth < DEEPEST; depth++, at = at.cause) {
    if (type === undefined && isQuorateError(at)) {
      type = at.code
      message = at.message
    }
    status ??= sqlState(at)
  }
  if (error instanceof Error) message ??= error.message
  return { type: type ?? status ?? nameOf(error), status, message }
}

const nameOf = (error: unknown): string =>
  error instanceof Error ? (error.name === 'AbortError' ? 'cancelled' : error.name) : 'other'
