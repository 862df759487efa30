import { checkNames, type Clock, systemClock } from '@quorate/core'
import { SagaFencedError } from '../errors.ts'
import { decode } from '../json.ts'
import type { LogRecord, SagaSignal } from '../log.ts'
import {
  isAppend,
  type RowChange,
  type SagaStore,
  type SagaSummary,
  type SagaWrite,
  type StoredSaga,
  StoreFault,
  type WriteReply,
} from '../store.ts'

/** What a `.tx` step writes with on the memory store: keys and values, committed with the checkpoint. */
export interface MemoryTx {
  get(key: string): unknown
  set(key: string, value: unknown): void
  delete(key: string): void
}

/** Options of {@link memorySagaStore}. */
export interface MemorySagaStoreOptions {
  /** Default: the machine's clock. Hand the engine the same one. */
  readonly clock?: Clock | undefined
}

/** A store in memory, with the committed data of `.tx` steps to look at. */
export interface MemorySagaStore extends SagaStore<MemoryTx> {
  /** What `.tx` steps have committed. */
  readonly data: ReadonlyMap<string, unknown>
}

interface Row {
  readonly id: string
  readonly name: string
  readonly version: number
  readonly input: string
  readonly createdAtMs: number
  status: SagaSummary['status']
  worker: string | undefined
  wakeAtMs: number
  dueAtMs: number | undefined
  endedAtMs: number | undefined
  readonly log: { readonly atMs: number; readonly text: string }[]
  readonly signals: { readonly name: string; readonly payload: string | undefined }[]
}

/**
 * A saga store for tests and first steps: the same promises as on Postgres, but for the life of the
 * process. Several engines may share one; it runs on a `VirtualClock` as well.
 *
 * @throws TypeError for an unknown option.
 */
export function memorySagaStore(options: MemorySagaStoreOptions = {}): MemorySagaStore {
  checkNames('make a saga store', options, ['clock'])
  return new MemoryStore(options.clock ?? systemClock)
}

class MemoryStore implements MemorySagaStore {
  readonly data = new Map<string, unknown>()
  readonly #clock: Clock
  readonly #rows = new Map<string, Row>()
  /** Worker id to the end of its lease. */
  readonly #workers = new Map<string, number>()
  readonly #versions = new Map<string, number>()
  #lastWorker = 0
  #onChange: (() => void)[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  async migrate(): Promise<void> {}

