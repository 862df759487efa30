import type { Lag } from './lag.ts'

/**
 * - `unknown`: not probed yet.
 * - `healthy`: may serve.
 * - `lagging`: too far behind; serves only what nobody else can.
 * - `slow`: answers, but again and again later than `probeDeadlineMs`; likewise.
 * - `disconnected`: receives nothing from a primary, so nobody knows how far behind it is.
 * - `promoted`: is no replica (any more).
 * - `down`: does not answer.
 */
export type HealthStatus = 'unknown' | 'healthy' | 'lagging' | 'slow' | 'disconnected' | 'promoted' | 'down'

/** Those that may serve when nobody else can. */
export const ANSWERING: ReadonlySet<HealthStatus> = new Set(['healthy', 'lagging', 'slow', 'disconnected'])

/** A replica's standing, with what it takes to change it. */
export interface Health {
  readonly status: HealthStatus
  /** Probes in a row that would let it back in. */
  readonly good: number
  /** Probes in a row without an answer. */
  readonly failed: number
  /** Answers in a row that came after their deadline. */
  readonly late: number
}

/** How soon an answer came: within half of the deadline, within the deadline, after it. */
export type Pace = 'prompt' | 'timely' | 'late'

/** What a probe found. */
export type Finding =
  | { readonly type: 'no-answer' }
  /** It was not asked; its lag is this at most. */
  | { readonly type: 'no-news'; readonly lag: Lag | undefined }
  | { readonly type: 'promoted' }
  | { readonly type: 'disconnected' }
  | { readonly type: 'streaming'; readonly lag: Lag | undefined; readonly pace: Pace }

export interface HealthLimits {
  readonly maxLagMs: number
  readonly maxLagBytes: number
}

export const INITIAL_HEALTH: Health = { status: 'unknown', good: 0, failed: 0, late: 0 }

/** One lost probe is no verdict: a garbage collection here looks the same, and so does the first connection of a process that starts. */
const FAILURES_TO_EJECT = 2
/** One more than lost probes: reads on it are slow, but they end. */
const LATE_TO_EJECT = 3
/** Let back in only when it is well below the limit, twice: one that hovers at the limit must not flap. */
const GOOD_TO_READMIT = 2
const READMIT_SHARE = 0.5

/**
 * Pure. Ejects at the limit, of lag or of the time to answer, and readmits below half of it.
 *
 * No news is none: it only ejects what has not been heard of for so long that it may be behind.
 *
 * unknown ─▶ any; healthy ─ finding ─▶ lagging | disconnected | promoted, at once; ─ 2 × no answer ─▶ down;
 * ─ 3 × late ─▶ slow; each of these ─ 2 good findings ─▶ healthy
 */
export function nextHealth(health: Health, finding: Finding, limits: HealthLimits): Health {
  switch (finding.type) {
    case 'no-answer': {
      const failed = health.failed + 1
      const status = failed >= FAILURES_TO_EJECT ? 'down' : health.status
      return { ...health, status, good: 0, failed }
    }
    case 'no-news':
      if (health.status !== 'healthy' || !isOver(finding.lag, limits, 1)) return { ...health, good: 0 }
      return { ...health, status: 'lagging', good: 0 }
    case 'promoted':
    case 'disconnected':
      return { status: finding.type, good: 0, failed: 0, late: 0 }
    case 'streaming':
      return afterAnswer(health, finding, limits)
    default:
      return finding satisfies never
  }
}

function afterAnswer(
  { status, good: goodBefore, late: lateBefore }: Health,
  { lag, pace }: Extract<Finding, { type: 'streaming' }>,
  limits: HealthLimits,
): Health {
  const late = pace === 'late' ? lateBefore + 1 : 0
  const bad = { good: 0, failed: 0, late }
  if (isOver(lag, limits, 1)) return { ...bad, status: 'lagging' }
  if (late >= LATE_TO_EJECT) return { ...bad, status: 'slow' }
  if (status === 'healthy' || status === 'unknown') return { ...bad, status: 'healthy' }
  // The half only counts for what it was ejected for: one that always takes more time comes back from a lag.
  const isSoon = status === 'slow' ? pace === 'prompt' : pace !== 'late'
  const good = isSoon && !isOver(lag, limits, READMIT_SHARE) ? goodBefore + 1 : 0
  if (good >= GOOD_TO_READMIT) return { ...bad, status: 'healthy' }
  // One that answers is not down; until it is let back in, it counts as lagging.
  return { status: status === 'slow' ? 'slow' : 'lagging', good, failed: 0, late }
}

/**
 * @param wasMissed the deadline has passed before it came. By the time alone, a busy process would make a slow
 *   server: its own work comes before the answer, and before the deadline.
 */
export function paceOf(tookMs: number, deadlineMs: number, wasMissed: boolean): Pace {
  if (wasMissed && tookMs > deadlineMs) return 'late'
  return tookMs <= deadlineMs * READMIT_SHARE ? 'prompt' : 'timely'
}

function isOver(lag: Lag | undefined, { maxLagMs, maxLagBytes }: HealthLimits, share: number): boolean {
  return lag !== undefined && (lag.ms > maxLagMs * share || lag.bytes > maxLagBytes * share)
}
