import { type Clock, emit, type EventListener } from '@quorate/core'
import { Deadline } from './deadline.ts'
import { type CommitPort, type Drive, recover } from './drive.ts'
import type { CoordinatorEvent } from './events.ts'
import { formatGid, parseGid } from './names.ts'
import type { RecoveryReport } from './options.ts'
import { finishPrepared } from './postgres/branch.ts'
import { Checkout } from './postgres/checkout.ts'
import type { DecisionLog, DecisionRecord } from './postgres/decision-log.ts'
import type { PgPool } from './postgres/port.ts'
import { preparedForGoodSql, preparedSql } from './postgres/sql.ts'
import { type CoordinatorSpans, drawn } from './spans.ts'

/** Where a transaction is prepared, and for how long, ms. */
export type Found = ReadonlyMap<string, number>

/** What recovery needs to know of its coordinator. */
export interface RecoverySetup {
  readonly logName: string
  readonly log: DecisionLog
  readonly pools: ReadonlyMap<string, PgPool>
  readonly clock: Clock
  /** For each question to a server. */
  readonly graceMs: number
  readonly orphanAfterMs: number
  readonly closeAfterMs: number
  readonly alertAfterMs: number
  readonly onEvent: EventListener<CoordinatorEvent> | undefined
  readonly spans: CoordinatorSpans | undefined
  readonly signal: AbortSignal
  /** Is this coordinator still at it? */
  readonly isActive: (id: string) => boolean
  /** Was it this coordinator's? Then, if it is not active, nobody else will end it soon. */
  readonly isOwn: (id: string) => boolean
  /** Committed, told not everybody, and no caller will ask again: the record goes when all have it. */
  readonly unfinished: ReadonlySet<string>
  readonly finished: (id: string) => void
}

/** Transactions at once. */
const WIDTH = 8

/** One pass. Never rejects: what does not answer is in the report. */
export async function recoverOnce(setup: RecoverySetup): Promise<RecoveryReport> {
  const pass = new Pass(setup)
  try {
    const report = await setup.log.alone(
      setup.logName,
      () => pass.run(true),
      () => pass.deadline(),
    )
    if (report !== undefined) return report
    emit<CoordinatorEvent>(setup.onEvent, () => ({ type: 'recovery-elsewhere' }))
    return await pass.run(false)
  } catch (error) {
    pass.failed('the decision log', error)
    return pass.report(false)
  }
}

/** What is prepared under this log's name on each participant. */
export async function findPrepared(
  { logName, pools }: Pick<RecoverySetup, 'logName' | 'pools'>,
  newDeadline: () => Deadline,
  failed: (participant: string, error: unknown) => void,
): Promise<ReadonlyMap<string, Found>> {
  const found = new Map<string, Map<string, number>>()
  const look = async (participant: string, pool: PgPool): Promise<void> => {
    using deadline = newDeadline()
    const checkout = await Checkout.from(pool, deadline)
    try {
      const [answer] = await checkout.query<{ gid: string; age_ms: number }>(preparedSql(logName), deadline)
      for (const { gid, age_ms: ageMs } of answer?.rows ?? []) {
        const parts = parseGid(logName, gid)
        if (parts === undefined) continue
        // One of a name that nobody has here any more cannot be ended, but must not be hidden. One of another's name:
        // two pools are mixed up, and neither says what is prepared where.
        if (parts.participant !== participant && pools.has(parts.participant)) {
          const mixedUp = new Error(
            `Cannot recover ${gid}: it is prepared in the database of ${participant}; give each participant the pool and the name it had`,
          )
          failed(parts.participant, mixedUp)
          throw mixedUp
        }
        found.set(parts.id, (found.get(parts.id) ?? new Map<string, number>()).set(parts.participant, ageMs))
      }
      checkout.release()
    } catch (error) {
      checkout.release(true)
      throw error
    }
  }
  await Promise.all(
    [...pools].map(([participant, pool]) =>
      look(participant, pool).catch((error: unknown) => failed(participant, error)),
    ),
  )
  return found
}

/** What is prepared. All else is not, and will not be after a failover either. @throws unless that is certain. */
export async function preparedForGood(
  pool: PgPool,
  logName: string,
  deadline: Deadline,
): Promise<readonly string[]> {
  const checkout = await Checkout.from(pool, deadline)
  try {
    const [answer] = await checkout.durably<{ gid: string }>(preparedForGoodSql(logName), deadline)
    checkout.release()
    return (answer?.rows ?? []).flatMap(({ gid }) => parseGid(logName, gid)?.id ?? [])
  } catch (error) {
    checkout.release(true)
    throw error
  }
}

class Pass {
  readonly #setup: RecoverySetup
  readonly #unreachable = new Set<string>()
  #recovered = 0
  #left = 0

  constructor(setup: RecoverySetup) {
    this.#setup = setup
  }

  deadline(ms: number = this.#setup.graceMs): Deadline {
    return new Deadline(
      this.#setup.clock,
      ms,
      () => new Error(`no answer within ${ms} ms`),
      this.#setup.signal,
    )
  }

