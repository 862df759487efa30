/** What the heap orders by. */
export interface Timed {
  atUs: number
  /** Unique: events of one instant run in the order in which they were planned. */
  seq: number
}

/** A binary heap ordered by (time, seq). */
export class EventHeap<E extends Timed> {
  readonly #items: E[] = []

  get size(): number {
    return this.#items.length
  }

  /** All that is planned, in no order. */
  get items(): readonly E[] {
    return this.#items
  }

  clear(): void {
    this.#items.length = 0
  }

  /** After times of events that it holds have changed. */
  reorder(): void {
    const events = this.#items.splice(0)
    for (const event of events) this.push(event)
  }

  push(event: E): void {
    const items = this.#items
    let index = items.length
    items.push(event)
    while (index > 0) {
      const parent = (index - 1) >> 1
      const above = items[parent] as E
      if (before(above, event)) break
      items[index] = above
      index = parent
    }
    items[index] = event
  }

  pop(): E | undefined {
    const items = this.#items
    const first = items[0]
    const last = items.pop()
    const size = items.length
    if (last === undefined || size === 0) return first
    let index = 0
    for (;;) {
      let child = 2 * index + 1
      if (child >= size) break
      let below = items[child] as E
      const right = child + 1
      if (right < size && before(items[right] as E, below)) {
        child = right
        below = items[right] as E
      }
      if (before(last, below)) break
      items[index] = below
      index = child
    }
    items[index] = last
    return first
  }
}

const before = (a: Timed, b: Timed): boolean => a.atUs < b.atUs || (a.atUs === b.atUs && a.seq < b.seq)
