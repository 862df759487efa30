import type { LogRecord, SagaSignal, SagaStatus } from './log.ts'

/*
 * Terminology
 * worker   one lease of one engine; its id is its epoch: a fenced engine comes back under a new id
 * owner    the worker that may write a saga's log; none while it waits long or has ended
 * fenced   the worker's lease ran out and another engine took its sagas: it can write nothing more
 * seq      position of an append in a saga's log, from 0 without gaps
 */

/** One append to one saga's log, with what changes in the saga's row, applied both or neither. */
export interface SagaWrite {
  readonly id: string
  readonly seq: number
  /** JSON text of an array of {@link LogRecord}. */
  readonly records: string
  /** Insert the saga too; nothing happens if the id is taken. */
  readonly start?: SagaStart | undefined
  readonly row?: RowChange | undefined
}

/** Whether a write takes a place in the log: a changed row always does, so that a repeat shows. */
export const isAppend = ({ records, row }: SagaWrite): boolean => records !== '[]' || row !== undefined

export interface SagaStart {
  readonly name: string
  readonly version: number
  /** JSON text. */
  readonly input: string
  /** `false`: any engine may claim it, and nothing is appended to the log yet. */
  readonly owned: boolean
}

/** Change of the row by its owner. */
export interface RowChange {
  readonly status: SagaStatus
  /** Give ownership up, unless a signal with a number above `seen` has arrived. */
  readonly release: boolean
  /** From now on the saga is due in this time: any engine claims it then. `undefined`: no change. */
  readonly dueInMs: number | undefined
  readonly seen: number
}

/** `kept`: a signal had arrived, so the saga was not released. `exists`: the id was taken. */
export type WriteReply = 'written' | 'kept' | 'exists'

/** What the list shows of a saga. */
export interface SagaSummary {
  readonly id: string
  readonly name: string
  readonly version: number
  readonly status: SagaStatus
  /** Milliseconds since the epoch, by the store's clock. */
  readonly createdAtMs: number
  readonly endedAtMs: number | undefined
}

/** A saga as read back. */
export interface StoredSaga extends SagaSummary {
  readonly input: unknown
  /** One element per append: its place is its seq. */
  readonly log: readonly { readonly atMs: number; readonly records: readonly LogRecord[] }[]
  readonly signals: readonly SagaSignal[]
  /** What is left of the wait it was last put in; below 0 when overdue. */
  readonly dueInMs: number | undefined
}

/** Filter of `list`: newest first. */
export interface SagaFilter {
  readonly status?: SagaStatus | undefined
  readonly name?: string | undefined
  /** Sagas at most, 1 to 1,000. Default 100. */
  readonly limit?: number | undefined
}

/**
 * Where sagas live. Every write names its worker and is refused with {@link SagaFencedError} once that
 * worker's lease was taken away: the check and the write are one atomic act.
 *
 * `Tx` is what a `.tx` step gets to write with.
 */
export interface SagaStore<Tx> {
  /** Makes the tables; can be repeated, also by many at once. */
  migrate(): Promise<void>
  /** A new lease. @returns the worker's id, never used before. */
  register(leaseMs: number): Promise<string>
  /** Prolongs the lease. @returns `false` if it was taken away. */
  renew(worker: string, leaseMs: number): Promise<boolean>
  /** Ends the lease and frees what the worker owns, for others to claim at once. */
  unregister(worker: string): Promise<void>
  /** Takes the leases of dead workers away and frees what they own. @returns how many sagas. */
  reap(): Promise<number>
  /**
   * Commits all writes or none; when it resolves they are durable. Safe to repeat after a failure
   * whose outcome is not known.
   *
   * @param worker may be undefined if every write starts a saga that is not owned.
   */
  write(worker: string | undefined, writes: readonly SagaWrite[]): Promise<readonly WriteReply[]>
  /**
   * Resolves when all that is ready at this moment has had its turn to queue a write, without waiting
   * for anything else: after a commit all of its sagas go on at once, and share the next one.
   */
  gather(): Promise<void>
  /**
   * Runs `body` in a transaction and commits its writes together with the append it returns. What
   * `body` throws is rethrown after the rollback; failures of the store itself are {@link StoreFault}.
   *
   * @param signal aborted when the caller has given the body up, though it may still be running.
   */
  transact(worker: string, signal: AbortSignal, body: (tx: Tx) => Promise<SagaWrite>): Promise<WriteReply>
  /** Makes the worker owner of sagas that are due, those that compensate first. */
  claim(worker: string, names: readonly string[], limit: number): Promise<readonly StoredSaga[]>
  /** Ids of all that the worker owns: what a claim took whose reply was lost is among them. */
  owned(worker: string): Promise<readonly string[]>
  /** Reads sagas; with a worker only those it owns. */
  load(ids: readonly string[], worker?: string): Promise<readonly StoredSaga[]>
  list(filter: SagaFilter): Promise<readonly SagaSummary[]>
  /** Of these ids, those that are neither running nor compensating. */
  settled(ids: readonly string[]): Promise<readonly string[]>
  /** Keeps a signal and makes its saga due. @returns `false` if the saga ended, `undefined` if there is none. */
  signal(id: string, name: string, payload: string | undefined): Promise<boolean | undefined>
  /** Appends to a saga that needs attention and makes it due. @returns `false` if it does not, or changed since. */
  reopen(id: string, seq: number, records: string, status: SagaStatus): Promise<boolean>
  /** Resolves when there may be something to claim, at the latest after `maxMs`; early on abort. */
  idle(maxMs: number, signal: AbortSignal): Promise<void>
  /** Listens for faults outside any call. @returns how to stop. */
  onFault?(listener: (error: unknown) => void): () => void
}

/**
 * The store could not do it now, and may later: connection lost, server restarting, deadlock. Whether
 * the write happened is not known.
 */
export class StoreFault extends Error {
  constructor(cause: unknown) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
    this.name = 'StoreFault'
  }
}
