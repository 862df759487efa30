import type { PrimaryReason } from '../events.ts'
import type { Level } from '../level.ts'
import { inHistory, type RedisHistory, type RedisPosition } from './position.ts'
import type { RedisNeed } from './session.ts'

/** What a replica must show to serve a read. */
export interface Wanted {
  readonly positions: readonly RedisPosition[]
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

/**
 * Pure. Where may a read go?
 *
 * A token of the history before the last failover is as good as ever if the new primary has it, which the
 * server can tell; otherwise that write is lost, and only the primary says what is there instead.
 *
 * @param need of its session; `undefined` if it has none.
 * @param history of the primary; `undefined` while it is not known.
 */
export function planRead(level: Level, need: RedisNeed | undefined, history: RedisHistory | undefined): Plan {
  if (level === 'strong') return { to: 'primary', reason: 'strong', renews: false }
  if (level === 'eventual') return { to: 'replicas', wanted: { positions: [], maxStaleMs: Infinity } }
  const maxStaleMs = typeof level === 'string' ? Infinity : level.maxLagMs
  if (need === undefined) {
    if (maxStaleMs === Infinity) return { to: 'primary', reason: 'no-session', renews: false }
    return { to: 'replicas', wanted: { positions: [], maxStaleMs } }
  }
  if (need.type === 'primary') return { to: 'primary', reason: 'token-rejected', renews: true }
  if (history === undefined || need.positions.every(({ replid }) => replid === history.replid)) {
    return { to: 'replicas', wanted: { positions: need.positions, maxStaleMs } }
  }
  // By the present name of the history: a replica that was cloned since does not know the old one.
  const positions: RedisPosition[] = []
  for (const position of need.positions) {
    const own = inHistory(position, history)
    if (own === undefined) return { to: 'primary', reason: 'old-timeline', renews: true }
    positions.push(own)
  }
  return { to: 'replicas', wanted: { positions, maxStaleMs } }
}
