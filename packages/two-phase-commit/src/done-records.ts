import type { Deadline } from './deadline.ts'
import type { DecisionLog } from './postgres/decision-log.ts'

/** Records that are deleted at once: a statement for each would be a fifth message of every transaction. */
const BATCH = 64

/** Records that nobody will ask for, on their way out. */
export class DoneRecords {
  readonly #log: DecisionLog
  readonly #newDeadline: () => Deadline
  #ids: string[] = []
  #flushing: Promise<void> | undefined

  constructor(log: DecisionLog, newDeadline: () => Deadline) {
    this.#log = log
    this.#newDeadline = newDeadline
  }

  /** Every 64th sets off their deletion, which nobody waits for. */
  add(id: string): void {
    this.#ids.push(id)
    if (this.#ids.length < BATCH || this.#flushing !== undefined) return
    this.#flushing = this.#flushLater().finally(() => (this.#flushing = undefined))
  }

  /** All that there are now, in one statement; if that fails they stay on the list. */
  async flush(deadline: Deadline): Promise<void> {
    await this.#flushing
    await this.#delete(deadline)
  }

  async #flushLater(): Promise<void> {
    using deadline = this.#newDeadline()
    await this.#delete(deadline).catch(() => {})
  }

  async #delete(deadline: Deadline): Promise<void> {
    const ids = this.#ids
    this.#ids = []
    try {
      await this.#log.forget(ids, deadline)
    } catch (error) {
      this.#ids.push(...ids)
      throw error
    }
  }
}
