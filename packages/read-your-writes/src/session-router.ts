import type { Session } from './session.ts'

/** Options of {@link SessionRouter.session}. */
export interface SessionOptions {
  /** What earlier sessions handed on; the latest of each database counts. */
  readonly token?: string | readonly string[] | undefined
  /** Who it is, for example the user's id. */
  readonly key?: string | undefined
}

/**
 * What integrations need of a router, whatever store it routes for: to open the session of a request, to
 * let code below find it, and to hand its token on.
 */
export interface SessionRouter {
  /** A session that goes on where the tokens left off. Tokens are never an error: see {@link Session.merge}. */
  session(options?: SessionOptions): Session
  /** Runs `work` with a session that its reads and writes find by themselves, over promises and callbacks. */
  run<T>(session: Session, work: () => T): T
  /** The session of the innermost {@link run}. */
  current(): Session | undefined
  /** For integrations: reports that a token moved after it could be handed on. */
  reportLateToken(): void
}
