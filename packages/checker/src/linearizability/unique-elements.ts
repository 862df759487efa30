import { valueKey } from '../value.ts'
import { type Part, READ } from './part.ts'
import type { Problem } from './problem.ts'
import { type QueueItems, scheduleQueue } from './queue-schedule.ts'
import type { Decision } from './search.ts'

/** What the classes of a part of a queue are about; the same for every cut of it. */
interface Roles {
  /** By class. */
  readonly role: Uint8Array
  /** By class: the element put in or taken out; -1 where there is none, or nobody knows. */
  readonly element: Int32Array
  readonly elements: number
  /** Elements that are there from the beginning, the first to be dequeued first. */
  readonly initial: readonly number[]
}
const PUT = 0
const TAKE = 1
const EMPTY = 2
/** A dequeue of nobody knows what: whatever is first, or nothing. */
const ANY = 3

const NONE = -1
const INITIAL = -2

/** What is known of each element, by operation of the problem. */
interface Known {
  /** Its enqueue, `INITIAL` or `NONE`. */
  readonly put: Int32Array
  /** A dequeue that surely happened. */
  readonly take: Int32Array
  /** Otherwise, one that may have: the first to begin. */
  readonly maybeTake: Int32Array
  readonly empties: readonly number[]
  /** Dequeues of nobody knows what, in order of their beginning. */
  readonly any: readonly number[]
  /** Did one of these surely happen? */
  readonly isAnySure: boolean
  /** Is there an element of which a dequeue may have happened, in its time or not at all? Then that is a choice. */
  readonly hasChoice: boolean
}

/** Dequeues that may have happened by their end: did, did not, or may have happened at any later time. */
type Reading = 'taken' | 'left' | 'any-time'

/** What to order, and which operations of the problem each item stands for. */
interface Items extends QueueItems {
  readonly puts: Int32Array
  readonly takes: Int32Array
}

const roles = new WeakMap<object, Roles | undefined>()

/**
 * Decides a first-in-first-out queue into which each element is put once, in O(n log n) (`queue-schedule.ts`).
 *
 * An unknown enqueue whose element was dequeued happened; another one can be left out. A dequeue that never completed
 * took its element at some time or never; no order is lost by not deciding which. Dequeues of nobody knows what
 * took the elements that must be gone, and no others.
 *
 * @returns `undefined` where this does not apply, or does not tell: an element is put in twice, or there is no order
 *   found, but there might be if unknown dequeues had taken others.
 */
export function decideUniqueElements<S>(part: Part<S>, problem: Problem): Decision | undefined {
  const about = rolesOf(part)
  if (about === undefined) return undefined
  const known = knownOf(about, problem)
  if (known === undefined) return undefined
  if (known === 'violated') return violated(part)
  if (!known.hasChoice && known.any.length === 0) {
    const order = orderOf(itemsOf(about, problem, known, 'taken'))
    return order === undefined ? violated(part) : proof(part, about, problem, order)
  }
  const freest = itemsOf(about, problem, known, 'any-time')
  if (orderOf(freest) === undefined) return violated(part)
  const emptyFrom = freest.putStart.subarray(freest.count - known.empties.length, freest.count)
  const sure = itemsOf(about, problem, known, 'left')
  const isMissed = (item: number): boolean => freest.takes[item] === NONE
  if (!takeLost(sure, problem, known, emptyFrom, isMissed)) return violated(part)
  if (known.isAnySure) return undefined
  for (const reading of known.hasChoice ? (['taken', 'left'] as const) : (['taken'] as const)) {
    const items = itemsOf(about, problem, known, reading)
    if (!takeLost(items, problem, known, emptyFrom, () => true)) continue
    const order = orderOf(items)
    if (order !== undefined) return proof(part, about, problem, order)
  }
  return undefined
}

function rolesOf<S>(part: Part<S>): Roles | undefined {
  if (!roles.has(part)) roles.set(part, rolesAnew(part))
  return roles.get(part)
}

