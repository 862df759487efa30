import { OVERWRITE, type Part, READ } from './part.ts'
import type { Problem } from './problem.ts'
import { ILLEGAL, type Transitions } from './transitions.ts'
import { Balance } from './balance.ts'
import { mixed } from './visited.ts'

/** Puts the operation at the frontier under the last blind write, where nobody sees it. */
export const UNDER = -1
/** Leaves the operation at the frontier out; only one that is optional. */
export const SKIP = -2
/** In the order: an operation that went under is `-1 - 2 * operation`, one that was left out `-2 - 2 * operation`. */
const underMark = (operation: number): number => -1 - 2 * operation
const skipMark = (operation: number): number => -2 - 2 * operation
const isUnder = (entry: number): boolean => entry < 0 && (entry & 1) !== 0
const operationOf = (entry: number): number => (entry >= 0 ? entry : (-1 - entry) >> 1)

/** Whole numbers of a saved configuration before the placed bits. */
const SAVED = 7

/** Where a search is: how far it got in time, what is placed of the operations that are open there, and the state. */
export class Configuration<S> {
  readonly part: Part<S>
  readonly problem: Problem
  readonly #transitions: Transitions<S>
  frontier = -1
  state: number
  /** Frontier of the last blind write, -1 before the first. */
  writtenAt = -1
  /**
   * The last step, at this frontier, made no read legal, and was a blind write or one that may be left out: a blind
   * write now would have done as well without it.
   */
  idle = false
  /** Something was placed at this frontier. */
  touched = false
  /** Of the open updates that are placed (Zobrist), {@link avoidable} ones left out. */
  hash = 0
  /** A bit for each slot, set if its operation is placed. */
  readonly placed: Int32Array
  /** A bit for each slot: its operation is a read. */
  readonly reads: Int32Array
  /** A bit for each slot: its operation may be left out, or is a blind write. */
  readonly avoidable: Int32Array
  /** The available operation in each slot, or -1. */
  readonly inSlot: Int32Array
  /** What was done: see {@link unfolded}. */
  readonly order: Int32Array
  length = 0
  /** By state: the last read that can be allowed in it, or in one that grows out of it. */
  readonly #lastReader = new Map<number, number>()
  /** Foresight: there is an operation to come that needs a state which nothing to come leads to. */
  isDead = false
  readonly #balance: Balance | undefined

  constructor(part: Part<S>, problem: Problem, hasForesight: boolean) {
    this.part = part
    this.#balance = hasForesight ? new Balance(part, part.transitions.stateCount, problem) : undefined
    this.problem = problem
    this.#transitions = part.transitions
    this.state = part.initial
    this.placed = new Int32Array((problem.slots + 31) >>> 5)
    this.reads = new Int32Array(this.placed.length)
    this.avoidable = new Int32Array(this.placed.length)
    this.inSlot = new Int32Array(problem.slots).fill(-1)
    this.order = new Int32Array(problem.count)
    this.#advance(false)
  }

  get isDone(): boolean {
    return this.frontier === this.problem.deadlines
  }

  isPlaced(operation: number): boolean {
    const bit = this.problem.slot[operation]!
    return (this.placed[bit >>> 5]! & (1 << (bit & 31))) !== 0
  }

  /** What narrows the choices: 1 for {@link idle}, 2 for {@link touched} where it matters. */
  get flags(): number {
    return (this.idle ? 1 : 0) + (this.touched && this.problem.optional[this.frontier] === 1 ? 2 : 0)
  }

  /** Need the operation in that slot not be placed in sight, given a blind write at that frontier? */
  isAvoidable(slot: number, writtenAt: number): boolean {
    const { deadlines, optional, available } = this.problem
    const operation = this.inSlot[slot]!
    return operation >= deadlines || optional[operation] === 1 || available[operation]! <= writtenAt
  }

  /** Takes a step: an operation to place, {@link UNDER} or {@link SKIP}. */
  apply(choice: number): void {
    if (choice === SKIP) {
      this.order[this.length++] = skipMark(this.frontier)
      this.isDead = this.#balance?.spend(this.frontier, this.state) === false
      this.#advance(true)
      return
    }
    this.touched = true
    if (choice === UNDER) {
      this.#mark(this.frontier)
      this.order[this.length++] = underMark(this.frontier)
      this.isDead = this.#balance?.spend(this.frontier, this.state) === false
    } else {
      const { problem, part } = this
      const cls = problem.cls[choice]!
      const before = this.state
      this.state = this.#transitions.next(before, cls)
      this.#place(choice)
      if (part.lost !== -1 && this.#isLost()) this.state = part.lost
      this.isDead = this.#balance?.canLeave(before, this.state) === false
      const blind = part.kind[cls] === OVERWRITE
      if (blind) this.writtenAt = this.frontier
      const mayBeLeftOut = choice >= problem.deadlines || problem.optional[choice] === 1
      this.idle = !this.#absorb() && (blind || mayBeLeftOut)
    }
    this.#advance(false)
  }

  /** Length of what {@link save} writes. */
  get savedLength(): number {
    return SAVED + this.placed.length
  }

  save(to: Int32Array, at: number): void {
    to[at] = this.frontier
    to[at + 1] = this.hash
    to[at + 2] = this.state
    to[at + 3] = this.writtenAt
    to[at + 4] = this.idle ? 1 : 0
    to[at + 5] = this.touched ? 1 : 0
    to[at + 6] = this.length
    for (let word = 0; word < this.placed.length; word++) to[at + SAVED + word] = this.placed[word]!
  }

  /** Goes back to an earlier configuration. */
  restore(from: Int32Array, at: number): void {
    this.#retreat(from[at]!)
    this.hash = from[at + 1]!
    this.state = from[at + 2]!
    this.writtenAt = from[at + 3]!
    this.idle = from[at + 4] === 1
    this.touched = from[at + 5] === 1
    const length = from[at + 6]!
    if (this.#balance !== undefined)
      for (let entry = length; entry < this.length; entry++)
        this.#balance.undo(operationOf(this.order[entry]!))
    this.length = length
    this.isDead = false
    for (let word = 0; word < this.placed.length; word++) this.placed[word] = from[at + SAVED + word]!
  }

  #mark(operation: number): void {
    const bit = this.problem.slot[operation]!
    this.placed[bit >>> 5]! |= 1 << (bit & 31)
    if (this.#isHashed(bit)) this.hash ^= mixed(operation + 1)
  }

  /** Will no read to come see this state, or one that grows out of it? */
  #isLost(): boolean {
    const { part, problem, frontier, state } = this
    const { reaches } = part
    if (state === part.lost || reaches === undefined) return false
    let last = this.#lastReader.get(state)
    if (last === undefined) {
      last = problem.deadlines - 1
      while (last >= 0 && !(part.kind[problem.cls[last]!] === READ && reaches(state, problem.cls[last]!)))
        last--
      this.#lastReader.set(state, last)
    }
    return last < frontier
  }

  #isHashed(slot: number): boolean {
    const word = slot >>> 5
    return ((this.reads[word]! | this.avoidable[word]!) & (1 << (slot & 31))) === 0
  }

