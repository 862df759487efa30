import type { Lsn } from './lsn.ts'

/** How far a replica is behind. */
export interface Lag {
  /** Age of the oldest WAL that is known of and not yet replayed, ms; 0 if there is none. */
  readonly ms: number
  readonly bytes: number
}

/** Positions remembered at most, and after forgetting. */
const MAX_SAMPLES = 4_096
const KEPT_SAMPLES = 2_048

/**
 * Lag by the router's own clock: since when has the primary been beyond what the replica shows? Clocks
 * of servers do not enter, an idle primary makes no lag, and a replica that has replayed all it *received*
 * but receives nothing is not mistaken for one that has caught up.
 */
export class HeadHistory {
  /** When each position of the primary was first seen; both rise. */
  #samples: { readonly atMs: number; readonly lsn: Lsn }[] = []

  /** The newest position of the primary that was seen. */
  get head(): Lsn | undefined {
    return this.#samples.at(-1)?.lsn
  }

  observe(lsn: Lsn, atMs: number): void {
    if (this.head !== undefined && lsn <= this.head) return
    this.#samples.push({ atMs, lsn })
    // A lag older than all that is kept is told as the age of the oldest.
    if (this.#samples.length > MAX_SAMPLES) this.#samples = this.#samples.slice(-KEPT_SAMPLES)
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
    let low = 0
    let high = this.#samples.length - 1
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#samples[middle]?.lsn ?? 0n) > replayed) high = middle
      else low = middle + 1
    }
    return { ms: nowMs - (this.#samples[low]?.atMs ?? nowMs), bytes: Number(head - replayed) }
  }
}