function rolesAnew<S>({ transitions, kind, initial }: Part<S>): Roles | undefined {
  const { representatives } = transitions
  const ids = new Map<string, number>()
  const idOf = (value: unknown): number => {
    const text = valueKey(value)
    const id = ids.get(text) ?? ids.size
    if (id === ids.size) ids.set(text, id)
    return id
  }
  const present = (transitions.stateOf(initial) as readonly unknown[]).map(idOf)
  if (ids.size < present.length) return undefined
  const role = new Uint8Array(representatives.length)
  const element = new Int32Array(representatives.length).fill(NONE)
  representatives.forEach(({ op, input, output, status }, cls) => {
    if (kind[cls] === READ) role[cls] = EMPTY
    else if (op === 'enqueue') {
      role[cls] = PUT
      element[cls] = idOf(input)
    } else if (status === 'unknown' || output === undefined) role[cls] = ANY
    else {
      role[cls] = TAKE
      element[cls] = idOf(output)
    }
  })
  return { role, element, elements: ids.size, initial: present }
}

/** @returns `undefined` if an element is put in twice. */
function knownOf(
  { role, element, elements, initial }: Roles,
  problem: Problem,
): Known | 'violated' | undefined {
  const { deadlines, cls, optional, byStart } = problem
  const put = new Int32Array(elements).fill(NONE)
  const take = new Int32Array(elements).fill(NONE)
  const maybeTake = new Int32Array(elements).fill(NONE)
  const empties: number[] = []
  const any: number[] = []
  let isAnySure = false
  let isTakenTwice = false
  for (const one of initial) put[one] = INITIAL
  for (const op of byStart) {
    const of = cls[op]!
    const one = element[of]!
    const isSure = op < deadlines && optional[op] === 0
    if (role[of] === PUT) {
      if (put[one] !== NONE) return undefined
      put[one] = op
    } else if (role[of] === TAKE) {
      if (!isSure) {
        if (maybeTake[one] === NONE) maybeTake[one] = op
      } else if (take[one] === NONE) take[one] = op
      else isTakenTwice = true
    } else if (role[of] === EMPTY) empties.push(op)
    else {
      any.push(op)
      isAnySure ||= isSure
    }
  }
  if (isTakenTwice) return 'violated'
  let hasChoice = false
  for (let one = 0; one < elements; one++) {
    if (take[one] === NONE) hasChoice ||= maybeTake[one] !== NONE && maybeTake[one]! < deadlines
    else if (put[one] === NONE) return 'violated'
  }
  return { put, take, maybeTake, empties, any, isAnySure, hasChoice }
}

/**
 * Elements that surely were in the queue, then dequeues that found nothing; always in the same order.
 *
 * @param reading `any-time`: also, dequeues of nobody knows what took all that is not known to be taken.
 */
function itemsOf(about: Roles, problem: Problem, known: Known, reading: Reading): Items {
  const { deadlines, optional, available } = problem
  const { put, take, maybeTake, empties, any } = known
  const { elements, initial } = about
  // The first moments belong to what is there from the beginning; then comes one just before each completion.
  const first = initial.length
  const never = first + deadlines + 1
  const size = elements + empties.length
  const putStart = new Int32Array(size)
  const putEnd = new Int32Array(size)
  const takeStart = new Int32Array(size).fill(never)
  const takeEnd = new Int32Array(size).fill(never)
  const isEmpty = new Uint8Array(size)
  const puts = new Int32Array(size).fill(NONE)
  const takes = new Int32Array(size).fill(NONE)
  let count = 0
  const startOf = (op: number): number => first + available[op]!
  const setPut = (item: number, op: number): void => {
    puts[item] = op
    putStart[item] = startOf(op)
    putEnd[item] = first + Math.min(op, deadlines)
  }
  const setTake = (item: number, op: number): void => {
    takes[item] = op
    takeStart[item] = startOf(op)
    takeEnd[item] = op < deadlines ? first + op : never
  }
  const addTake = (item: number, one: number): void => {
    if (take[one] !== NONE) {
      setTake(item, take[one]!)
      return
    }
    const may = maybeTake[one]!
    if (may !== NONE && (reading !== 'left' || may >= deadlines)) setTake(item, may)
    if (reading !== 'any-time') return
    if (any.length > 0) takeStart[item] = Math.min(takeStart[item]!, startOf(any[0]!))
    takeEnd[item] = never
  }
  initial.forEach((one, at) => {
    putStart[count] = putEnd[count] = at
    addTake(count++, one)
  })
  for (let one = 0; one < elements; one++) {
    const op = put[one]!
    const isThere = op >= 0 && ((op < deadlines && optional[op] === 0) || take[one] !== NONE)
    if (!isThere) continue
    setPut(count, op)
    addTake(count++, one)
  }
  for (const op of empties) {
    setPut(count, op)
    setTake(count, op)
    isEmpty[count++] = 1
  }
  return { count, putStart, putEnd, takeStart, takeEnd, isEmpty, never, puts, takes }
}

