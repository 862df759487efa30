/** Requests for one row, in the order they came. */
export interface Group<R> {
  /** The lane's name, one for each key. */
  readonly lane: string
  readonly requests: readonly R[]
}

/** Something that waits in a lane. */
export interface Waiting {
  /** Kept by {@link Lanes} alone. */
  isWaiting: boolean
}

/** Arrays, for a Set costs more than all else that is done for a request; who leaves is skipped, and swept at times. */
interface Lane<R> {
  queue: R[]
  /** How many of the queue wait still. */
  size: number
  isBusy: boolean
}

/**
 * Who waits, key by key. A lane is served first come, first served, by one statement at a time; lanes take turns. No
 * time, no promises: what is taken is decided by the order of the calls alone.
 */
export class Lanes<R extends Waiting> {
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
    if (lane === undefined) this.#lanes.set(name, (lane = { queue: [], size: 0, isBusy: false }))
    lane.queue.push(request)
    request.isWaiting = true
    lane.size++
    this.#size++
    if (!lane.isBusy && lane.size === 1) this.#ready.add(name)
  }

  /** Takes out one that does not wait any longer; one that was taken already is left alone. */
  remove(name: string, request: R): void {
    const lane = this.#lanes.get(name)
    if (lane === undefined || !request.isWaiting) return
    request.isWaiting = false
    lane.size--
    this.#size--
    if (lane.size < lane.queue.length / 2) lane.queue = lane.queue.filter(({ isWaiting }) => isWaiting)
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
      const requests = takeHead(lane, room)
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
    for (const request of requests) request.isWaiting = true
    lane.queue = [...requests, ...lane.queue]
    lane.size += requests.length
    this.#size += requests.length
  }

  /** The lane's statement is over; if somebody waits, it queues for its next turn. */
  done(name: string): void {
    const lane = this.#lanes.get(name)
    if (lane === undefined) return
    lane.isBusy = false
    if (lane.size > 0) this.#ready.add(name)
    this.#tidy(name, lane)
  }

  *waiting(): Generator<R> {
    for (const { queue } of this.#lanes.values()) yield* queue.filter(({ isWaiting }) => isWaiting)
  }

  #tidy(name: string, lane: Lane<R>): void {
    if (lane.size > 0) return
    this.#ready.delete(name)
    if (!lane.isBusy) this.#lanes.delete(name)
  }
}

function takeHead<R extends Waiting>(lane: Lane<R>, room: number): R[] {
  const head: R[] = []
  let end = 0
  for (; end < lane.queue.length && head.length < room; end++) {
    const request = lane.queue[end]
    if (request?.isWaiting !== true) continue
    request.isWaiting = false
    head.push(request)
  }
  lane.queue = end === lane.queue.length ? [] : lane.queue.slice(end)
  lane.size -= head.length
  return head
}
