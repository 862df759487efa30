import { checkNames } from '@quorate/core'
import { answerTo } from '../http/answer.ts'
import type { IfMatch } from '../http/etag.ts'
import { type IfMatchOptions, readIfMatch } from '../http/if-match.ts'

/** The part of a request that is used here. */
export interface RequestLike {
  readonly headers: { readonly 'if-match'?: string | undefined }
}

/** The part of a response that is used here. */
export interface ResponseLike {
  readonly headersSent: boolean
  readonly locals: Record<string, unknown>
  status(code: number): { json(body: unknown): unknown }
  setHeader(name: string, value: string): unknown
}

type Next = (error?: unknown) => void

/**
 * Refuses a request without `If-Match` (428), or with one that is malformed (400), before the handler runs; the handler
 * asks `ifMatchOf(response)` for what it says. Needs {@link optimisticErrors} behind the routes.
 *
 * @example
 * ```ts
 * app.put('/stock/:sku', requireIfMatch(), async (request, response) => {
 *   const row = await updateIfMatch(
 *     { repository: stock, version: 'version', key: { sku: request.params.sku }, ifMatch: ifMatchOf(response) },
 *     request.body,
 *   )
 *   response.set('ETag', etagOf(row.version)).json(row)
 * })
 * app.use(optimisticErrors())
 * ```
 */
export function requireIfMatch(
  options: IfMatchOptions = {},
): (request: RequestLike, response: ResponseLike, next: Next) => void {
  checkNames('make requireIfMatch', options, ['required'])
  return (request, response, next) => {
    try {
      response.locals[LOCAL] = readIfMatch(request.headers['if-match'], options)
    } catch (error) {
      next(error)
      return
    }
    next()
  }
}

const LOCAL = 'quorateIfMatch'

/**
 * What `If-Match` of the request asks for.
 *
 * @throws TypeError if `requireIfMatch()` does not stand before this handler.
 */
export function ifMatchOf(response: { readonly locals: Readonly<Record<string, unknown>> }): IfMatch {
  const ifMatch = response.locals[LOCAL]
  if (ifMatch === undefined) {
    throw new TypeError(
      'Cannot tell If-Match: requireIfMatch() was not called for this request; put it on the route',
    )
  }
  return ifMatch as IfMatch
}

/**
 * Answers the errors of this package: 412 with the `ETag` of now for a stale version, 404 for a row that is gone, 409 for
 * one that exists, 428 and 400 for `If-Match`. All others go on to the next handler.
 */
export function optimisticErrors(): (
  error: unknown,
  request: RequestLike,
  response: ResponseLike,
  next: Next,
) => void {
  // Express tells a handler of errors by its four parameters.
  return (error, _request, response, next) => {
    const answer = answerTo(error)
    if (answer === undefined || response.headersSent) {
      next(error)
      return
    }
    for (const [name, value] of Object.entries(answer.headers)) response.setHeader(name, value)
    response.status(answer.statusCode).json({ statusCode: answer.statusCode, code: answer.code })
  }
}
