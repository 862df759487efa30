import { MalformedIfMatchError, PreconditionRequiredError } from './errors.ts'
import { type IfMatch, parseIfMatch } from './etag.ts'

/** Options of reading `If-Match`. */
export interface IfMatchOptions {
  /** Refuse a request without the header (428). Default `true`; without it such a request is as one with `*`. */
  readonly required?: boolean | undefined
}

/**
 * What a request's `If-Match` asks for.
 *
 * @param header as Node gives it: `request.headers['if-match']`.
 * @throws PreconditionRequiredError if there is none and there must be.
 * @throws MalformedIfMatchError if it is no list of entity tags.
 */
export function readIfMatch(header: string | undefined, { required = true }: IfMatchOptions = {}): IfMatch {
  if (header === undefined) {
    if (required) throw new PreconditionRequiredError()
    return '*'
  }
  const ifMatch = parseIfMatch(header)
  if (ifMatch === undefined) throw new MalformedIfMatchError()
  return ifMatch
}
