import type { Lsn } from './lsn.ts'

/** How far a replica is behind. */
export interface Lag {
  /** Age of the oldest WAL that is known of and not yet replayed, ms; 0 if there is none. */
  readonly ms: number
  readonly bytes: number
}

interface Sample {
  readonly lsn: Lsn
  /** When the primary was first seen here. */
  readonly atMs: number
  /** When it was last seen here. */
  lastAtMs: number
}

/** Positions remembered at most; they are thinned out then. */
const MAX_SAMPLES = 4_096
const PRECISION = 64

/**
 * Lag by the router's own clock: since when has the primary been beyond what the replica shows? Clocks
 * of servers do not enter, an idle primary makes no lag, and a replica that has replayed all it *received*
 * but receives nothing is not mistaken for one that has caught up.
 */
export class HeadHistory {
  /** Both positions and times rise. */
  #samples: Sample[] = []

  /** The newest position of the primary that was seen. */
  get head(): Lsn | undefined {
    return this.#samples.at(-1)?.lsn
  }

  /** @param atMs before the primary was asked. */
  observe(lsn: Lsn, atMs: number): void {
    const last = this.#samples.at(-1)
    if (last !== undefined && lsn <= last.lsn) {
      last.lastAtMs = atMs
      return
    }
    this.#samples.push({ lsn, atMs, lastAtMs: atMs })
    if (this.#samples.length > MAX_SAMPLES) this.#samples = thinned(this.#samples)
  }

  /** A promotion starts a new history. */
  clear(): void {
    this.#samples = []
  }

  /** `undefined` as long as the primary was never seen. */
  lagOf(replayed: Lsn, nowMs: number): Lag | undefined {
    const { head } = this
    if (head === undefined) return undefined
    if (replayed >= head) return { ms: 0, bytes: 0 }
    const first = this.#samples[this.#firstAfter(replayed)]
    return { ms: nowMs - (first?.atMs ?? nowMs), bytes: Number(head - replayed) }
  }

  /**
   * The last time at which the primary showed nothing that a server at `replayed` does not show. Unlike
   * the lag this is a promise: it does not take what nobody has looked at for unchanged.
   *
   * @returns `undefined` if that is longer ago than anything remembered.
   */
  freshAsOf(replayed: Lsn): number | undefined {
    return this.#samples[this.#firstAfter(replayed) - 1]?.lastAtMs
  }

  /** Index of the first sample beyond a position. */
  #firstAfter(position: Lsn): number {
    let low = 0
    let high = this.#samples.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#samples[middle]?.lsn ?? 0n) > position) high = middle
      else low = middle + 1
    }
    return low
  }
}

/**
 * Samples that are close together, for their age, made one: so the age of any lag can be told, to a
 * {@link PRECISION}th of it. What lies between them then counts as seen when the first was: no lag is told too small.
 */
function thinned(samples: readonly Sample[]): Sample[] {
  const nowMs = samples.at(-1)?.atMs ?? 0
  const kept: Sample[] = []
  for (const sample of samples) {
    const before = kept.at(-1)
    const untilMs = sample.lastAtMs
    const isClose = before !== undefined && untilMs - before.atMs <= (nowMs - untilMs) / PRECISION
    if (isClose) kept[kept.length - 1] = { ...sample, atMs: before.atMs }
    else kept.push(sample)
  }
  return kept
}
