import type { Lag } from './lag.ts'

/**
 * - `unknown`: not probed yet.
 * - `healthy`: may serve.
 * - `lagging`: too far behind; serves only what nobody else can.
 * - `disconnected`: receives nothing from a primary, so nobody knows how far behind it is.
 * - `promoted`: is no replica (any more).
 * - `down`: does not answer.
 */
export type HealthStatus = 'unknown' | 'healthy' | 'lagging' | 'disconnected' | 'promoted' | 'down'

/** A replica's standing, with what it takes to change it. */
export interface Health {
  readonly status: HealthStatus
  /** Probes in a row that would let it back in. */
  readonly good: number
  /** Probes in a row without an answer. */
  readonly failed: number
}

/** What a probe found. */
export type Finding =
  | { readonly type: 'no-answer' }
  /** It was not asked; its lag is this at most. */
  | { readonly type: 'no-news'; readonly lag: Lag | undefined }
  | { readonly type: 'promoted' }
  | { readonly type: 'disconnected' }
  | { readonly type: 'streaming'; readonly lag: Lag | undefined }

export interface HealthLimits {
  readonly maxLagMs: number
  readonly maxLagBytes: number
}

export const INITIAL_HEALTH: Health = { status: 'unknown', good: 0, failed: 0 }

/** One lost probe is no verdict: a garbage collection here looks the same, and so does the first connection of a process that starts. */
const FAILURES_TO_EJECT = 2
/** Let back in only when it is well below the limit, twice: one that hovers at the limit must not flap. */
const GOOD_TO_READMIT = 2
const READMIT_SHARE = 0.5

/**
 * Pure. Ejects at the limit, readmits below half of it.
 *
 * No news is none: it only ejects what has not been heard of for so long that it may be behind.
 *
 * unknown ─▶ any; healthy ─ finding ─▶ lagging | disconnected | promoted, at once; ─ 2 × no answer ─▶ down;
 * each of these ─ 2 good findings ─▶ healthy
 */
export function nextHealth(health: Health, finding: Finding, limits: HealthLimits): Health {
  switch (finding.type) {
    case 'no-answer': {
      const failed = health.failed + 1
      const status = failed >= FAILURES_TO_EJECT ? 'down' : health.status
      return { status, good: 0, failed }
    }
    case 'no-news':
      if (health.status !== 'healthy' || !isOver(finding.lag, limits, 1)) return { ...health, good: 0 }
      return { ...health, status: 'lagging', good: 0 }
    case 'promoted':
    case 'disconnected':
      return { status: finding.type, good: 0, failed: 0 }
    case 'streaming': {
      if (isOver(finding.lag, limits, 1)) return { status: 'lagging', good: 0, failed: 0 }
      if (health.status === 'healthy' || health.status === 'unknown') {
        return { status: 'healthy', good: 0, failed: 0 }
      }
      const good = isOver(finding.lag, limits, READMIT_SHARE) ? 0 : health.good + 1
      return { status: good >= GOOD_TO_READMIT ? 'healthy' : afterAnswer(health.status), good, failed: 0 }
    }
    default:
      return finding satisfies never
  }
}

/** One that answers is not down; until it is let back in, it counts as lagging. */
function afterAnswer(status: HealthStatus): HealthStatus {
  return status === 'down' || status === 'disconnected' || status === 'promoted' ? 'lagging' : status
}

function isOver(lag: Lag | undefined, { maxLagMs, maxLagBytes }: HealthLimits, share: number): boolean {
  return lag !== undefined && (lag.ms > maxLagMs * share || lag.bytes > maxLagBytes * share)
}
