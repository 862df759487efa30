import type { Deadline } from './deadline.ts'
import type { DecisionLog } from './postgres/decision-log.ts'
import type { PgPool } from './postgres/port.ts'
import { preparedForGood } from './recovery.ts'

/** Records that are deleted at once: a statement for each would be a fifth message of every transaction. */
const BATCH = 64

/** What deleting records needs. */
export interface DoneRecordsSetup {
  readonly log: Pick<DecisionLog, 'forget'>
  readonly pools: ReadonlyMap<string, PgPool>
  readonly newDeadline: () => Deadline
  /** Is prepared again: its participant failed over to a standby that had not heard. */
  readonly onBack: (id: string) => void
}

/** Records that nobody will ask for, on their way out. */
export class DoneRecords {
  readonly #setup: DoneRecordsSetup
  /** Who had prepared them. */
  #done = new Map<string, readonly string[]>()
  #logName = ''
  #flushing: Promise<void> | undefined

  constructor(setup: DoneRecordsSetup) {
    this.#setup = setup
  }

  /** Every 64th sets off their deletion, which nobody waits for. */
  add(id: string, members: readonly string[], logName: string): void {
    this.#done.set(id, members)
    this.#logName = logName
    if (this.#done.size < BATCH || this.#flushing !== undefined) return
    this.#flushing = this.#flushLater().finally(() => (this.#flushing = undefined))
  }

  /** All that there are now; if that fails they stay on the list. */
  async flush(deadline: Deadline): Promise<void> {
    await this.#flushing
    await this.#delete(deadline)
  }

  async #flushLater(): Promise<void> {
    using deadline = this.#setup.newDeadline()
    await this.#delete(deadline).catch(() => {})
  }

  async #delete(deadline: Deadline): Promise<void> {
    const done = this.#done
    if (done.size === 0) return
    this.#done = new Map()
    try {
      const back = await this.#back(new Set([...done.values()].flat()), deadline)
      await this.#setup.log.forget(
        [...done.keys()].filter((id) => !back.has(id)),
        deadline,
      )
      for (const id of back) if (done.has(id)) this.#setup.onBack(id)
    } catch (error) {
      for (const [id, members] of done) this.#done.set(id, members)
      throw error
    }
  }

  /** What has come back, where it was told to commit and had done so. @throws unless all say so for good. */
  async #back(members: ReadonlySet<string>, deadline: Deadline): Promise<ReadonlySet<string>> {
    const { pools } = this.#setup
    const found = await Promise.all(
      [...members].map(async (member) => {
        const pool = pools.get(member)
        return pool === undefined ? [] : preparedForGood(pool, this.#logName, deadline)
      }),
    )
    return new Set(found.flat())
  }
}
