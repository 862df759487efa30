/** Requests for one row, in the order they came. */
export interface Group<R> {
  /** The lane's name, one for each key. */
  readonly lane: string
  readonly requests: readonly R[]
}

interface Lane<R> {
  waiting: Set<R>
  isBusy: boolean
}

/**
 * Who waits, key by key. A lane is served first come, first served, by one statement at a time; lanes take turns. No
 * time, no promises: what is taken is decided by the order of the calls alone.
 */
export class Lanes<R extends object> {
  readonly #lanes = new Map<string, Lane<R>>()
  /** Lanes with somebody waiting and no statement under way, in the order of their turns. */
  readonly #ready = new Set<string>()
  #size = 0

  /** Requests that wait; those taken do not count. */
  get size(): number {
    return this.#size
  }

  /** Would {@link take} find something? */
  get isReady(): boolean {
    return this.#ready.size > 0
  }

  add(name: string, request: R): void {
    let lane = this.#lanes.get(name)
    if (lane === undefined) this.#lanes.set(name, (lane = { waiting: new Set(), isBusy: false }))
    lane.waiting.add(request)
    this.#size++
    if (!lane.isBusy) this.#ready.add(name)
  }

  /** Takes out one that does not wait any longer. */
  remove(name: string, request: R): void {
    const lane = this.#lanes.get(name)
    if (lane?.waiting.delete(request) !== true) return
    this.#size--
    this.#tidy(name, lane)
  }

  /** The next batch: whole lanes in turn, the last one perhaps in part. Its lanes are busy until {@link done}. */
  take(maxRequests: number): Group<R>[] {
    const groups: Group<R>[] = []
    let room = maxRequests
    for (const name of this.#ready) {
      if (room === 0) break
      const lane = this.#lanes.get(name)
      if (lane === undefined) continue
      const requests = headOf(lane.waiting, room)
      if (requests.length === lane.waiting.size) lane.waiting = new Set()
      else for (const request of requests) lane.waiting.delete(request)
      lane.isBusy = true
      this.#ready.delete(name)
      this.#size -= requests.length
      room -= requests.length
      groups.push({ lane: name, requests })
    }
    return groups
  }

  /** Puts requests of a busy lane back, before all that came after them. */
  giveBack({ lane: name, requests }: Group<R>): void {
    const lane = this.#lanes.get(name)
    if (lane === undefined) return
    lane.waiting = new Set([...requests, ...lane.waiting])
    this.#size += requests.length
  }

  /** The lane's statement is over; if somebody waits, it queues for its next turn. */
  done(name: string): void {
    const lane = this.#lanes.get(name)
    if (lane === undefined) return
    lane.isBusy = false
    if (lane.waiting.size > 0) this.#ready.add(name)
    this.#tidy(name, lane)
  }

  #tidy(name: string, lane: Lane<R>): void {
    if (lane.waiting.size > 0) return
    this.#ready.delete(name)
    if (!lane.isBusy) this.#lanes.delete(name)
  }
}

function headOf<R>(waiting: ReadonlySet<R>, room: number): R[] {
  if (waiting.size <= room) return [...waiting]
  const head: R[] = []
  for (const request of waiting) {
    if (head.length === room) break
    head.push(request)
  }
  return head
}
