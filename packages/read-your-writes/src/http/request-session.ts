import type { Session } from '../session.ts'

/** By a name that all copies of this code share: a process may have loaded the ESM and the CommonJS build. */
const SESSION = Symbol.for('@quorate/read-your-writes.session')

interface WithSession {
  [SESSION]?: Session
  /** Frameworks on top of `node:http` keep its request here. */
  readonly raw?: WithSession | undefined
}

export function attachSession(request: object, session: Session): void {
  Object.defineProperty(request, SESSION, { value: session, configurable: true })
}

/**
 * The session of a request, for code that has lost its asynchronous context: some parsers and event
 * handlers run outside it.
 *
 * @param request of `node:http` or Express, or of a framework that keeps that one in `raw`.
 */
export function sessionOf(request: object): Session | undefined {
  const { [SESSION]: own, raw } = request as WithSession
  return own ?? raw?.[SESSION]
}
