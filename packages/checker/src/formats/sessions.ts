import type { MicroOperation, Process } from '../operation.ts'
import type { HistoryBuilder } from './history-builder.ts'

interface Transaction {
  readonly line: number
  readonly steps: MicroOperation[]
  aborted: boolean
}

/** What one session did, transaction by transaction, of formats without any other order. */
export class TransactionList {
  readonly #process: Process
  readonly #done: Transaction[] = []
  #current: Transaction | undefined

  constructor(process: Process) {
    this.#process = process
  }

  /** Appends a step to the current transaction. */
  add(step: MicroOperation, line: number, aborted = false): void {
    if (this.#current === undefined) this.#done.push((this.#current = { line, steps: [], aborted }))
    this.#current.steps.push(step)
  }

  /** The next step begins another transaction. */
  next(): void {
    this.#current = undefined
  }

  flush(builder: HistoryBuilder): void {
    for (const { line, steps, aborted } of this.#done)
      builder.transaction(this.#process, aborted ? 'fail' : 'ok', line, asked(steps), steps)
  }
}

/** The steps before anything was read. */
export function asked(steps: readonly MicroOperation[]): MicroOperation[] {
  return steps.map((step) => (step[0] === 'r' ? ([step[0], step[1], null] as const) : step))
}
