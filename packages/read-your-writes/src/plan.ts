import type { PrimaryReason } from './events.ts'
import type { Level } from './level.ts'
import type { Position } from './position.ts'
import type { Need } from './session.ts'

/** What a replica must show to serve a read. */
export interface Wanted {
  readonly position: Position | undefined
  /** It may be as old as that, ms. */
  readonly maxStaleMs: number
}

/** Where a read may go before anybody is asked. */
export type Plan =
  | {
      readonly to: 'primary'
      readonly reason: PrimaryReason
      /** The session's token is not usable and is to be replaced by the primary's position. */
      readonly renews: boolean
    }
  | { readonly to: 'replicas'; readonly wanted: Wanted }

/** The primary, as far as it is known. */
export interface KnownPrimary {
  readonly cluster: string | undefined
  readonly timeline: number | undefined
}

const ANYTHING: Wanted = { position: undefined, maxStaleMs: Infinity }

/**
 * Pure. Where may a read go?
 *
 * @param need of its session; `undefined` if it has none.
 */
export function planRead(level: Level, need: Need | undefined, primary: KnownPrimary): Plan {
  if (level === 'strong') return { to: 'primary', reason: 'strong', renews: false }
  if (level === 'eventual') return { to: 'replicas', wanted: ANYTHING }
  const maxStaleMs = typeof level === 'string' ? Infinity : level.maxLagMs
  if (need === undefined) {
    if (maxStaleMs === Infinity) return { to: 'primary', reason: 'no-session', renews: false }
    return { to: 'replicas', wanted: { position: undefined, maxStaleMs } }
  }
  if (need.type === 'nothing') return { to: 'replicas', wanted: { position: undefined, maxStaleMs } }
  if (need.type === 'primary') return { to: 'primary', reason: 'token-rejected', renews: true }
  const { position } = need
  if (primary.cluster !== undefined && primary.cluster !== position.cluster) {
    return { to: 'primary', reason: 'token-rejected', renews: true }
  }
  if (primary.timeline !== undefined && primary.timeline > position.timeline) {
    return { to: 'primary', reason: 'old-timeline', renews: true }
  }
  return { to: 'replicas', wanted: { position, maxStaleMs } }
}
