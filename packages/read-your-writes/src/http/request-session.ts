import type { Session } from '../session.ts'

interface WithSession {
  readonly [at: symbol]: Session | undefined
  /** Frameworks on top of `node:http` keep its request here. */
  readonly raw?: WithSession | undefined
}

/** By a name that all copies of this code share: a process may have loaded the ESM and the CommonJS build. */
function place(name: string | undefined): symbol {
  return Symbol.for(`@quorate/read-your-writes.session${name === undefined ? '' : `.${name}`}`)
}

/** @param name of the database, where an application has several. */
export function attachSession(request: object, session: Session, name?: string): void {
  Object.defineProperty(request, place(name), { value: session, configurable: true })
}

/**
 * The session of a request, for code that has lost its asynchronous context: some parsers and event
 * handlers run outside it.
 *
 * @param request of `node:http` or Express, or of a framework that keeps that one in `raw`.
 * @param name of the database, where the integration gave it one.
 */
export function sessionOf(request: object, name?: string): Session | undefined {
  const at = place(name)
  const { [at]: own, raw } = request as WithSession
  return own ?? raw?.[at]
}
