import { carrier, type CarrierOptions } from '../http/carrier.ts'
import { checkHttpOptions } from '../http/check-http-options.ts'
import { sessionFor, type RequestLike, type ResponseLike } from '../http/node-session.ts'
import type { SessionRouter } from '../session-router.ts'

/** The part of a request that is used here. */
export interface ExpressRequestLike extends RequestLike {
  /** Does the client speak TLS, as far as `trust proxy` allows to tell? */
  readonly secure?: boolean | undefined
}

/** Options of {@link readYourWritesExpress}. */
export interface ExpressOptions<
  Request extends ExpressRequestLike = ExpressRequestLike,
> extends CarrierOptions {
  /**
   * Whose request it is. Users keep to one replica then, and requests of one user at once cannot lose each
   * other's tokens within this process.
   */
  readonly key?: ((request: Request) => string | undefined) | undefined
  /**
   * Of a second database, which has a middleware as well, with a cookie and a header of its own. Its sessions are
   * `sessionOf(request, name)`.
   */
  readonly name?: string | undefined
}

/**
 * Gives each request a session, which `db.read()` and `db.write()` find by themselves, and hands its token
 * on with the answer: also on streams and on error pages, since it is set when the headers are about to go.
 *
 * @throws TypeError if `db` is no router, if an option is unknown, or if cookie and header are both off.
 * @throws RangeError for a cookie that lasts less than a second.
 *
 * @example
 * ```ts
 * app.use(readYourWritesExpress(db))
 * app.get('/profile', async (request, response) => {
 *   const { rows } = await db.read((q) => q.query('select …'))
 *   response.json(rows[0])
 * })
 * ```
 */
export function readYourWritesExpress<Request extends ExpressRequestLike = ExpressRequestLike>(
  db: SessionRouter,
  options: ExpressOptions<Request> = {},
): (request: Request, response: ResponseLike, next: (error?: unknown) => void) => void {
  checkHttpOptions('make readYourWritesExpress', db, options, ['key', 'name'])
  const { key, name, ...carried } = options
  const carries = carrier(carried)
  return (request, response, next) => {
    const isSecure = (): boolean => request.secure === true
    db.run(sessionFor(db, carries, { request, response, key: key?.(request), name, isSecure }), next)
  }
}
