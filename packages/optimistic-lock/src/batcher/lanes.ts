import type { KeyValues } from '../types.ts'

/** Something that waits in a lane. */
export interface Waiting {
  /** Kept by {@link Lanes} alone. */
  isWaiting: boolean
}

/** Where the requests for one row wait, as long as there are any. */
export class Lane<R extends Waiting> {
  readonly name: string
  readonly key: KeyValues
  /** An array, for a Set costs more than all else that is done for a request; who leaves is skipped, and swept at times. */
  queue: R[] = []
  /** How many of the queue wait still. */
  size = 0
  /** A statement for it is under way, or its next one has to wait. */
  isBusy = false
  /** Its statements carry no other lane. */
  isAlone: boolean

  constructor(name: string, key: KeyValues, isAlone: boolean) {
    this.name = name
    this.key = key
    this.isAlone = isAlone
  }
}

/** Requests for one row, in the order they came. */
export interface Group<R extends Waiting> {
  readonly lane: Lane<R>
  readonly requests: readonly R[]
}

/** Names of lanes that go alone that are kept at most; a lane that is not known to does harm once more, no worse. */
const MAX_ALONE = 1_000

/**
 * Who waits, key by key. A lane is served first come, first served, by one statement at a time; lanes take turns. No
 * time, no promises: what is taken is decided by the order of the calls alone.
 */
export class Lanes<R extends Waiting> {
  readonly #lanes = new Map<string, Lane<R>>()
  /** Lanes with somebody waiting and no statement under way, in the order of their turns. */
  readonly #ready = new Set<Lane<R>>()
  /** A lane ends when nobody is in it; that it has to go alone is remembered. */
  readonly #alone = new Set<string>()
  #size = 0

  /** Requests that wait; those taken do not count. */
  get size(): number {
    return this.#size
  }

  /** Would {@link take} find something? */
  get isReady(): boolean {
    return this.#ready.size > 0
  }

  /** @returns `undefined` for a lane where nobody waits and no statement is under way. */
  get(name: string): Lane<R> | undefined {
    return this.#lanes.get(name)
  }

  /** A new lane; somebody must be added at once. */
  open(name: string, key: KeyValues): Lane<R> {
    const lane = new Lane<R>(name, key, this.#alone.has(name))
    this.#lanes.set(name, lane)
    return lane
  }

  add(lane: Lane<R>, request: R): void {
    lane.queue.push(request)
    request.isWaiting = true
    this.#size++
    if (++lane.size === 1 && !lane.isBusy) this.#ready.add(lane)
  }

  /** Takes out one that does not wait any longer; one that was taken already is left alone. */
  remove(lane: Lane<R>, request: R): void {
    if (!request.isWaiting) return
    request.isWaiting = false
    lane.size--
    this.#size--
    if (lane.size < lane.queue.length / 2) lane.queue = lane.queue.filter(({ isWaiting }) => isWaiting)
    this.#tidy(lane)
  }

  /** The next batch: whole lanes in turn, the last one perhaps in part. Its lanes are busy until {@link done}. */
  take(maxRequests: number): Group<R>[] {
    const groups: Group<R>[] = []
    let room = maxRequests
    for (const lane of this.#ready) {
      if (room === 0) break
      // It keeps its turn: those before it are gone the next time.
      if (lane.isAlone && groups.length > 0) continue
      const requests = takeHead(lane, room)
      lane.isBusy = true
      this.#ready.delete(lane)
      this.#size -= requests.length
      room -= requests.length
      groups.push({ lane, requests })
      if (lane.isAlone) break
    }
    return groups
  }

  /** Puts requests of a busy lane back, before all that came after them. */
  giveBack({ lane, requests }: Group<R>): void {
    for (const request of requests) request.isWaiting = true
    lane.queue = [...requests, ...lane.queue]
    lane.size += requests.length
    this.#size += requests.length
  }

  /** The lane's statement is over; if somebody waits, it queues for its next turn. */
  done(lane: Lane<R>): void {
    lane.isBusy = false
    if (lane.size > 0) this.#ready.add(lane)
    this.#tidy(lane)
  }

  /** From now on a lane goes in statements of its own, or not any longer. */
  setAlone(lane: Lane<R>, isAlone: boolean): void {
    if (lane.isAlone === isAlone) return
    lane.isAlone = isAlone
    this.#alone.delete(lane.name)
    if (!isAlone) return
    const [oldest] = this.#alone
    if (oldest !== undefined && this.#alone.size >= MAX_ALONE) this.#alone.delete(oldest)
    this.#alone.add(lane.name)
  }

  /** Those who wait, lane by lane. */
  *groups(): Generator<Group<R>> {
    for (const lane of this.#lanes.values()) {
      if (lane.size > 0) yield { lane, requests: lane.queue.filter(({ isWaiting }) => isWaiting) }
    }
  }

  #tidy(lane: Lane<R>): void {
    if (lane.size > 0) return
    this.#ready.delete(lane)
    if (!lane.isBusy) this.#lanes.delete(lane.name)
  }
}

function takeHead<R extends Waiting>(lane: Lane<R>, room: number): R[] {
  const { queue } = lane
  let head: R[]
  if (lane.size === queue.length && lane.size <= room) {
    // All of them, which is the rule: nothing to copy.
    head = queue
    lane.queue = []
    for (const request of head) request.isWaiting = false
  } else {
    head = []
    let end = 0
    for (; end < queue.length && head.length < room; end++) {
      const request = queue[end]
      if (request?.isWaiting !== true) continue
      request.isWaiting = false
      head.push(request)
    }
    lane.queue = queue.slice(end)
  }
  lane.size -= head.length
  return head
}
