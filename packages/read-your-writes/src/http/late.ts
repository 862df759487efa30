import type { Session } from '../session.ts'
import type { SessionRouter } from '../session-router.ts'

/**
 * Reports a token that has moved since it was handed on: the client does not know of it. A token says as well
 * when it was made, so two of one position are not always equal as text.
 */
export function reportIfLate(db: SessionRouter, session: Session, sent: string | undefined): void {
  const { changed, token } = session
  if (!changed || token === undefined || token === sent) return
  if (sent !== undefined) {
    const known = db.session({ token: sent })
    known.merge(token)
    if (!known.changed) return
  }
  db.reportLateToken()
}
