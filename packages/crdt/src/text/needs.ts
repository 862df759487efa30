/** A replica whose next operation waits for an event of another, or of its own. */
export interface Need {
  readonly node: string
  /** Whose event. */
  readonly of: string
  readonly counter: number
}

/** Who waits for which event: what becomes ready is found without a look at the rest. */
export class Needs {
  /** By replica waited for, a heap: the one that needs the earliest event comes first. */
  readonly #heaps = new Map<string, Need[]>()
  readonly #nodes = new Set<string>()

  /** True if the next operation of a replica is known to wait. */
  has(node: string): boolean {
    return this.#nodes.has(node)
  }

  add(need: Need): void {
    this.#nodes.add(need.node)
    const heap = this.#heaps.get(need.of)
    if (heap === undefined) {
      this.#heaps.set(need.of, [need])
      return
    }
    let at = heap.length
    while (at > 0) {
      const above = (at - 1) >>> 1
      const parent = heap[above] as Need
      if (parent.counter <= need.counter) break
      heap[at] = parent
      at = above
    }
    heap[at] = need
  }

  /** Takes out one that an event of a replica is enough for; `undefined` if there is none left. */
  take(of: string, version: number): Need | undefined {
    const heap = this.#heaps.get(of)
    const first = heap?.[0]
    if (heap === undefined || first === undefined || first.counter > version) return undefined
    this.#nodes.delete(first.node)
    const last = heap.pop() as Need
    if (heap.length === 0) this.#heaps.delete(of)
    if (last !== first) sink(heap, last)
    return first
  }

  *[Symbol.iterator](): IterableIterator<Need> {
    for (const heap of this.#heaps.values()) yield* heap
  }
}

/** Puts one in at the top of a heap, and lets it down to where it belongs. */
function sink(heap: Need[], need: Need): void {
  let at = 0
  for (;;) {
    let below = 2 * at + 1
    const [left, right] = [heap[below], heap[below + 1]]
    if (left === undefined) break
    if (right !== undefined && right.counter < left.counter) below++
    const child = heap[below] as Need
    if (child.counter >= need.counter) break
    heap[at] = child
    at = below
  }
  heap[at] = need
}
