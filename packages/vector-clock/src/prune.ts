/**
 * Vectors that many have written to, made shorter, and what that costs.
 * @packageDocumentation
 */
import { VersionVector } from './version-vector.ts'

/** Options of {@link prune}. */
export interface PruneOptions {
  /** How many nodes stay, a whole number from 1. */
  readonly max: number
  /** Those of the highest rank stay: for example when a node last wrote, in ms. */
  readonly rank: (node: string) => number
}

/**
 * A vector without some nodes, for those that are gone for good.
 *
 * Safe if every replica holds all that they ever wrote (`stable` of a `MatrixClock` says so), all replicas leave
 * them out from then on, and none of them writes again; else it costs what {@link prune} costs.
 */
export function without(vector: VersionVector, gone: Iterable<string>): VersionVector {
  const set = new Set(gone)
  return VersionVector.of([...vector].filter(([node]) => !set.has(node)))
}

/**
 * A vector with `max` nodes at most, for where more have written than it should carry (past about 50). Of equal
 * ranks the lower ids stay, so that replicas which know the same ranks drop the same nodes.
 *
 * What it costs. A pruned vector has forgotten events, and others have not:
 *
 * - It is `concurrent` with a vector that it was `after`: what it had replaced comes back as a conflict.
 * - It is `before` a vector that holds all that it kept: a newer value loses against an older one.
 * - A node that was pruned and writes again counts from 1, under numbers that others have seen: its write is
 *   taken for an old one.
 *
 * The first costs work, the other two cost writes. So never prune a node that may still write, nor events younger
 * than replication may take; best of all, let a few servers write on behalf of the many (`./dvv`), and do not prune.
 *
 * @returns the vector itself if it is short enough.
 * @throws RangeError if `max` is not a whole number from 1, or a rank is NaN.
 */
export function prune(vector: VersionVector, { max, rank }: PruneOptions): VersionVector {
  if (!Number.isSafeInteger(max) || max < 1) {
    throw new RangeError(`max must be a whole number from 1, got ${String(max)}`)
  }
  if (vector.size <= max) return vector
  const ranked = [...vector].map((entry) => ({ entry, rank: rank(entry[0]) }))
  for (const { entry, rank: value } of ranked) {
    if (Number.isNaN(value)) throw new RangeError(`rank must be a number, got NaN for ${entry[0]}`)
  }
  // Not a difference: Infinity - Infinity is NaN. The sort is stable, so of equal ranks the lower id comes first.
  const order = ranked.toSorted((a, b) => (a.rank === b.rank ? 0 : a.rank > b.rank ? -1 : 1))
  return VersionVector.of(order.slice(0, max).map(({ entry }) => entry))
}
