import type { Decoded } from './decoder.ts'
import {
  type Cells,
  DELETE_DOWN,
  DELETE_UP,
  INDEX,
  KIND,
  LEFT_CHILD,
  LENGTH,
  OWN,
  TARGET,
  WIDTH,
} from './rows.ts'
import { COUNTER } from './rows.ts'

// Each insertion is a run: a node of the tree of FugueMax, its characters each other's right children. Events are
// numbered from 0 on, one replica's after the other's, so that whom a row refers to is found without a search. No
// numbers of objects come from arrays of doubles or meet Infinity: engines would keep them as objects of their own.

/** Where rows are, and how many of each kind. */
export interface Layout {
  readonly runs: number
  readonly removals: number
  readonly events: number
  /** By index of a replica: the number of its first event, and its first row; and the ends of all. */
  readonly bases: readonly number[]
  readonly rows: readonly number[]
}

/** `undefined` if events are missing, or if it takes right origins to know where a run stands. */
export function layOut({ names, cells, rights }: Decoded): Layout | undefined {
  if (rights.length > 0) return undefined
  const bases: number[] = []
  const rows: number[] = []
  let events = 0
  let runs = 0
  let next = 1
  for (let row = 0; row < cells.length; row += WIDTH) {
    const own = cells[row + OWN] as number
    if (own === bases.length) {
      bases.push(events)
      rows.push(row / WIDTH)
      next = 1
    }
    // If all replicas named have rows, their indexes follow each other.
    if (own !== bases.length - 1 || cells[row + COUNTER] !== next) return undefined
    const length = cells[row + LENGTH] as number
    next += length
    events += length
    if ((cells[row + KIND] as number) < DELETE_DOWN) runs++
  }
  if (bases.length < names.length || !Number.isSafeInteger(events * 4)) return undefined
  const all = cells.length / WIDTH
  bases.push(events)
  rows.push(all)
  return { runs, removals: all - runs, events, bases, rows }
}

/** The tree of FugueMax, by run. */
export interface Tree {
  /** Index of the replica whose it is. */
  readonly owners: Int32Array
  /** The first event, and the one after the last. */
  readonly from: Cells
  readonly to: Cells
  /** The event that it is a child of; −1 for the start. Past the last run there is the end of all events. */
  readonly parents: Cells
  readonly isLeft: Uint8Array
  /** All runs in the order of what they are children of; of one event left ones first; then by name and counter. */
  readonly order: Int32Array
  /** Where its children begin among these; and the end of all. To be filled in. */
  readonly children: Int32Array
}

export function treeOf({ cells }: Decoded, { runs, events, bases }: Layout): Tree {
  const owners = new Int32Array(runs)
  const from = numbers(runs, events)
  const to = numbers(runs, events)
  const parents = numbers(runs + 1, events)
  const isLeft = new Uint8Array(runs + 1)
  const keys = numbers(runs, events)
  let run = 0
  let event = 0
  for (let row = 0; row < cells.length; row += WIDTH) {
    const kind = cells[row + KIND] as number
    const first = event
    event += cells[row + LENGTH] as number
    if (kind >= DELETE_DOWN) continue
    const index = cells[row + INDEX] as number
    const parent = index < 0 ? -1 : (bases[index] as number) + (cells[row + TARGET] as number) - 1
    const side = kind === LEFT_CHILD ? 0 : 1
    owners[run] = cells[row + OWN] as number
    from[run] = first
    to[run] = event
    parents[run] = parent
    isLeft[run] = 1 - side
    keys[run] = (parent + 1) * 2 + side
    run++
  }
  parents[runs] = events
  const order = new Int32Array(runs + 1)
  // Runs come in the order of names and counters, and a sort by what they are children of keeps it.
  order.set(ranked(keys))
  order[runs] = runs
  return { owners, from, to, parents, isLeft, order, children: new Int32Array(runs + 1) }
}

/** What is deleted, as ranges of events in order, those that touch as one. */
export class Holes {
  readonly #starts: Cells
  readonly #ends: Cells
  readonly #order: Int32Array
  readonly #events: number
  #at = 0
  /** The range at hand. */
  from = 0
  to = 0

  constructor({ cells }: Decoded, { removals, events, bases }: Layout) {
    const starts = numbers(removals, events)
    const ends = numbers(removals, events)
    let i = 0
    for (let row = 0; row < cells.length; row += WIDTH) {
      const kind = cells[row + KIND] as number
      if (kind < DELETE_DOWN) continue
      const length = cells[row + LENGTH] as number
      const target = (bases[cells[row + INDEX] as number] as number) + (cells[row + TARGET] as number) - 1
      const low = kind === DELETE_UP ? target : target - length + 1
      starts[i] = low
      ends[i++] = low + length
    }
    this.#starts = starts
    this.#ends = ends
    this.#order = ranked(starts)
    this.#events = events
    this.next()
  }

  /** Goes on to the next; past the last to one at the end of all events. */
  next(): void {
    const order = this.#order
    const ends = this.#ends
    let at = this.#at
    if (at === order.length) {
      this.from = this.#events
      this.to = this.#events + 1
      return
    }
    this.from = this.#starts[order[at] as number] as number
    let to = ends[order[at] as number] as number
    for (at++; at < order.length; at++) {
      const place = order[at] as number
      if ((this.#starts[place] as number) > to) break
      if ((ends[place] as number) > to) to = ends[place] as number
    }
    this.to = to
    this.#at = at
  }
}

/** Room for numbers up to four times one. */
export const numbers = (length: number, largest: number): Cells =>
  largest < 2 ** 29 ? new Int32Array(length) : new Float64Array(length)

const DIGITS = 1024

/** The places of whole numbers in their order, equal ones as they come: digit by digit, a fifth of the time of `sort()`. */
function ranked(values: Cells): Int32Array {
  const { length } = values
  let largest = 0
  let order = new Int32Array(length)
  let spare = new Int32Array(length)
  for (let i = 0; i < length; i++) {
    order[i] = i
    if ((values[i] as number) > largest) largest = values[i] as number
  }
  const ends = new Int32Array(DIGITS)
  for (let scale = 1; scale <= largest; scale *= DIGITS) {
    const share = 1 / scale
    ends.fill(0)
    for (let i = 0; i < length; i++) {
      const digit = ((values[i] as number) * share) & (DIGITS - 1)
      ends[digit] = (ends[digit] as number) + 1
    }
    let sum = 0
    for (let digit = 0; digit < DIGITS; digit++) {
      sum += ends[digit] as number
      ends[digit] = sum
    }
    for (let i = length - 1; i >= 0; i--) {
      const place = order[i] as number
      const digit = ((values[place] as number) * share) & (DIGITS - 1)
      const end = (ends[digit] as number) - 1
      ends[digit] = end
      spare[end] = place
    }
    ;[order, spare] = [spare, order]
  }
  return order
}
