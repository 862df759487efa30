import type { Dot, VersionVector } from '@quorate/vector-clock'
import type { DotRun } from '@quorate/vector-clock/causal-context'

interface Removal {
  /** Whoever has seen these, and what came before them, knows all that was removed. */
  readonly seen: readonly Dot[]
  /** What was removed, and the removals. Events only: what they had put in may be large, and is gone. */
  readonly removed: readonly DotRun[]
}

/**
 * What came lately and removed something: for deltas that tell a peer of the removals it has not seen, and not of
 * all there ever were. That an event was removed is in the state; by which removal, and so who knows it, is only
 * here. It is no part of the state and never sent: without it, deltas are larger and as right.
 *
 * Why a peer at version v lacks nothing of a record with `seen` ≤ v: its state holds each removal it has seen with
 * all that it removed, as every fragment does. Why the others are enough: a removal above v came here with some
 * fragment, which is in the log or under `#base`.
 */
export class RemovalLog {
  #records: Removal[] = []
  #weight = 0
  /** The highest event by node of what is no longer in the log. */
  #base = new Map<string, number>()

  /** Keeps what a fragment removed, and drops old records as long as the log outweighs `bound`. */
  add(seen: readonly Dot[], removed: readonly DotRun[], bound: number): void {
    this.#records.push({ seen, removed })
    this.#weight += seen.length + removed.length
    // Half at once, so that a drop costs each record no more than a move or two.
    if (this.#weight <= bound) return
    let dropped = 0
    for (; this.#weight > bound / 2; dropped++) {
      const old = this.#records[dropped] as Removal
      this.#weight -= old.seen.length + old.removed.length
      this.#forget(old.seen)
    }
    this.#records.splice(0, dropped)
  }

  /** Drops all: what was removed up to `seen` is no longer known here. */
  reset(seen: readonly Dot[]): void {
    this.#records = []
    this.#weight = 0
    this.#base = new Map()
    this.#forget(seen)
  }

  /** The removals that a replica at this version needs; undefined if the log does not reach back to it. */
  since(version: VersionVector): DotRun[] | undefined {
    for (const [node, counter] of this.#base) if (version.get(node) < counter) return undefined
    return this.#records
      .filter(({ seen }) => !seen.every((dot) => version.includes(dot)))
      .flatMap(({ removed }) => removed)
  }

  /** Takes over what another log knows, for a copy of its state. */
  copy(other: RemovalLog): void {
    this.#records = [...other.#records]
    this.#weight = other.#weight
    this.#base = new Map(other.#base)
  }

  #forget(seen: readonly Dot[]): void {
    for (const { node, counter } of seen) {
      this.#base.set(node, Math.max(counter, this.#base.get(node) ?? 0))
    }
  }
}
