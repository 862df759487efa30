import { isQuorateError, type QuorateError } from '@quorate/core'
import type { StaleVersionError } from '../errors.ts'
import { etagOf } from './etag.ts'

/** How a refusal is answered over HTTP. */
export interface ConflictAnswer {
  readonly statusCode: number
  readonly code: string
  /** `ETag` of the row as it is now, where that is known. */
  readonly headers: Readonly<Record<string, string>>
}

/**
 * The answer to an error of this package, by its code, since two copies of a package defeat `instanceof`: 412 for a stale
 * version, 404 for a row that is gone, 409 for one that exists, and what the errors of `If-Match` say themselves.
 *
 * @returns `undefined` for every other error.
 */
export function answerTo(error: unknown): ConflictAnswer | undefined {
  if (!isQuorateError(error)) return undefined
  const { code } = error
  switch (code) {
    case 'QUORATE_STALE_VERSION': {
      const etag = etagNow(error as StaleVersionError)
      return { statusCode: 412, code, headers: etag === undefined ? {} : { ETag: etag } }
    }
    case 'QUORATE_PRECONDITION_FAILED': {
      const { etag } = error as QuorateError & { readonly etag?: unknown }
      return { statusCode: 412, code, headers: typeof etag === 'string' ? { ETag: etag } : {} }
    }
    case 'QUORATE_PRECONDITION_REQUIRED':
      return { statusCode: 428, code, headers: {} }
    case 'QUORATE_IF_MATCH_MALFORMED':
      return { statusCode: 400, code, headers: {} }
    case 'QUORATE_ROW_GONE':
      return { statusCode: 404, code, headers: {} }
    case 'QUORATE_ROW_EXISTS':
      return { statusCode: 409, code, headers: {} }
    default:
      return undefined
  }
}

/** The tag of the row as it was found, if it is known. Old values are none: they are long, and may be secret. */
export function etagNow({ actual, versionKind }: StaleVersionError): string | undefined {
  return actual === undefined || versionKind === 'values' ? undefined : etagOf(actual)
}
