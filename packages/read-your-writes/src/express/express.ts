import { carrier, type CarrierOptions } from '../http/carrier.ts'
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
}

/**
 * Gives each request a session, which `db.read()` and `db.write()` find by themselves, and hands its token
 * on with the answer: also on streams and on error pages, since it is set when the headers are about to go.
 *
 * @throws TypeError if cookie and header are both off.
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
  { key, ...options }: ExpressOptions<Request> = {},
): (request: Request, response: ResponseLike, next: (error?: unknown) => void) => void {
  const carries = carrier(options)
  return (request, response, next) => {
    const isSecure = (): boolean => request.secure === true
    db.run(sessionFor(db, carries, { request, response, key: key?.(request), isSecure }), next)
  }
}
