import { takeConnection } from '@quorate/core'
import { SagaFencedError } from '../errors.ts'
import { decode } from '../json.ts'
import type { LogRecord, SagaSignal, SagaStatus } from '../log.ts'
import {
  isAppend,
  type SagaFilter,
  type SagaStore,
  type SagaSummary,
  type SagaWrite,
  type StoredSaga,
  StoreFault,
  type WriteReply,
} from '../store.ts'
import { isTransient, type PgClient, type PgPool, type PgStatement, sqlState } from './pool.ts'
import { migration, type Statements, statements } from './sql.ts'
import { nextTurn } from './system-clock.ts'

/** Options of {@link postgresSagaStore}. */
export interface PostgresSagaStoreOptions<Client extends PgClient> {
  readonly pool: PgPool<Client>
  /** Default `quorate`. */
  readonly schema?: string | undefined
  /** A transaction that sits idle this long, because its process froze, is ended by the server, ms. */
  readonly idleInTransactionMs: number
  readonly wait: (ms: number, signal: AbortSignal) => Promise<void>
}

const UNIQUE_VIOLATION = '23505'
const IDLE_IN_TRANSACTION = '25P03'
const MAX_INT = 2_147_483_647

/** Sagas in Postgres: every write is one statement that checks the worker's lease and commits. */
export class PostgresSagaStore<Client extends PgClient> implements SagaStore<Client> {
  readonly #pool: PgPool<Client>
  readonly #schema: string
  readonly #sql: Statements
  readonly #idleInTransactionMs: number
  readonly #uses = new Map<string, number>()
  readonly #wait: PostgresSagaStoreOptions<Client>['wait']

  constructor({ pool, schema = 'quorate', idleInTransactionMs, wait }: PostgresSagaStoreOptions<Client>) {
    if (!/^[a-z_][a-z0-9_]{0,62}$/i.test(schema)) {
      throw new TypeError(`Cannot use schema "${schema}": it must be a plain SQL name`)
    }
    this.#pool = pool
    this.#schema = schema
    this.#sql = statements(`"${schema}"`)
    this.#idleInTransactionMs = Math.ceil(idleInTransactionMs)
    this.#wait = wait
  }

  async migrate(): Promise<void> {
    // Several statements in one string are one transaction, so two that migrate at once take turns.
    await this.#attempt(this.#pool.query({ text: migration(`"${this.#schema}"`), values: [] }))
  }

  async register(leaseMs: number): Promise<string> {
    const { rows } = await this.#query('register', [leaseMs])
    return (rows[0] as { id: string }).id
  }

  async renew(worker: string, leaseMs: number): Promise<boolean> {
    return (await this.#query('renew', [worker, leaseMs])).rowCount === 1
  }

  async unregister(worker: string): Promise<void> {
    await this.#query('unregister', [worker])
    await this.#query('free', [])
  }

  async reap(): Promise<number> {
    await this.#query('reap', [])
    return (await this.#query('free', [])).rowCount ?? 0
  }

  async write(worker: string | undefined, writes: readonly SagaWrite[]): Promise<readonly WriteReply[]> {
    if (worker === undefined) return this.#enqueue(writes)
    const starts = writes.filter((write) => write.start !== undefined).toSorted(byId)
    const appends = writes.filter((write) => write.start?.owned !== false && isAppend(write)).toSorted(byId)
    const changes = appends.filter((write) => write.row !== undefined)
    const { rows } = await this.#query('write', [
      worker,
      starts.map(({ id }) => id),
      starts.map(({ start }) => start?.name),
      starts.map(({ start }) => start?.version),
      starts.map(({ start }) => start?.input),
      starts.map(({ start }) => start?.owned),
      appends.map(({ id }) => id),
      appends.map(({ seq }) => seq),
      appends.map(({ records }) => records),
      appends.map(({ start }) => start !== undefined),
      changes.map(({ id }) => id),
      changes.map(({ row }) => row?.status),
      changes.map(({ row }) => row?.release),
      changes.map(({ row }) => row?.dueInMs),
      changes.map(({ row }) => Math.min(row?.seen ?? 0, MAX_INT)),
    ])
    const { held, started, kept } = rows[0] as { held: number; started: string[]; kept: string[] }
    if (held === 0) throw new SagaFencedError()
    const made = new Set(started)
    const stayed = new Set(kept)
    return writes.map(({ id, start }) => {
      if (start !== undefined && !made.has(id)) return 'exists'
      return stayed.has(id) ? 'kept' : 'written'
    })
  }