/** An order of the operations, if there is one. Changes the items. */
function orderOf(items: Items): number[] | undefined {
  const order: number[] = []
  const isOrdered = scheduleQueue(items, (item, isPut) => {
    const op = isPut ? items.puts[item]! : items.takes[item]!
    if (op !== NONE) order.push(op)
  })
  return isOrdered ? order : undefined
}

/**
 * An element that stays, although one that was put in later was taken, or nothing was found later, was taken as
 * well, before that: by a dequeue of nobody knows what. These never end, so the one that begins first goes to the
 * element that must be gone first.
 *
 * @param emptyFrom for each dequeue that found nothing: not before then.
 * @param isMissed can nothing else have taken this item?
 * @returns are there enough of them, in time?
 */
function takeLost(
  { count, putStart, putEnd, takeStart, takeEnd, isEmpty, never, takes }: Items,
  { available, deadlines }: Problem,
  { any, empties }: Known,
  emptyFrom: Int32Array,
  isMissed: (item: number) => boolean,
): boolean {
  const first = never - 1 - deadlines
  const goneBy = new Int32Array(never + 2).fill(never) // what was put in before this moment
  for (let item = 0; item < count; item++) {
    if (takeStart[item] === never) continue
    const from = isEmpty[item] === 1 ? emptyFrom[item - (count - empties.length)]! : putStart[item]!
    goneBy[from] = Math.min(goneBy[from]!, takeEnd[item]!)
  }
  for (let moment = never; moment >= 0; moment--)
    goneBy[moment] = Math.min(goneBy[moment]!, goneBy[moment + 1]!)
  const lost: number[] = []
  const limitOf = (item: number): number => goneBy[putEnd[item]! + 1]!
  for (let item = 0; item < count; item++)
    if (takeStart[item] === never && isMissed(item) && limitOf(item) < never) lost.push(item)
  if (lost.length > any.length) return false
  lost.sort((a, b) => limitOf(a) - limitOf(b))
  return lost.every((item, at) => {
    const op = any[at]!
    const start = first + available[op]!
    takes[item] = op
    takeStart[item] = start
    takeEnd[item] = op < deadlines ? first + op : never
    return start <= limitOf(item)
  })
}

/** Nothing is believed of an order before it was tried. @returns `undefined` if it is none. */
function proof<S>(
  part: Part<S>,
  about: Roles,
  problem: Problem,
  order: readonly number[],
): Decision | undefined {
  const { role, element, initial } = about
  const { deadlines, cls, optional, available, place, count } = problem
  const values = part.transitions.stateOf(part.initial) as readonly unknown[]
  const queued = [...initial]
  const valueOf: unknown[] = [...values]
  const isPlaced = new Uint8Array(count)
  let head = 0
  let latestStart = 0
  for (const op of order) {
    if (isPlaced[op] === 1 || (op < deadlines && op < latestStart)) return undefined
    isPlaced[op] = 1
    latestStart = Math.max(latestStart, available[op]!)
    const of = cls[op]!
    if (role[of] === PUT) {
      queued.push(element[of]!)
      valueOf.push(part.transitions.representatives[of]!.input)
    } else if (role[of] === EMPTY) {
      if (head < queued.length) return undefined
    } else if (role[of] === TAKE) {
      if (head === queued.length || queued[head++] !== element[of]) return undefined
    } else if (head < queued.length) head++
  }
  for (let op = 0; op < deadlines; op++) if (optional[op] === 0 && isPlaced[op] === 0) return undefined
  return {
    verdict: 'ok',
    order: order.map((op) => place[op]!),
    state: part.transitions.idOf(valueOf.slice(head) as S),
    frontier: deadlines,
    isFurthest: true,
    configurations: 0,
  }
}

/** Where nothing was searched there is nothing to tell of how far it got. */
function violated<S>(part: Part<S>): Decision {
  return {
    verdict: 'violated',
    order: [],
    state: part.initial,
    frontier: 0,
    isFurthest: false,
    configurations: 0,
  }
}
