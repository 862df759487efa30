import { type Clock, emit, type EventListener, invariant } from '@quorate/core'
import { WriteUnknownError } from '../errors.ts'
import { type BatcherEvent, reportFailure } from './events.ts'
import type { Group as GroupOf, Lane as LaneOf } from './lanes.ts'
import { grant } from './plan.ts'
import type { Request } from './request.ts'
import type { BatchAnswer, BatchItem, BatchSession, ItemAnswer } from './store.ts'

type Lane = LaneOf<Request>
type Group = GroupOf<Request>

/** What all flights of a queue have in common. */
export interface FlightRules {
  readonly table: string
  readonly min: number
  readonly clock: Clock
  readonly onEvent: EventListener<BatcherEvent> | undefined
}

/** What {@link Flight.run} leaves to be done. */
export interface Landing {
  /** Without an answer, in their order. */
  readonly rest: readonly Group[]
  /** Lanes that a twin kept from being served. */
  readonly passedOver: readonly Lane[]
  /** Why `rest` has to wait, if a statement was not applied. */
  readonly setback: Setback | undefined
  /** Did somebody else's lock, or a caller's patience, end a statement? Then its lanes go alone. */
  readonly isStuck: boolean
}

/** A statement that is worth repeating. */
export interface Setback {
  readonly next: 'retry' | 'yield'
  readonly cause: unknown
}

/** A batch on its connection: one statement, or several if one of the requests spoils it for the others. */
export class Flight {
  /** All that it took, answered or not, until it has landed. */
  groups: readonly Group[]
  readonly #session: BatchSession
  readonly #rules: FlightRules
  readonly #passedOver: Lane[] = []
  #setback: Setback | undefined
  #isStuck = false
  #isBroken = false
  /** How many callers still wait for the statement under way. */
  #open = 0
  /** Ends the wait for it. */
  #abandon: (() => void) | undefined

  constructor(session: BatchSession, groups: readonly Group[], rules: FlightRules) {
    this.#session = session
    this.groups = groups
    this.#rules = rules
  }

  /** Never rejects. */
  async run(): Promise<Landing> {
    const rest = await this.#send(this.groups)
    return { rest, passedOver: this.#passedOver, setback: this.#setback, isStuck: this.#isStuck }
  }

  /** Requests point here: one that outlives its batch by accident, in old memory, would keep all of it alive there. */
  end(): void {
    this.groups = []
  }

  /** The caller of a request that was sent does not wait any longer. */
  leave(): void {
    if (--this.#open > 0) return
    // Nothing may run on after its last caller has left, so the connection goes.
    this.#break()
    this.#isStuck = true
    this.#abandon?.()
  }

  #break(): void {
    this.#isBroken = true
    this.#session.close(true)
  }

  /** @returns those who have no answer. If there are any, nothing may be sent on this session that came after them. */
  async #send(groups: readonly Group[]): Promise<readonly Group[]> {
    let count = 0
    const items = groups.map(({ lane, requests }): BatchItem => {
      count += requests.length
      const deltas = requests.map((request) => {
        request.flight = this
        return request.delta
      })
      return { key: lane.key, deltas }
    })
    if (count === 0) return []
    this.#open = count
    const startMs = this.#rules.clock.monotonic()
    const answer = await this.#answerTo(items)
    this.#abandon = undefined
    if (answer.type === 'applied') return this.#tell(groups, answer.items, count, startMs)
    return this.#recover(groups, answer, count)
  }