  #occupy(slot: number, operation: number): void {
    const { problem, part } = this
    this.inSlot[slot] = operation
    const kind = part.kind[problem.cls[operation]!]
    const isAvoidable =
      kind === OVERWRITE ||
      operation >= problem.deadlines ||
      (kind !== READ && problem.optional[operation] === 1)
    const word = slot >>> 5
    const bit = 1 << (slot & 31)
    this.reads[word] = kind === READ ? this.reads[word]! | bit : this.reads[word]! & ~bit
    this.avoidable[word] = isAvoidable ? this.avoidable[word]! | bit : this.avoidable[word]! & ~bit
  }

  #place(operation: number): void {
    this.#mark(operation)
    this.order[this.length++] = operation
    this.#balance?.spend(operation, this.state)
  }

  /** Places the available reads that are legal now. */
  #absorb(): boolean {
    const { inSlot, problem, part, state } = this
    const { cls } = problem
    let any = false
    for (let slot = 0; slot < inSlot.length; slot++) {
      const operation = inSlot[slot]!
      if (operation < 0 || part.kind[cls[operation]!] !== READ || this.isPlaced(operation)) continue
      if (this.#transitions.next(state, cls[operation]!) === ILLEGAL) continue
      this.#place(operation)
      any = true
    }
    return any
  }

  /** Moves the frontier as far as it goes, placing reads on the way. */
  #advance(isSkipped: boolean): void {
    const { problem, inSlot } = this
    const { deadlines, slot } = problem
    let skip = isSkipped
    while (this.frontier < deadlines) {
      if (this.frontier >= 0) {
        const isPlaced = this.isPlaced(this.frontier)
        if (!isPlaced && !skip) return
        skip = false
        const bit = slot[this.frontier]!
        if (isPlaced) {
          this.placed[bit >>> 5]! &= ~(1 << (bit & 31))
          if (this.#isHashed(bit)) this.hash ^= mixed(this.frontier + 1)
        }
        inSlot[bit] = -1
      }
      this.frontier++
      this.idle = false
      this.touched = false
      if (this.frontier < deadlines) this.#enter()
    }
  }

  #enter(): void {
    const { problem, part, frontier, state } = this
    const { entering, byStart, slot, cls } = problem
    for (let index = entering[frontier]!; index < entering[frontier + 1]!; index++) {
      const operation = byStart[index]!
      this.#occupy(slot[operation]!, operation)
      const opClass = cls[operation]!
      if (part.kind[opClass] === READ && this.#transitions.next(state, opClass) !== ILLEGAL)
        this.#place(operation)
    }
  }

  #retreat(to: number): void {
    const { problem, inSlot } = this
    const { entering, byStart, slot } = problem
    while (this.frontier > to) {
      for (let index = entering[this.frontier]!; index < entering[this.frontier + 1]!; index++)
        inSlot[slot[byStart[index]!]!] = -1
      this.frontier--
      this.#occupy(slot[this.frontier]!, this.frontier)
    }
  }
}

/** An order as places in the part, with the operations that went under a blind write right before it. */
export function unfolded<S>(part: Part<S>, problem: Problem, order: Int32Array): number[] {
  const { kind } = part
  const under = new Map<number, number[]>()
  let lastBlind = -1
  for (const entry of order) {
    if (!isUnder(entry)) {
      if (entry < 0) continue
      if (kind[problem.cls[entry]!] === OVERWRITE) lastBlind = entry
      continue
    }
    const others = under.get(lastBlind)
    if (others === undefined) under.set(lastBlind, [operationOf(entry)])
    else others.push(operationOf(entry))
  }
  const result: number[] = []
  for (const entry of order) {
    if (entry < 0) continue
    const others = under.get(entry)
    if (others !== undefined) for (const other of others) result.push(problem.place[other]!)
    result.push(problem.place[entry]!)
  }
  return result
}