  failed(server: string, error: unknown): void {
    if (this.#unreachable.has(server)) return
    this.#unreachable.add(server)
    emit<CoordinatorEvent>(this.#setup.onEvent, () => ({ type: 'recovery-failed', server, error }))
  }

  report(elsewhere: boolean): RecoveryReport {
    return { recovered: this.#recovered, left: this.#left, unreachable: [...this.#unreachable], elsewhere }
  }

  /**
   * In this order: prepared, active, records, prepared again. What is ended in between is then in neither hand: it is
   * gone from the second list, or the record was there before.
   */
  async run(everybodys: boolean): Promise<RecoveryReport> {
    const { isActive, isOwn, orphanAfterMs } = this.#setup
    const first = await this.#prepared()
    const candidates = [...first.keys()].filter((id) => {
      if (isActive(id)) return false
      if (isOwn(id)) return true
      return everybodys && [...(first.get(id)?.values() ?? [])].some((ageMs) => ageMs >= orphanAfterMs)
    })
    const records = await this.#records()
    const second = await this.#prepared()
    const orphans = candidates.filter((id) => second.has(id))
    for (let index = 0; index < orphans.length; index += WIDTH) {
      await Promise.all(
        orphans
          .slice(index, index + WIDTH)
          .map((id) => this.#end(id, second.get(id) ?? new Map<string, number>())),
      )
    }
    await this.#forget(records, second, everybodys)
    if (everybodys) await this.#closeEpochs()
    return this.report(!everybodys)
  }

  #prepared(): Promise<ReadonlyMap<string, Found>> {
    return findPrepared(
      this.#setup,
      () => this.deadline(),
      (participant, error) => this.failed(participant, error),
    )
  }

  async #records(): Promise<readonly DecisionRecord[]> {
    using deadline = this.deadline()
    return await this.#setup.log.records(deadline)
  }

  async #end(id: string, found: Found): Promise<void> {
    const { onEvent, spans, alertAfterMs } = this.#setup
    const participants = [...found.keys()]
    let hasEnded = false
    const port = this.#port(id, () => (hasEnded = true))
    const run = (): Promise<Drive> => recover(participants, port)
    const { decision, left } = await (spans === undefined ? run() : spans.recovery(id, participants, run))
    if (decision !== undefined && left.size === 0) {
      // Somebody else was faster, and may have deleted the record: then what this one made of it is no news.
      if (!hasEnded) return
      this.#recovered++
      emit<CoordinatorEvent>(onEvent, () => ({ type: 'recovered', id, decision, participants }))
      return
    }
    this.#left++
    for (const [participant, ageMs] of found) {
      if (ageMs >= alertAfterMs)
        emit<CoordinatorEvent>(onEvent, () => ({ type: 'orphan', id, participant, ageMs }))
    }
  }

  /** @param onEnded called when something was there to end. */
  #port(id: string, onEnded: () => void): CommitPort {
    const { log, logName, pools, graceMs, spans } = this.#setup
    const never = (): never => {
      throw new Error('Broken invariant, please report it: a recoverer prepares nothing')
    }
    return {
      prepare: never,
      register: never,
      settle: async () => {
        using deadline = this.deadline()
        // The coordinator may be at it: its insert holds ours until it has committed or failed.
        return await drawn(spans, 'settle', log.server, () => log.settle(id, graceMs / 2, deadline))
      },
      tell: async (member, decision) => {
        const pool = pools.get(member)
        if (pool === undefined) throw new Error(`${member} is no participant of this coordinator`)
        // One that could not say what is prepared there cannot say either that this is not.
        if (this.#unreachable.has(member)) throw new Error(`${member} is left for the next pass`)
        using deadline = this.deadline()
        const gid = formatGid(logName, id, member)
        const operation = decision === 'commit' ? 'COMMIT PREPARED' : 'ROLLBACK PREPARED'
        const wasThere = await drawn(spans, operation, member, () =>
          finishPrepared(pool, gid, decision, deadline, true),
        )
        if (wasThere) onEnded()
      },
      // A later pass does, when nobody will ask for it any more.
      forget: async () => {},
    }
  }

  /**
   * Deletes the records of commits that are everywhere: this coordinator's own whose caller knows, and those of the dead
   * when they are old. One who was left in doubt may ask for them until then.
   */
  async #forget(
    records: readonly DecisionRecord[],
    prepared: ReadonlyMap<string, Found>,
    everybodys: boolean,
  ): Promise<void> {
    const { isActive, unfinished, finished, log, pools, closeAfterMs } = this.#setup
    const done = records.filter(
      ({ id, decision, closed, members, ageMs }) =>
        decision === 'commit' &&
        (unfinished.has(id) || (closed && everybodys && ageMs >= closeAfterMs)) &&
        !isActive(id) &&
        !prepared.has(id) &&
        members.every((member) => pools.has(member) && !this.#unreachable.has(member)),
    )
    if (done.length === 0) return
    const members = new Set(done.flatMap((record) => record.members))
    try {
      // That it is prepared no more must be known to the standbys too, or a failover could bring it back.
      const back = new Set<string>()
      for (const member of members) for (const id of await this.#preparedForGood(member)) back.add(id)
      using deadline = this.deadline()
      const ids = done.map(({ id }) => id).filter((id) => !back.has(id))
      await log.forget(ids, deadline)
      for (const id of ids) finished(id)
    } catch (error) {
      this.failed('the standbys of a participant', error)
    }
  }

  async #preparedForGood(member: string): Promise<readonly string[]> {
    const { pools, logName } = this.#setup
    const pool = pools.get(member)
    if (pool === undefined) return []
    using deadline = this.deadline()
    return await preparedForGood(pool, logName, deadline)
  }

  async #closeEpochs(): Promise<void> {
    const { log, closeAfterMs, onEvent } = this.#setup
    using deadline = this.deadline()
    for (const { epoch, name } of await log.close({ ageMs: Math.ceil(closeAfterMs) }, deadline)) {
      emit<CoordinatorEvent>(onEvent, () => ({ type: 'epoch-closed', epoch, name }))
    }
    await log.forgetAborts(closeAfterMs, deadline)
  }
}