  /** One turn of the event loop: replies that other steps have already got share the flush. */
  gather(): Promise<void> {
    return nextTurn()
  }

  async transact(
    worker: string,
    signal: AbortSignal,
    body: (tx: Client) => Promise<SagaWrite>,
  ): Promise<WriteReply> {
    let lost: Error | undefined
    const onError = (error: Error): void => {
      // The first one says why; that the connection is gone follows.
      lost ??= error
    }
    const client = await this.#attempt(takeConnection(this.#pool, onError))
    let clean = false
    try {
      await this.#attempt(
        client.query(`begin; set local idle_in_transaction_session_timeout = ${this.#idleInTransactionMs}`),
      )
      let write: SagaWrite
      try {
        write = await body(client)
      } catch (error) {
        // A body that was given up may still be sending statements: its connection is closed, not reused.
        if (signal.aborted) throw error
        if (lost !== undefined) throw this.#lostError(lost)
        await this.#attempt(client.query('rollback'))
        clean = true
        // Serialization failure or deadlock: the server asks for another try, the step did nothing wrong.
        throw /^40[0-9A-Z]{3}$/.test(sqlState(error) ?? '') ? new StoreFault(error) : error
      }
      if (lost !== undefined) throw this.#lostError(lost)
      const reply = await this.#checkpoint(client, worker, write)
      await this.#attempt(client.query('commit'))
      clean = true
      return reply
    } finally {
      client.removeListener('error', onError)
      // Closing the connection rolls back what was not committed.
      client.release(!clean)
    }
  }

  async claim(worker: string, names: readonly string[], limit: number): Promise<readonly StoredSaga[]> {
    const { rows } = await this.#query('claim', [worker, names, limit])
    const { held, ids } = rows[0] as { held: number; ids: string[] }
    if (held === 0) throw new SagaFencedError()
    // A statement of its own: the claim's snapshot may be older than the last append of the former owner.
    return ids.length === 0 ? [] : this.load(ids, worker)
  }

  async owned(worker: string): Promise<readonly string[]> {
    const { rows } = await this.#query('owned', [worker])
    return (rows as { id: string }[]).map(({ id }) => id)
  }

  async load(ids: readonly string[], worker?: string): Promise<readonly StoredSaga[]> {
    const { rows } = await this.#query('load', [ids, worker ?? null])
    return (rows as LoadedRow[]).map(readRow)
  }

  async list({ status, name, limit = 100 }: SagaFilter): Promise<readonly SagaSummary[]> {
    const { rows } = await this.#query('list', [status ?? null, name ?? null, limit])
    return (rows as SummaryRow[]).map(readSummary)
  }

  async settled(ids: readonly string[]): Promise<readonly string[]> {
    const { rows } = await this.#query('settled', [ids])
    return (rows as { id: string }[]).map(({ id }) => id)
  }

  async signal(id: string, name: string, payload: string | undefined): Promise<boolean | undefined> {
    const { rows } = await this.#query('signal', [id, name, payload ?? null])
    const { kept, found } = rows[0] as { kept: boolean; found: boolean }
    return found ? kept : undefined
  }

  async reopen(id: string, seq: number, records: string, status: SagaStatus): Promise<boolean> {
    return (await this.#query('reopen', [id, seq, records, status])).rowCount === 1
  }

  idle(maxMs: number, signal: AbortSignal): Promise<void> {
    return this.#wait(maxMs, signal)
  }

  /** Without a listener an idle connection that breaks would end the process (the pool's documentation). */
  onFault(listener: (error: unknown) => void): () => void {
    this.#pool.on('error', listener)
    return () => void this.#pool.removeListener('error', listener)
  }

  /** Starts of an engine that runs nothing itself: no lease to check, and others claim them. */
  async #enqueue(writes: readonly SagaWrite[]): Promise<readonly WriteReply[]> {
    const sorted = writes.toSorted(byId)
    const { rows } = await this.#query('enqueue', [
      sorted.map(({ id }) => id),
      sorted.map(({ start }) => start?.name),
      sorted.map(({ start }) => start?.version),
      sorted.map(({ start }) => start?.input),
    ])
    const made = new Set((rows as { id: string }[]).map(({ id }) => id))
    return writes.map(({ id }) => (made.has(id) ? 'written' : 'exists'))
  }

  async #checkpoint(
    client: Client,
    worker: string,
    { id, seq, records, row }: SagaWrite,
  ): Promise<WriteReply> {
    let reply: { held: number; kept: boolean }
    try {
      const values = [
        worker,
        id,
        seq,
        records,
        row?.status,
        row?.release,
        row?.dueInMs,
        Math.min(row?.seen ?? 0, MAX_INT),
      ]
      const { rows } = await client.query(
        this.#prepared(
          'checkpoint',
          values.map((value) => value ?? null),
        ),
      )
      reply = rows[0] as typeof reply
    } catch (error) {
      if (sqlState(error) === UNIQUE_VIOLATION || isTransient(error)) throw new StoreFault(error)
      throw error
    }
    if (reply.held === 0) throw new SagaFencedError()
    return reply.kept ? 'kept' : 'written'
  }

  /** The server ended the transaction because the step let it idle: the step's fault. Else the store's. */
  #lostError(cause: Error): Error {
    if (sqlState(cause) !== IDLE_IN_TRANSACTION) return new StoreFault(cause)
    return new Error(
      `The transaction was ended by the server because it was idle for ${this.#idleInTransactionMs} ms ` +
        `(leaseMs); wait for other services in a step of its own, before or after the .tx step`,
      { cause },
    )
  }

  /**
   * A prepared statement keeps the plan that was best when it was first used, on empty tables that is a
   * sequential scan, until the tables are analyzed. So it is prepared anew after 4, 16, 64, … uses.
   */
  #prepared(name: keyof Statements, values: unknown[]): PgStatement {
    const uses = (this.#uses.get(name) ?? 0) + 1
    this.#uses.set(name, uses)
    const generation = Math.floor(Math.log2(uses) / 2)
    return { name: `saga_${name}_${generation}_${this.#schema}`.slice(0, 63), text: this.#sql[name], values }
  }

  #query(name: keyof Statements, values: unknown[]): ReturnType<PgPool['query']> {
    return this.#attempt(this.#pool.query(this.#prepared(name, values)))
  }

  /** Tells faults of the server from answers of the server. */
  async #attempt<T>(operation: Promise<T>): Promise<T> {
    try {
      return await operation
    } catch (error) {
      throw isTransient(error) ? new StoreFault(error) : error
    }
  }
}

