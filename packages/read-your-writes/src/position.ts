import type { Lsn } from './lsn.ts'

/** A point in the history of one Postgres cluster. */
export interface Position {
  /** The system identifier: the same for a primary and its replicas, another one for any other cluster. */
  readonly cluster: string
  /** Raised by each promotion. Positions of different timelines do not compare: what the old one wrote last may be lost. */
  readonly timeline: number
  readonly lsn: Lsn
}

/**
 * The later of two points. A newer timeline branched off before any of its own points, so its points
 * contain everything of the old one that was not lost.
 *
 * @returns `undefined` if they belong to different clusters.
 */
export function laterOf(a: Position, b: Position): Position | undefined {
  if (a.cluster !== b.cluster) return undefined
  if (a.timeline !== b.timeline) return a.timeline > b.timeline ? a : b
  return a.lsn >= b.lsn ? a : b
}

/** Does a server that stands at `at` show everything up to `wanted`? Only on the same timeline is that certain. */
export function covers(at: Position, wanted: Position): boolean {
  return at.cluster === wanted.cluster && at.timeline === wanted.timeline && at.lsn >= wanted.lsn
}
