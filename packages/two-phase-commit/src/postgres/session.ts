import type { PgPoolClient } from './port.ts'
import type { beginSql } from './sql.ts'

/** What is known of a session without asking it. */
export interface Session {
  /** There is `transaction_timeout`. */
  readonly hasWholeLimit: boolean
  /** Its commits do not wait for all that must keep them, or may not. */
  readonly isWeak: boolean
  /** Transactions since it was asked. */
  uses: number
}

/**
 * A server that is reloaded, or a SET by somebody else, can change what is known: then a participant acknowledges a
 * commit that its standbys do not have yet. Nothing is lost by that, as the record of the decision stays until they
 * have it; it is seen this late at the latest.
 */
const USES = 64

/** `SHOW server_version_num` of the first with `transaction_timeout`. */
const WHOLE_SINCE = 170_000

const sessions = new WeakMap<PgPoolClient, Session>()

/** @returns `undefined` if it must be asked, and {@link remember}ed. */
export function sessionOf(client: PgPoolClient): Session | undefined {
  const session = sessions.get(client)
  return session === undefined || ++session.uses > USES ? undefined : session
}

/** How to begin in it. */
export const howToBegin = (session: Session | undefined): Parameters<typeof beginSql>[1] =>
  session === undefined ? 'ask' : session.hasWholeLimit ? 'whole' : 'each'

/** @param synchronous its `synchronous_commit`; `undefined` for a proxy that does not answer, and is not trusted. */
export function remember(
  client: PgPoolClient,
  version: string | undefined,
  synchronous: string | undefined,
): Session {
  const session = {
    hasWholeLimit: Number(version) >= WHOLE_SINCE,
    isWeak: synchronous === undefined || synchronous === 'off' || synchronous === 'local',
    uses: 0,
  }
  sessions.set(client, session)
  return session
}

/** Something may have changed it. */
export function forget(client: PgPoolClient): void {
  sessions.delete(client)
}
