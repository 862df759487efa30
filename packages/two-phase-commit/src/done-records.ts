import type { Deadline } from './deadline.ts'
import type { DecisionLog } from './postgres/decision-log.ts'
import { isRefusal } from './postgres/failures.ts'
import type { PgPool } from './postgres/port.ts'
import { preparedForGood } from './recovery.ts'

/** Records that are deleted at once: a statement for each would be a fifth message of every transaction. */
const BATCH = 64

/** What deleting records needs. */
export interface DoneRecordsSetup {
  readonly log: Pick<DecisionLog, 'forget' | 'server'>
  readonly pools: ReadonlyMap<string, PgPool>
  readonly newDeadline: () => Deadline
  /** Is prepared again: its participant failed over to a standby that had not heard. */
  readonly onBack: (id: string) => void
  /** A server refuses, as for want of a permission. Who is only away is told of by recovery. */
  readonly onRefused: (server: string, error: unknown) => void
}

/** Records that nobody will ask for, on their way out. */
export class DoneRecords {
  readonly #setup: DoneRecordsSetup
  /** Who had prepared them. */
  readonly #done = new Map<string, readonly string[]>()
  /** Since a deletion was set off. */
  #added = 0
  /** Stayed at the last deletion. As many must come before the next, or each would look through all of them again. */
  #stayed = 0
  #logName = ''
  #flushing: Promise<void> | undefined

  constructor(setup: DoneRecordsSetup) {
    this.#setup = setup
  }

  /** Every 64th sets off their deletion, which nobody waits for; fewer do while some have to stay. */
  add(id: string, members: readonly string[], logName: string): void {
    this.#done.set(id, members)
    this.#logName = logName
    if (++this.#added < Math.max(BATCH, this.#stayed) || this.#flushing !== undefined) return
    this.#added = 0
    this.#flushing = this.#flushLater().finally(() => (this.#flushing = undefined))
  }

  /**
   * All that there are now. Those of a participant that does not answer stay on the list, and no others: it may be away
   * for long.
   *
   * @throws why some stayed.
   */
  async flush(deadline: Deadline): Promise<void> {
    await this.#flushing
    await this.#delete(deadline)
  }

  async #flushLater(): Promise<void> {
    using deadline = this.#setup.newDeadline()
    await this.#delete(deadline).catch(() => {})
  }

  async #delete(deadline: Deadline): Promise<void> {
    const done = [...this.#done]
    this.#done.clear()
    this.#stayed = 0
    const stay = (id: string, members: readonly string[]): void => {
      this.#done.set(id, members)
      this.#stayed++
    }
    const { back, away } = await this.#ask(new Set(done.flatMap(([, members]) => members)), deadline)
    const gone: typeof done = []
    for (const [id, members] of done) {
      if (members.some((member) => away.has(member))) stay(id, members)
      else if (back.has(id)) this.#setup.onBack(id)
      else gone.push([id, members])
    }
    if (gone.length > 0) {
      // Who does not answer may have used up the time.
      using late = this.#setup.newDeadline()
      const ids = gone.map(([id]) => id)
      try {
        await this.#setup.log.forget(ids, late)
      } catch (error) {
        for (const [id, members] of gone) stay(id, members)
        if (isRefusal(error)) this.#setup.onRefused(this.#setup.log.server, error)
        throw error
      }
    }
    const [reason] = away.values()
    if (away.size > 0) throw reason
  }

  /** What has come back, where it was told to commit and had done so; and who cannot say so for good. */
  async #ask(
    members: ReadonlySet<string>,
    deadline: Deadline,
  ): Promise<{ readonly back: ReadonlySet<string>; readonly away: ReadonlyMap<string, unknown> }> {
    const back = new Set<string>()
    const away = new Map<string, unknown>()
    await Promise.all(
      [...members].map(async (member) => {
        const pool = this.#setup.pools.get(member)
        if (pool === undefined) return
        try {
          for (const id of await preparedForGood(pool, this.#logName, deadline)) back.add(id)
        } catch (error) {
          away.set(member, error)
          if (isRefusal(error)) this.#setup.onRefused(member, error)
        }
      }),
    )
    return { back, away }
  }
}
