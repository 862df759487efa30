import type { Dot, VersionVector } from '@quorate/vector-clock'
import type { DotRun } from '@quorate/vector-clock/causal-context'

interface Removal {
  /** Whoever has seen these, and what came before them, knows all that was removed. */
  readonly seen: readonly Dot[]
  /** What was removed, and the removals. Events only: what they had put in may be large, and is gone. */
  readonly removed: readonly DotRun[]
}

/** The removals that have seen an event of one node, by that event: what a peer lacks is at the end. */
interface Line {
  readonly items: { readonly last: number; readonly removal: Removal }[]
  isSorted: boolean
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
  #lines = new Map<string, Line>()
  #weight = 0
  /** The highest event by node of what is no longer in the log. */
  #base = new Map<string, number>()

  /** Keeps what a fragment removed, and drops old records as long as the log outweighs `bound`. */
  add(seen: readonly Dot[], removed: readonly DotRun[], bound: number): void {
    this.#keep({ seen, removed })
    this.#weight += seen.length + removed.length
    // Half at once, so that a drop costs each record no more than a move or two.
    if (this.#weight <= bound) return
    let dropped = 0
    for (; this.#weight > bound / 2; dropped++) {
      const old = this.#records[dropped] as Removal
      this.#weight -= old.seen.length + old.removed.length
      this.#forget(old.seen)
    }
    this.#fill(this.#records.slice(dropped))
  }

  /** Drops all: what was removed up to `seen` is no longer known here. */
  reset(seen: readonly Dot[]): void {
    this.#fill([])
    this.#weight = 0
    this.#base = new Map()
    this.#forget(seen)
  }

  /**
   * The removals that a replica at this version needs; undefined if the log does not reach back to it. Looks at those
   * only, however many there are.
   */
  since(version: VersionVector): DotRun[] | undefined {
    for (const [node, counter] of this.#base) if (version.get(node) < counter) return undefined
    const lacks = new Set<Removal>()
    for (const [node, line] of this.#lines) {
      const { items } = line
      // What comes in order stays in order.
      if (!line.isSorted) items.sort((a, b) => a.last - b.last)
      line.isSorted = true
      const counter = version.get(node)
      for (let i = items.length - 1; (items[i]?.last ?? 0) > counter; i--)
        lacks.add(items[i]?.removal as Removal)
    }
    return [...lacks].flatMap(({ removed }) => removed)
  }

  /** Takes over what another log knows, for a copy of its state. */
  copy(other: RemovalLog): void {
    this.#fill(other.#records)
    this.#weight = other.#weight
    this.#base = new Map(other.#base)
  }

  #fill(records: readonly Removal[]): void {
    this.#records = []
    this.#lines = new Map()
    for (const removal of records) this.#keep(removal)
  }

  #keep(removal: Removal): void {
    this.#records.push(removal)
    for (const { node, counter: last } of removal.seen) {
      let line = this.#lines.get(node)
      if (line === undefined) this.#lines.set(node, (line = { items: [], isSorted: true }))
      if ((line.items.at(-1)?.last ?? 0) > last) line.isSorted = false
      line.items.push({ last, removal })
    }
  }

  #forget(seen: readonly Dot[]): void {
    for (const { node, counter } of seen) {
      this.#base.set(node, Math.max(counter, this.#base.get(node) ?? 0))
    }
  }
}