interface SummaryRow {
  readonly id: string
  readonly name: string
  readonly version: number
  readonly status: SagaStatus
  readonly created_at_ms: string
  readonly ended_at_ms: string | null
}

interface LoadedRow extends SummaryRow {
  readonly input: string | null
  readonly due_in_ms: string | null
  readonly log: readonly string[]
  readonly log_at_ms: readonly number[]
  readonly signal_names: readonly string[]
  readonly signal_payloads: readonly (string | null)[]
}

const readSummary = (row: SummaryRow): SagaSummary => ({
  id: row.id,
  name: row.name,
  version: row.version,
  status: row.status,
  createdAtMs: Number(row.created_at_ms),
  endedAtMs: row.ended_at_ms === null ? undefined : Number(row.ended_at_ms),
})

const readRow = (row: LoadedRow): StoredSaga => ({
  ...readSummary(row),
  input: decode(row.input ?? undefined),
  log: row.log.map((text, index) => ({
    atMs: Number(row.log_at_ms[index]),
    records: JSON.parse(text) as LogRecord[],
  })),
  signals: row.signal_names.map((name, index): SagaSignal => ({
    seq: index + 1,
    name,
    payload: decode(row.signal_payloads[index] ?? undefined),
  })),
  dueInMs: row.due_in_ms === null ? undefined : Number(row.due_in_ms),
})

/** In one order everywhere, so that two engines that start the same ids cannot deadlock. */
const byId = (a: SagaWrite, b: SagaWrite): number => (a.id < b.id ? -1 : a.id > b.id ? 1 : 0)
