import { type Configuration, SKIP, UNDER } from './configuration.ts'
import { OVERWRITE, READ } from './part.ts'
import { ILLEGAL } from './transitions.ts'

/** Reads that a test for hopelessness looks at, and how far ahead for them. */
const MAX_READS_AHEAD = 8
const MAX_AHEAD = 256

/** What can be done at a configuration. */
export class Candidates<S> {
  readonly #at: Configuration<S>
  /** The choices, the most promising first; valid until the next {@link list}. */
  readonly choices: Int32Array
  /** Work done so far, in operations looked at. */
  work = 0
  #stamp = 0
  /** By class, those that may be left out apart: when it was last seen. */
  readonly #seen: Int32Array
  /** By state: when a read of only that state was last seen to wait for it. */
  #wanted = new Int32Array(64)
  /** Classes of other operations that wait to become legal. */
  readonly #waiting: Int32Array
  #waitingCount = 0

  constructor(at: Configuration<S>) {
    this.#at = at
    this.choices = new Int32Array(at.problem.slots + 3)
    this.#seen = new Int32Array(2 * at.part.kind.length)
    this.#waiting = new Int32Array(at.problem.slots)
  }

  /** Fills {@link choices}. @returns how many there are. */
  list(): number {
    const { part, problem, state, frontier: due, idle, touched, writtenAt } = this.#at
    const { kind, transitions } = part
    const { choices } = this
    const dueClass = problem.cls[due]!
    const dueNext = transitions.next(state, dueClass)
    const isBlind = kind[dueClass] === OVERWRITE
    this.#stamp++
    let size = 0
    if (problem.optional[due] === 1) {
      if (!touched) choices[size++] = SKIP
    } else if (isBlind && problem.available[due]! <= writtenAt && writtenAt < due) choices[size++] = UNDER
    if (dueNext !== ILLEGAL && !(isBlind && idle)) {
      choices[size++] = due
      // To be seen or not? What the next read saw tells which to try first.
      if (size === 2 && this.#nextSeen() === dueNext && dueNext !== state) {
        choices[1] = choices[0]!
        choices[0] = due
      }
    }
    this.#seen[this.#groupOf(due)] = this.#stamp
    const to = this.#listHelpers(size)
    this.#sort(size, to, dueNext === ILLEGAL ? dueClass : -1)
    return to
  }

  /** Can one of the reads that complete next never be legal? */
  isHopeless(): boolean {
    const { part, problem, state, frontier } = this.#at
    const { reaches, kind } = part
    if (reaches === undefined) return false
    const end = Math.min(problem.deadlines, frontier + MAX_AHEAD)
    let looked = 0
    for (let read = frontier; read < end && looked < MAX_READS_AHEAD; read++) {
      const cls = problem.cls[read]!
      if (kind[cls] !== READ || this.#isOver(read)) continue
      looked++
      if (!reaches(state, cls) && !this.#isRescued(read, reaches)) return true
    }
    return false
  }

  /** Operations that may go before the one at the frontier: of each class the one that completes first. */
  #listHelpers(from: number): number {
    const { part, problem, state, frontier: due, idle, inSlot } = this.#at
    const { kind, transitions } = part
    const { choices } = this
    const seen = this.#seen
    this.#collectWaiting()
    this.work += inSlot.length
    let size = from
    for (const operation of inSlot) {
      if (operation < 0 || operation === due) continue
      const cls = problem.cls[operation]!
      if (kind[cls] === READ || this.#at.isPlaced(operation)) continue
      const group = this.#groupOf(operation)
      if (seen[group] === this.#stamp) {
        this.#keepFirst(from, size, operation, group)
        continue
      }
      const next = transitions.next(state, cls)
      if (next === ILLEGAL || (kind[cls] === OVERWRITE && (idle || !this.#makesLegal(next)))) continue
      seen[group] = this.#stamp
      choices[size++] = operation
    }
    return size
  }

  /** One that must happen and one that may are not interchangeable. */
  #groupOf(operation: number): number {
    const { problem } = this.#at
    return 2 * problem.cls[operation]! + (operation < problem.deadlines ? problem.optional[operation]! : 0)
  }

  #keepFirst(from: number, to: number, operation: number, group: number): void {
    const { choices } = this
    for (let at = from; at < to; at++) {
      if (this.#groupOf(choices[at]!) !== group) continue
      if (operation < choices[at]!) choices[at] = operation
      return
    }
  }

  #collectWaiting(): void {
    const { part, problem, inSlot } = this.#at
    const { kind, onlyIn, transitions } = part
    if (this.#wanted.length < transitions.stateCount)
      this.#wanted = new Int32Array(2 * transitions.stateCount)
    this.#waitingCount = 0
    for (const operation of inSlot) {
      if (operation < 0) continue
      const cls = problem.cls[operation]!
      if (kind[cls] === OVERWRITE || this.#at.isPlaced(operation)) continue
      const only = onlyIn[cls]!
      if (only >= 0) this.#wanted[only] = this.#stamp
      else this.#waiting[this.#waitingCount++] = cls
    }
  }

  #makesLegal(next: number): boolean {
    if (this.#wanted[next] === this.#stamp) return true
    const { transitions } = this.#at.part
    for (let at = 0; at < this.#waitingCount; at++) {
      this.work++
      if (transitions.next(next, this.#waiting[at]!) !== ILLEGAL) return true
    }
    return false
  }

  /** By completion; those after which the operation at the frontier is legal come first, if it is not now. */
  #sort(from: number, to: number, wanted: number): void {
    const { choices } = this
    const rankOf = (operation: number): number => {
      const { part, problem, state } = this.#at
      if (wanted < 0) return operation
      const next = part.transitions.next(state, problem.cls[operation]!)
      return part.transitions.next(next, wanted) === ILLEGAL ? operation + problem.count : operation
    }
    for (let at = from + 1; at < to; at++) {
      const operation = choices[at]!
      const rank = rankOf(operation)
      let hole = at
      for (; hole > from && rankOf(choices[hole - 1]!) > rank; hole--) choices[hole] = choices[hole - 1]!
      choices[hole] = operation
    }
  }

  /** The state that the next read to complete fits, if it fits only one; else -1. */
  #nextSeen(): number {
    const { part, problem, frontier } = this.#at
    const end = Math.min(problem.deadlines, frontier + MAX_AHEAD)
    for (let read = frontier + 1; read < end; read++) {
      const cls = problem.cls[read]!
      if (part.kind[cls] === READ && !this.#isOver(read)) return part.onlyIn[cls]!
    }
    return -1
  }

  #isOver(operation: number): boolean {
    const { problem, frontier } = this.#at
    return problem.available[operation]! <= frontier && this.#at.isPlaced(operation)
  }

  /** Is there a blind write to come, available before that read completes, from which it can become legal? */
  #isRescued(read: number, reaches: (state: number, cls: number) => boolean): boolean {
    const { part, problem, frontier, inSlot } = this.#at
    const { byStart, entering, cls } = problem
    const rescues = (operation: number): boolean => {
      const opClass = cls[operation]!
      return part.kind[opClass] === OVERWRITE && reaches(part.leadsTo[opClass]!, cls[read]!)
    }
    for (const operation of inSlot)
      if (operation >= 0 && !this.#at.isPlaced(operation) && rescues(operation)) return true
    for (let index = entering[frontier + 1]!; index < entering[read + 1]!; index++)
      if (rescues(byStart[index]!)) return true
    return false
  }
}