  /** No abort signal, which would cost more than the rest of it. */
  #answerTo(items: readonly BatchItem[]): Promise<BatchAnswer> {
    return new Promise((resolve) => {
      const lost = (cause: unknown): void => resolve({ type: 'unknown', cause })
      this.#abandon = () => lost(new DOMException('Nobody waits for this statement any longer', 'AbortError'))
      try {
        this.#session.apply(items).then(resolve, lost)
      } catch (cause) {
        lost(cause)
      }
    })
  }

  #tell(
    groups: readonly Group[],
    answers: readonly ItemAnswer[],
    count: number,
    startMs: number,
  ): readonly Group[] {
    const { table, clock, onEvent } = this.#rules
    invariant(answers.length === groups.length, 'a store answers for each item')
    let granted = 0
    const rest: Group[] = []
    groups.forEach((group, index) => {
      const answer = answers[index] ?? { type: 'gone' }
      granted += this.#tellRow(group, answer, rest)
    })
    emit<BatcherEvent>(onEvent, () => ({
      type: 'batch',
      table,
      keys: groups.length,
      requests: count,
      granted,
      elapsedMs: clock.monotonic() - startMs,
    }))
    return rest.length === 0 ? rest : live(rest)
  }

  /** @returns how many were granted; if none is told anything, the group goes to `rest`. */
  #tellRow(group: Group, answer: ItemAnswer, rest: Group[]): number {
    const { table, min } = this.#rules
    const { lane, requests } = group
    switch (answer.type) {
      case 'applied':
        return this.#tellEach(requests, answer.before, min)
      case 'all': {
        const total = requests.reduce((sum, { delta }) => sum + delta, 0)
        return this.#tellEach(requests, answer.after - total, -Infinity)
      }
      case 'gone':
      case 'refused':
        for (const request of requests) if (request.settle()) request.resolve(undefined)
        return 0
      case 'twin':
        for (const request of requests) request.flight = undefined
        this.#passedOver.push(lane)
        rest.push(group)
        return 0
      case 'inexact': {
        const message =
          `Cannot adjust a row of ${table}: its counter is ${answer.value}, ` +
          `expected a whole number within 2^53 - 1; use decrementIf() of a repository`
        for (const request of requests) if (request.settle()) request.reject(new RangeError(message))
        return 0
      }
      default:
        return answer satisfies never
    }
  }

  /** The loop that everything else is there for: what `fold()` says, without its arrays. */
  #tellEach(requests: readonly Request[], before: number, min: number): number {
    let units = before
    let granted = 0
    for (const request of requests) {
      const { delta } = request
      const left = grant(units, delta, min)
      if (left !== undefined) {
        units = left
        granted++
      }
      if (!request.settle()) continue
      if (left !== undefined) request.resolve({ left })
      else if (delta < 0) request.resolve(undefined)
      else request.reject(this.#tooMany(units, delta))
    }
    return granted
  }

  async #recover(
    groups: readonly Group[],
    answer: Exclude<BatchAnswer, { type: 'applied' }>,
    count: number,
  ): Promise<readonly Group[]> {
    const { type: outcome, cause } = answer
    const next = outcome === 'unknown' ? 'fail' : answer.next
    const isSplit = next === 'split' && count > 1
    const isRetried = isSplit || next === 'retry' || next === 'yield'
    reportFailure(this.#rules, { requests: count, outcome, isRetried, cause })
    if (!isRetried) {
      if (outcome === 'unknown') this.#break()
      for (const { requests } of groups) {
        for (const request of requests) {
          if (request.settle())
            request.reject(outcome === 'unknown' ? unknownOf(request, this.#rules.table, cause) : cause)
        }
      }
      return []
    }
    for (const { requests } of groups) for (const request of requests) request.flight = undefined
    if (next === 'retry' || next === 'yield') {
      this.#setback = { next, cause }
      if (next === 'yield') this.#isStuck = true
      return live(groups)
    }
    const [head, tail] = halve(groups, Math.ceil(count / 2))
    const rest = await this.#send(live(head))
    // Else some of the second half would overtake some of the first, or be sent on a session that is broken.
    return rest.length > 0 || this.#isBroken ? [...rest, ...live(tail)] : this.#send(live(tail))
  }

  #tooMany(units: number, delta: number): RangeError {
    return new RangeError(
      `Cannot add ${delta} to a row of ${this.#rules.table}: its counter is ${units}, ` +
        `expected to stay within 2^53 - 1; use incrementIf() of a repository`,
    )
  }
}

/** What the caller of a request is told whose statement may have been applied. */
export function unknownOf({ delta }: Request, table: string, cause: unknown): WriteUnknownError {
  const action = delta < 0 ? 'decrementIf' : 'increment'
  return new WriteUnknownError({ action, table, cause })
}

/** Without those who have left. */
export function live(groups: readonly Group[]): readonly Group[] {
  return groups
    .map(({ lane, requests }) => ({ lane, requests: requests.filter(({ isSettled }) => !isSettled) }))
    .filter(({ requests }) => requests.length > 0)
}

/** The first `count` requests, and the others. */
function halve(groups: readonly Group[], count: number): [Group[], Group[]] {
  const head: Group[] = []
  const tail: Group[] = []
  let room = count
  for (const { lane, requests } of groups) {
    if (room > 0) head.push({ lane, requests: requests.slice(0, room) })
    if (requests.length > room) tail.push({ lane, requests: requests.slice(room) })
    room = Math.max(room - requests.length, 0)
  }
  return [head, tail]
}
