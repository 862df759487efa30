import { shown } from './check-options.ts'

/**
 * How fresh a read must be.
 * - `eventual`: any healthy replica.
 * - {@link bounded}: all that was committed longer than a time ago, and what the session wrote.
 * - `read-your-writes`: all that the session wrote. No extra query.
 * - `monotonic`: that, and all that its earlier monotonic reads saw. One position query more, on the
 *   connection of the read.
 * - `causal`: the same, for tokens that are handed on: whoever goes on from the session's token sees all that
 *   this read has seen, in each database that the token knows.
 * - `strong`: the primary.
 */
export type Level = 'eventual' | 'read-your-writes' | 'monotonic' | 'causal' | 'strong' | BoundedLevel

/** Made by {@link bounded}. */
export interface BoundedLevel {
  readonly type: 'bounded'
  readonly maxLagMs: number
}

/**
 * The level of reads that may be old, but not older than this: what they see is what the primary showed at
 * some time within the last `maxLagMs`, or newer. By this process's clock, from the last look at the
 * primary; below two probe intervals the servers are asked once more for it.
 *
 * @throws RangeError unless it is a number above 0.
 *
 * @example
 * ```ts
 * await db.read((q) => q.query('select …'), { level: bounded({ maxLagMs: 1_000 }) })
 * ```
 */
export function bounded(options: { readonly maxLagMs: number }): BoundedLevel {
  const maxLagMs: unknown = (options as Partial<BoundedLevel> | undefined)?.maxLagMs
  if (typeof maxLagMs !== 'number' || !(maxLagMs > 0)) {
    throw new RangeError(
      `Cannot bound a read: maxLagMs must be a number above 0, got ${shown(maxLagMs)}; for nothing older, read at level strong`,
    )
  }
  return { type: 'bounded', maxLagMs }
}

const NAMES = ['eventual', 'read-your-writes', 'monotonic', 'causal', 'strong']

/** @throws TypeError for an unknown level. */
export function validateLevel(level: Level): void {
  if (typeof level === 'string' ? NAMES.includes(level) : isBounded(level)) return
  throw new TypeError(
    `Cannot read: level must be ${NAMES.join(', ')} or bounded({ maxLagMs }), got ${shown(level)}`,
  )
}

/** Does the session's token move on to what a read of this level has seen? */
export function movesToken(level: Level): boolean {
  return level === 'monotonic' || level === 'causal'
}

function isBounded(level: unknown): boolean {
  const { type, maxLagMs } = (level ?? {}) as Partial<BoundedLevel>
  return type === 'bounded' && typeof maxLagMs === 'number' && maxLagMs > 0
}
