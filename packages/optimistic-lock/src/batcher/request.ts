import type { Flight } from './flight.ts'
import type { Waiting } from './lanes.ts'
import type { Grant } from './options.ts'

/** One call that has no answer yet. There are hundreds of thousands a second: it holds what it must, and no more. */
export class Request implements Waiting {
  readonly delta: number
  readonly resolve: (grant: Grant | undefined) => void
  readonly reject: (reason: unknown) => void
  /** When its deadline passes, whole ms since its queue began: a number that needs no memory of its own. */
  readonly dueMs: number
  /** If it is not that of the batcher, ms. */
  deadlineMs: number | undefined = undefined
  /** Takes the listener off the caller's signal. */
  unwatch: (() => void) | undefined = undefined
  /** Whose statement carries it now; `undefined` if it was not sent, or certainly not applied. */
  flight: Flight | undefined = undefined
  isSettled = false
  isWaiting = false

  constructor(
    delta: number,
    resolve: (grant: Grant | undefined) => void,
    reject: (reason: unknown) => void,
    dueMs: number,
  ) {
    this.delta = delta
    this.resolve = resolve
    this.reject = reject
    this.dueMs = dueMs
  }

  /** @returns false if its caller has an answer already; else the next line must give it one. */
  settle(): boolean {
    if (this.isSettled) return false
    this.isSettled = true
    this.unwatch?.()
    return true
  }
}
