import { brand } from '../errors.ts'

/**
 * A member that is to join lacks events which all present members have seen, and may have thrown away. It was not
 * let in. Copy it the state of a present member first, then add it with the version of that state.
 */
export class StaleMemberError extends Error {
  readonly code = 'QUORATE_CLOCK_STALE_MEMBER'
  readonly outcome = 'not-applied'
  declare readonly member: string
  /** What it must have seen, `{ node: counter }`. */
  declare readonly stable: Readonly<Record<string, number>>

  constructor(member: string, stable: Readonly<Record<string, number>>) {
    super(
      `Cannot add ${member}: it lacks events that are stable here, and must have them all; copy it a snapshot first`,
    )
    brand(this, 'StaleMemberError', { member, stable })
  }
}
