import { isQuorateError } from '@quorate/core'
import type { Deadline } from '../deadline.ts'
import {
  NotMigratedError,
  NotPrimaryError,
  ParticipantUnavailableError,
  WarningsHiddenError,
} from '../errors.ts'
import type { Decision, Settlement } from '../machine.ts'
import { parseId } from '../names.ts'
import { Checkout } from './checkout.ts'
import { isNoSuchTable, isRefusal, sqlState, tableOf } from './failures.ts'
import type { PgPool, PgResult } from './port.ts'
import * as sql from './sql.ts'

/** A decision on record. */
export interface DecisionRecord {
  readonly id: string
  readonly decision: Decision
  /** Who was prepared. Empty for an abort. */
  readonly members: readonly string[]
  /** Its coordinator can write no more. */
  readonly closed: boolean
  readonly ageMs: number
}

/** What came of writing `commit`. */
export type Recorded =
  | { readonly decision: 'commit' }
  | { readonly decision: 'abort'; readonly cause: unknown }

/** The register of decisions, in a database. */
export class DecisionLog {
  readonly pool: PgPool
  readonly tables: sql.Tables
  /** What it is called in errors. */
  readonly server: string

  constructor(pool: PgPool, schema: string, server: string) {
    this.pool = pool
    this.tables = sql.tablesOf(schema)
    this.server = server
  }

  async migrate(deadline: Deadline): Promise<void> {
    await this.#run((checkout) => checkout.durably(sql.migrateSql(this.tables), deadline), deadline)
  }