  async register(leaseMs: number): Promise<string> {
    const worker = String(++this.#lastWorker)
    this.#workers.set(worker, this.#clock.monotonic() + leaseMs)
    return worker
  }

  async renew(worker: string, leaseMs: number): Promise<boolean> {
    if (!this.#workers.has(worker)) return false
    this.#workers.set(worker, this.#clock.monotonic() + leaseMs)
    return true
  }

  async unregister(worker: string): Promise<void> {
    this.#free(worker)
  }

  async reap(): Promise<number> {
    let freed = 0
    for (const [worker, untilMs] of this.#workers) {
      if (untilMs < this.#clock.monotonic()) freed += this.#free(worker)
    }
    return freed
  }

  async write(worker: string | undefined, writes: readonly SagaWrite[]): Promise<readonly WriteReply[]> {
    if (worker !== undefined && !this.#workers.has(worker)) throw new SagaFencedError()
    return writes.map((write) => this.#apply(worker, write))
  }

  /** Promise turns, not a turn of the event loop: a virtual clock waits for the former only. */
  async gather(): Promise<void> {
    for (let turn = 0; turn < 4; turn++) await Promise.resolve()
  }

  async transact(
    worker: string,
    _signal: AbortSignal,
    body: (tx: MemoryTx) => Promise<SagaWrite>,
  ): Promise<WriteReply> {
    const read = new Map<string, number>()
    const changes = new Map<string, { value: unknown } | undefined>()
    const touch = (key: string): void => {
      if (!read.has(key)) read.set(key, this.#versions.get(key) ?? 0)
    }
    const write = await body({
      get: (key) => {
        touch(key)
        return changes.has(key) ? changes.get(key)?.value : this.data.get(key)
      },
      set: (key, value) => {
        touch(key)
        changes.set(key, { value })
      },
      delete: (key) => {
        touch(key)
        changes.set(key, undefined)
      },
    })
    if (!this.#workers.has(worker)) throw new SagaFencedError()
    for (const [key, version] of read) {
      if ((this.#versions.get(key) ?? 0) !== version)
        throw new StoreFault(new Error(`${key} was changed meanwhile`))
    }
    if (this.#rows.get(write.id)?.log.length !== write.seq) throw new StoreFault(new Error('the log went on'))
    for (const [key, change] of changes) {
      this.#versions.set(key, (this.#versions.get(key) ?? 0) + 1)
      if (change === undefined) this.data.delete(key)
      else this.data.set(key, change.value)
    }
    return this.#apply(worker, write)
  }

  async claim(worker: string, names: readonly string[], limit: number): Promise<readonly StoredSaga[]> {
    if (!this.#workers.has(worker)) throw new SagaFencedError()
    const due = [...this.#rows.values()]
      .filter((row) => isOpen(row) && row.worker === undefined && names.includes(row.name))
      .filter((row) => row.wakeAtMs <= this.#clock.monotonic())
      .toSorted((a, b) => a.status.localeCompare(b.status) || a.wakeAtMs - b.wakeAtMs)
      .slice(0, limit)
    for (const row of due) row.worker = worker
    return due.map((row) => this.#read(row))
  }

  async owned(worker: string): Promise<readonly string[]> {
    return [...this.#rows.values()].filter((row) => row.worker === worker).map(({ id }) => id)
  }

  async load(ids: readonly string[], worker?: string): Promise<readonly StoredSaga[]> {
    return ids
      .map((id) => this.#rows.get(id))
      .filter((row) => row !== undefined)
      .filter((row) => worker === undefined || row.worker === worker)
      .map((row) => this.#read(row))
  }

  async list({
    status,
    name,
    limit = 100,
  }: Parameters<SagaStore<MemoryTx>['list']>[0]): Promise<readonly SagaSummary[]> {
    return [...this.#rows.values()]
      .filter(
        (row) => (status === undefined || row.status === status) && (name === undefined || row.name === name),
      )
      .toReversed()
      .slice(0, limit)
      .map(summary)
  }

  async settled(ids: readonly string[]): Promise<readonly string[]> {
    return ids.filter((id) => {
      const row = this.#rows.get(id)
      return row !== undefined && !isOpen(row)
    })
  }

  async signal(id: string, name: string, payload: string | undefined): Promise<boolean | undefined> {
    const row = this.#rows.get(id)
    if (row === undefined) return undefined
    if (row.endedAtMs !== undefined) return false
    row.signals.push({ name, payload })
    row.wakeAtMs = this.#clock.monotonic()
    this.#changed()
    return true
  }

  async reopen(id: string, seq: number, records: string, status: SagaSummary['status']): Promise<boolean> {
    const row = this.#rows.get(id)
    if (row?.status !== 'needs-attention' || row.log.length !== seq) return false
    row.log.push({ atMs: this.#clock.now(), text: records })
    row.status = status
    row.wakeAtMs = this.#clock.monotonic()
    row.dueAtMs = undefined
    this.#changed()
    return true
  }

  async idle(maxMs: number, signal: AbortSignal): Promise<void> {
    const now = this.#clock.monotonic()
    const due = [...this.#rows.values()]
      .filter((row) => isOpen(row) && row.worker === undefined && row.wakeAtMs > now)
      .map((row) => row.wakeAtMs - now)
    const wake = new AbortController()
    const onChange = (): void => wake.abort()
    this.#onChange.push(onChange)
    signal.addEventListener('abort', onChange, { once: true })
    try {
      if (!signal.aborted)
        await this.#clock.sleep(Math.min(maxMs, ...due), { signal: wake.signal, ref: false })
    } catch {
      // Something changed, or the engine stops.
    } finally {
      signal.removeEventListener('abort', onChange)
      this.#onChange = this.#onChange.filter((other) => other !== onChange)
    }
  }

  #apply(worker: string | undefined, write: SagaWrite): WriteReply {
    const { id, seq, records, start, row: change } = write
    const now = this.#clock.monotonic()
    if (start !== undefined) {
      if (this.#rows.has(id)) return 'exists'
      this.#rows.set(id, {
        ...start,
        id,
        createdAtMs: this.#clock.now(),
        status: 'running',
        worker: start.owned ? worker : undefined,
        wakeAtMs: now,
        dueAtMs: undefined,
        endedAtMs: undefined,
        log: [],
        signals: [],
      })
      if (!start.owned) this.#changed()
    }
    const row = this.#rows.get(id)
    if (row === undefined || (start !== undefined && !start.owned)) return 'written'
    const isNew = row.log.length === seq
    if (isNew && isAppend(write)) row.log.push({ atMs: this.#clock.now(), text: records })
    return change === undefined || !isNew ? 'written' : this.#changeRow(row, worker, change)
  }

  #changeRow(
    row: Row,
    worker: string | undefined,
    { status, release, dueInMs, seen }: RowChange,
  ): WriteReply {
    if (row.worker !== worker) return 'written'
    const now = this.#clock.monotonic()
    row.status = status
    if (status === 'completed' || status === 'compensated') row.endedAtMs = this.#clock.now()
    if (dueInMs !== undefined) row.wakeAtMs = row.dueAtMs = now + dueInMs
    const keep = release && row.signals.length > seen
    if (release && !keep) row.worker = undefined
    if (release) this.#changed()
    return keep ? 'kept' : 'written'
  }

  #free(worker: string): number {
    if (!this.#workers.delete(worker)) return 0
    let freed = 0
    for (const row of this.#rows.values()) {
      if (row.worker !== worker) continue
      row.worker = undefined
      row.wakeAtMs = this.#clock.monotonic()
      freed++
    }
    this.#changed()
    return freed
  }

  #read(row: Row): StoredSaga {
    return {
      ...summary(row),
      input: decode(row.input),
      log: row.log.map(({ atMs, text }) => ({ atMs, records: JSON.parse(text) as LogRecord[] })),
      signals: row.signals.map(({ name, payload }, index): SagaSignal => ({
        seq: index + 1,
        name,
        payload: decode(payload),
      })),
      dueInMs: row.dueAtMs === undefined ? undefined : row.dueAtMs - this.#clock.monotonic(),
    }
  }

  #changed(): void {
    for (const listener of this.#onChange) listener()
  }
}

const isOpen = ({ status }: Row): boolean => status === 'running' || status === 'compensating'

const summary = ({ id, name, version, status, createdAtMs, endedAtMs }: Row): SagaSummary => ({
  id,
  name,
  version,
  status,
  createdAtMs,
  endedAtMs,
})
