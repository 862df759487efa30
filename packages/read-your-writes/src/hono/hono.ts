import type { Context, Env, MiddlewareHandler } from 'hono'
import { carrier, isNews, type CarrierOptions } from '../http/carrier.ts'
import { checkHttpOptions } from '../http/check-http-options.ts'
import { reportIfLate } from '../http/late.ts'
import { attachSession } from '../http/request-session.ts'
import type { Session } from '../session.ts'
import type { SessionRouter } from '../session-router.ts'
import { whenEnded } from './when-ended.ts'

/** What {@link readYourWritesHono} sets: `new Hono<{ Variables: ReadYourWritesVariables }>()`. */
export interface ReadYourWritesVariables {
  /** The session of the request, as `c.get('quorateSession')`. */
  quorateSession: Session
}

/** Options of {@link readYourWritesHono}. */
export interface HonoOptions<E extends Env = Env> extends CarrierOptions {
  /**
   * Whose request it is. Users keep to one replica then, and requests of one user at once cannot lose each
   * other's tokens within this process.
   */
  readonly key?: ((context: Context<E>) => string | undefined) | undefined
  /**
   * Does the client speak TLS? Then the cookie is `Secure`. Default: as the URL says. Behind a proxy that ends
   * TLS and that you trust, for example `(c) => c.req.header('x-forwarded-proto') === 'https'`.
   */
  readonly isSecure?: ((context: Context<E>) => boolean) | undefined
  /**
   * Of a second database, which has a middleware as well, with a cookie and a header of its own. Its sessions are
   * `sessionOf(c, name)`; `c.get('quorateSession')` is that of the middleware without a name.
   */
  readonly name?: string | undefined
}

/**
 * Gives each request a session, which `db.read()` and `db.write()` find by themselves in everything that runs
 * after it, and sets its token on the response: also on redirects, and on those of `onError()` and `notFound()`.
 *
 * The headers of a response are final when the handler returns it: write before, not from within a stream. A
 * token that moves later is reported as `token-late`: on Node always, on other runtimes for responses of
 * `streamText()` and `streamSSE()`.
 *
 * @typeParam E what `key` finds in the context, if anything.
 * @throws TypeError if `db` is no router, if an option is unknown, or if cookie and header are both off.
 * @throws RangeError for a cookie that lasts less than a second.
 *
 * @example
 * ```ts
 * app.use(readYourWritesHono(db))
 * app.get('/profile', async (c) => {
 *   const { rows } = await db.read((q) => q.query('select …'))
 *   return c.json(rows[0])
 * })
 * ```
 */
export function readYourWritesHono<E extends Env = Env>(
  db: SessionRouter,
  options: HonoOptions<E> = {},
): MiddlewareHandler<E & { Variables: ReadYourWritesVariables }> {
  checkHttpOptions('make readYourWritesHono', db, options, ['key', 'isSecure', 'name'])
  const { key, isSecure = speaksTls, name: database, ...carried } = options
  if (typeof isSecure !== 'function') {
    throw new TypeError(
      'Cannot make readYourWritesHono: isSecure must be a function; pass (c) => true or false, or ' +
        'cookie: { secure: true }',
    )
  }
  const carries = carrier(carried)
  return async (c, next) => {
    const outer = c as unknown as Context<E> // what it was before the variable of this
    const token = carries.tokensOf((name) => c.req.header(name))
    const session = db.session({ key: key?.(outer), token })
    for (const place of [c, c.req.raw]) attachSession(place, session, database)
    if (database === undefined) c.set('quorateSession', session)
    let sent: string | undefined
    try {
      await db.run(session, next)
      const isUpgrade = c.res.status === SWITCHING_PROTOCOLS
      if (isNews(session, token) && !isUpgrade) sent = session.token
      if (sent !== undefined) {
        // `append` leaves all other cookies; a header of this name is ours alone.
        for (const [name, value] of carries.headersFor(sent, isSecure(outer))) {
          c.header(name, value, { append: name === 'Set-Cookie' })
        }
      }
    } catch (error) {
      // Not an Error, or thrown where there is no `onError()`: the response is not ours to change.
      reportIfLate(db, session, undefined)
      throw error
    }
    whenEnded(c, () => reportIfLate(db, session, sent))
  }
}

/** The answer of a runtime that upgrades to a WebSocket: no copy with other headers can be made of it. */
const SWITCHING_PROTOCOLS = 101

function speaksTls(c: { readonly req: { readonly url: string } }): boolean {
  return c.req.url.startsWith('https:')
}
