import type { FastifyPluginAsync, FastifyRequest, preHandlerHookHandler } from 'fastify'
import { carrier, type CarrierOptions } from '../http/carrier.ts'
import { checkHttpOptions } from '../http/check-http-options.ts'
import { sessionFor } from '../http/node-session.ts'
import { sessionOf } from '../http/request-session.ts'
import type { Session } from '../session.ts'
import type { SessionRouter } from '../session-router.ts'

declare module 'fastify' {
  interface FastifyRequest {
    /**
     * The session of this request. A getter, which throws a TypeError in hooks that run before the session
     * begins: those of plugins registered before `readYourWritesFastify`.
     */
    readonly quorateSession: Session
  }
}

/** Options of {@link readYourWritesFastify}. */
export interface FastifyOptions extends CarrierOptions {
  /** What `readYourWrites()` made. */
  readonly db: SessionRouter
  /**
   * Whose request it is. Users keep to one replica then, and requests of one user at once cannot lose each
   * other's tokens within this process. It is asked in `onRequest`: what tells the user, must have run by then.
   */
  readonly key?: ((request: FastifyRequest) => string | undefined) | undefined
  /**
   * Of a second database, which is registered as well, with a cookie and a header of its own. Its sessions are
   * `sessionOf(request, name)`; `request.quorateSession` is that of the registration without a name.
   */
  readonly name?: string | undefined
}

const plugin: FastifyPluginAsync<FastifyOptions> = async (app, options) => {
  const { db, key, name, ...carried } = options
  checkHttpOptions('register readYourWritesFastify', db, options, ['db', 'key', 'name'])
  const carries = carrier(carried)
  // On the request itself: a WeakMap costs the garbage collector some µs for each request.
  const own = Symbol('session')
  type OwnRequest = FastifyRequest & { [own]?: Session }

  /**
   * Goes on in the session of the request. A hook may have called back from elsewhere: from an event, or from
   * a batch that runs in the context of somebody else's request.
   */
  function resume(request: OwnRequest, done: () => void): void {
    const session = request[own]
    if (session === undefined || session === db.current()) done()
    else db.run(session, done)
  }
  const resumeHandler: preHandlerHookHandler = (request, _reply, done) => resume(request, done)

  if (name === undefined) app.decorateRequest('quorateSession', { getter: mustHaveSession })
  app.addHook('onRequest', (request: OwnRequest, reply, done) => {
    const session = sessionFor(db, carries, {
      request: request.raw,
      response: reply.raw,
      key: key?.(request),
      name,
      isSecure: () => request.protocol === 'https',
    })
    request[own] = session
    db.run(session, done)
  })
  app.addHook('preParsing', (request, _reply, _payload, done) => resume(request, done))
  app.addHook('preValidation', (request, _reply, done) => resume(request, done))
  app.addHook('preHandler', resumeHandler)
  // Behind all hooks of the route: what its handler reads and writes must not be in another session.
  app.addHook('onRoute', (route) => {
    route.preHandler = [route.preHandler ?? [], resumeHandler].flat()
  })
  app.addHook('preSerialization', (request, _reply, _payload, done) => resume(request, done))
  app.addHook('onError', (request, _reply, _error, done) => resume(request, done))
  app.addHook('onSend', (request, _reply, _payload, done) => resume(request, done))
  app.addHook('onResponse', (request, _reply, done) => resume(request, done))
}

function mustHaveSession(this: FastifyRequest): Session {
  const session = sessionOf(this)
  if (session !== undefined) return session
  throw new TypeError(
    'Cannot give the session of the request: it has not begun yet; register readYourWritesFastify before the ' +
      'plugins that ask for it',
  )
}

/**
 * Gives each request a session, which `db.read()` and `db.write()` find by themselves in all later hooks and
 * handlers, and hands its token on with the answer: also on streams, redirects, error pages and replies that
 * were hijacked, since it is set when the headers are about to go.
 *
 * It holds for the instance it is registered on and for the plugins that are registered on that afterwards. A hook
 * that calls back from elsewhere, as a batch does, loses the context for hooks of its own kind that come behind it:
 * they pass `{ session: request.quorateSession }`.
 *
 * @throws TypeError if `db` is no router, if an option is unknown, or if cookie and header are both off;
 *   RangeError for a cookie that lasts less than a second. `ready()`, or `await app.register()`, rejects with it.
 *
 * @example
 * ```ts
 * await app.register(readYourWritesFastify, { db })
 * app.get('/profile', async () => {
 *   const { rows } = await db.read((q) => q.query('select …'))
 *   return rows[0]
 * })
 * ```
 */
export const readYourWritesFastify: FastifyPluginAsync<FastifyOptions> = Object.assign(plugin, {
  // What `fastify-plugin` sets: no context of its own, and which Fastify it is made for.
  [Symbol.for('skip-override')]: true,
  [Symbol.for('fastify.display-name')]: '@quorate/read-your-writes',
  [Symbol.for('plugin-meta')]: { name: '@quorate/read-your-writes', fastify: '5.x' },
})