  /** The log's own name, which is part of every gid. */
  async name(deadline: Deadline): Promise<string> {
    return this.#run(async (checkout) => {
      const [asked] = await checkout.query<{ recovery: boolean; quiet: boolean }>(sql.LOG_FACTS, deadline)
      const facts = asked?.rows[0]
      if (facts?.recovery === true) throw new NotPrimaryError(this.server)
      if (facts?.quiet === true) throw new WarningsHiddenError(this.server)
      const [answer] = await checkout.query<{ name: string }>(`SELECT name FROM ${this.tables.log}`, deadline)
      const name = answer?.rows[0]?.name
      if (name === undefined) throw new NotMigratedError(this.tables.schema)
      return name
    }, deadline)
  }

  async openEpoch(coordinator: string, deadline: Deadline): Promise<string> {
    const text = sql.openEpochSql(this.tables, coordinator)
    const answers = await this.#run(
      (checkout) => checkout.durably<{ epoch: string }>(text, deadline),
      deadline,
    )
    return answers.at(-1)?.rows[0]?.epoch ?? ''
  }

  /** Writes `commit` in a transaction of its own. @throws if it is not known whether it stands. */
  async record(id: string, epoch: string, members: readonly string[], deadline: Deadline): Promise<Recorded> {
    const checkout = await Checkout.from(this.pool, deadline).catch((cause: unknown) => {
      return { cause }
    })
    // Without a connection nothing was sent.
    if ('cause' in checkout) return { decision: 'abort', cause: checkout.cause }
    return recordOn(checkout, sql.commitRecordSql(this.tables, id, epoch, members), deadline)
  }

  /** Reads the decision and closes the register. @throws if nobody answers. */
  settle(id: string, lockMs: number, deadline: Deadline): Promise<Settlement> {
    const { epoch = '' } = parseId(id) ?? {}
    return this.#run(async (checkout) => {
      interface Row {
        readonly decision: Decision
        readonly members: readonly string[]
      }
      const open = await checkout.durably<Row>(sql.settleSql(this.tables, id, epoch, lockMs), deadline)
      const row = open.at(-1)?.rows[0]
      if (row !== undefined) return { ...row, closed: false }
      const closed = await checkout.durably<Row>(sql.readDurablySql(this.tables, id, lockMs), deadline)
      const last = closed.at(-1)?.rows[0]
      return { decision: last?.decision, members: last?.members ?? [], closed: true }
    }, deadline)
  }

  /** The decision as it stands, and will after a failover. Leaves the register open. @throws if nobody answers. */
  async decisionOf(id: string, lockMs: number, deadline: Deadline): Promise<Decision | undefined> {
    const text = sql.readDurablySql(this.tables, id, lockMs)
    const answers = await this.#run(
      (checkout) => checkout.durably<{ decision: Decision }>(text, deadline),
      deadline,
    )
    return answers.at(-1)?.rows[0]?.decision
  }

  async forget(ids: readonly string[], deadline: Deadline): Promise<void> {
    if (ids.length > 0) await this.#ask(sql.forgetSql(this.tables, ids), deadline)
  }

  async records(deadline: Deadline): Promise<readonly DecisionRecord[]> {
    interface Row {
      readonly id: string
      readonly decision: Decision
      readonly members: readonly string[]
      readonly closed: boolean
      readonly age_ms: number
    }
    const { rows } = await this.#ask<Row>(sql.recordsSql(this.tables), deadline)
    return rows.map(({ age_ms: ageMs, ...row }) => ({ ...row, ageMs }))
  }

  /** @returns `false` if the epoch is closed. */
  async signOfLife(epoch: string, deadline: Deadline): Promise<boolean> {
    return (await this.#ask(sql.signSql(this.tables, epoch), deadline)).rowCount === 1
  }

  /** Takes from coordinators the right to write `commit`. */
  async close(
    which: { readonly epoch: string } | { readonly ageMs: number },
    deadline: Deadline,
  ): Promise<readonly { readonly epoch: string; readonly name: string }[]> {
    interface Row {
      readonly epoch: string
      readonly name: string
    }
    const text = sql.closeEpochsSql(this.tables, which)
    const answers = await this.#run((checkout) => checkout.durably<Row>(text, deadline), deadline)
    return answers.at(-1)?.rows ?? []
  }

  /** Of closed epochs, when they are old: until then somebody may ask for them. */
  async forgetAborts(ageMs: number, deadline: Deadline): Promise<void> {
    await this.#ask(sql.forgetAbortsSql(this.tables, ageMs), deadline)
  }

  /** Notes what was decided by hand. */
  async override({ id, decision, recorded, forced, note }: OverrideNote, deadline: Deadline): Promise<void> {
    const text = (value: string | undefined): string =>
      value === undefined ? 'NULL' : `E${sql.literal(escaped(value))}`
    await this.#ask(
      `INSERT INTO ${this.tables.overrides} (id, decision, recorded, forced, note) VALUES
      (${text(id)}, ${text(decision)}, ${text(recorded)}, ${forced}, ${text(note)})`,
      deadline,
    )
  }

  /** Runs `work` while no other coordinator recovers. @returns `undefined` if one does. */
  async alone<T>(log: string, work: () => Promise<T>, newDeadline: () => Deadline): Promise<T | undefined> {
    using before = newDeadline()
    const checkout = await Checkout.from(this.pool, before)
    let isLocked = true
    try {
      const [answer] = await checkout.query<{ locked: boolean }>(sql.lockSql(log), before)
      isLocked = answer?.rows[0]?.locked === true
      if (!isLocked) return undefined
      const value = await work()
      using after = newDeadline()
      await checkout.query(sql.unlockSql(log), after)
      isLocked = false
      return value
    } finally {
      checkout.release(isLocked) // the lock ends with its session
    }
  }

  async #ask<Row = Record<string, unknown>>(text: string, deadline: Deadline): Promise<PgResult<Row>> {
    const answers = await this.#run((checkout) => checkout.query<Row>(text, deadline), deadline)
    return answers.at(-1) as PgResult<Row>
  }

  async #run<T>(work: (checkout: Checkout) => Promise<T>, deadline: Deadline): Promise<T> {
    let checkout: Checkout | undefined
    try {
      checkout = await Checkout.from(this.pool, deadline)
      const value = await work(checkout)
      checkout.release()
      return value
    } catch (error) {
      checkout?.release(true)
      if (isNoSuchTable(error)) throw new NotMigratedError(this.tables.schema, error)
      if (isRefusal(error) || isQuorateError(error) || deadline.isOver) throw error
      throw new ParticipantUnavailableError(this.server, error)
    }
  }
}

/** What is noted of a decision by hand. */
export interface OverrideNote {
  readonly id: string
  readonly decision: Decision
  readonly recorded: Decision | undefined
  readonly forced: boolean
  readonly note: string | undefined
}

const escaped = (text: string): string => text.replaceAll('\\', '\\\\')

/**
 * Commits with the record, in one message.
 *
 * @param checkout is released.
 * @throws if it is not known whether it stands.
 */
export async function recordOn(checkout: Checkout, text: string, deadline: Deadline): Promise<Recorded> {
  try {
    const answers = await checkout.durably(text, deadline)
    checkout.release()
    // A failed transaction answers COMMIT with ROLLBACK, and no error.
    if (answers.at(-1)?.command === 'COMMIT') return { decision: 'commit' }
    return { decision: 'abort', cause: undefined }
  } catch (error) {
    checkout.release(true)
    if (!isRefusal(error)) throw error
    return { decision: 'abort', cause: error }
  }
}

/** Recovery came first: the register has `abort`, or takes nothing from this epoch. */
export function isClosedByOthers(error: unknown): 'aborted' | 'closed' | undefined {
  if (tableOf(error) !== sql.DECISIONS) return undefined
  const state = sqlState(error)
  return state === '23505' ? 'aborted' : state === '23502' ? 'closed' : undefined
}
