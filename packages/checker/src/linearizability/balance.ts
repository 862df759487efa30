import { type Part, UPDATE } from './part.ts'
import type { Problem } from './problem.ts'

/** Can this part's future be counted: is it known of every update where it leads? */
export function isCountable<S>({ kind, leadsTo }: Part<S>): boolean {
  return kind.every((of, cls) => of !== UPDATE || leadsTo[cls] !== -1)
}

/**
 * Foresight for registers: by state, how many operations to come need it, and how many lead to it. A state that is
 * needed, and that the object is not in, must still have something that leads there.
 */
export class Balance {
  readonly #problem: Problem
  readonly #onlyIn: Int32Array
  readonly #leadsTo: Int32Array
  readonly #needed: Int32Array
  readonly #supplied: Int32Array

  constructor(
    { onlyIn, leadsTo }: Pick<Part<unknown>, 'onlyIn' | 'leadsTo'>,
    states: number,
    problem: Problem,
  ) {
    this.#problem = problem
    this.#onlyIn = onlyIn
    this.#leadsTo = leadsTo
    this.#needed = new Int32Array(states)
    this.#supplied = new Int32Array(states)
    for (let operation = 0; operation < problem.count; operation++) this.undo(operation)
  }

  /** An operation is not to come any more. @returns `false` if that leaves a need that nothing can fill. */
  spend(operation: number, state: number): boolean {
    const { deadlines, optional, cls } = this.#problem
    const only = this.#onlyIn[cls[operation]!]!
    if (only !== -1 && operation < deadlines && optional[operation] === 0) this.#needed[only]!--
    const target = this.#leadsTo[cls[operation]!]!
    if (target === -1) return true
    this.#supplied[target]!--
    return target === state || this.#isCovered(target)
  }

  /** It is to come again. */
  undo(operation: number): void {
    const { deadlines, optional, cls } = this.#problem
    const only = this.#onlyIn[cls[operation]!]!
    if (only !== -1 && operation < deadlines && optional[operation] === 0) this.#needed[only]!++
    const target = this.#leadsTo[cls[operation]!]!
    if (target !== -1) this.#supplied[target]!++
  }

  canLeave(before: number, after: number): boolean {
    return before === after || this.#isCovered(before)
  }

  #isCovered(state: number): boolean {
    return !this.#needed[state] || this.#supplied[state]! > 0
  }
}
