import type { Clock, Random } from '@quorate/core'
import type { RollbackError } from './errors.ts'

/** What a read or a write is given. */
export interface AttemptContext {
  /** Aborted at the deadline and by `close()`. */
  readonly signal: AbortSignal
}

/** Options of `optimistic()`. */
export interface OptimisticOptions<T> {
  /** Asks the server, by a client's `fetch`, so that it sees all writes. Rejects unless it has an answer. */
  readonly read: (key: string, context: AttemptContext) => Promise<T>
  /** Are two values the same to a user? Default: the same as JSON. */
  readonly equal?: ((one: T, other: T) => boolean) | undefined
  /** Its tabs tell each other of writes: what is shown is read again when another one has written. */
  readonly client?: { subscribe(listener: (key: string) => void): () => void } | undefined
  /** After that the write counts as one whose answer is lost, ms. Default 30,000. */
  readonly writeDeadlineMs?: number | undefined
  /** Of each attempt to read, ms. Default 10,000. */
  readonly readDeadlineMs?: number | undefined
  /** How often a read is attempted, with growing waits in between, from 200 ms to 5 s. Default 4. */
  readonly readAttempts?: number | undefined
  /** Keys that are known while nobody looks at them; the one that was used longest ago is forgotten. Default 1,000. */
  readonly maxKeys?: number | undefined
  /** Told of every update that is taken back; it is in the snapshot and in the result as well. */
  readonly onRollback?: ((error: RollbackError) => void) | undefined
  /** Default: the machine's. */
  readonly clock?: Clock | undefined
  readonly random?: Random | undefined
}

/** What a key shows; the same object until something changes. */
export interface OptimisticSnapshot<T> {
  /** With all updates that wait. `undefined`: nothing is known yet. */
  readonly value: T | undefined
  /**
   * - `unknown`: it was never read.
   * - `pending`: updates wait for their confirmation.
   * - `reading`: it is read, with no updates.
   * - `settled`: it is what the server last showed.
   */
  readonly status: 'unknown' | 'pending' | 'reading' | 'settled'
  /** Updates that are not confirmed. */
  readonly pending: number
  /** Why the last update was taken back, until the next update. */
  readonly error: RollbackError | undefined
}

/** One optimistic update. */
export interface OptimisticUpdate<T> {
  /** From what is shown to what is to be shown. Pure: it is called whenever what lies below has changed. */
  readonly change: (value: T | undefined) => T
  /**
   * Writes. A `Response` with 4xx was refused; one with 5xx and an error may have been done, unless the error's
   * `outcome` says `not-applied`. Anything else has been done.
   */
  readonly write: (context: AttemptContext) => Promise<unknown>
  /**
   * Does a read show that it was done? Default: it is equal to what was expected. For what others change as well, a
   * counter say, look at what is yours alone.
   */
  readonly isDone?: ((read: T, expected: T) => boolean) | undefined
  /** Takes the place of a `latest` one just before it that was not sent yet: only the last counts, as with a switch. */
  readonly latest?: boolean | undefined
}

/** What came of an update; it does not reject. */
export type UpdateResult<T> =
  /** A read after the write has shown it. */
  | { readonly status: 'confirmed'; readonly value: T | undefined }
  /** The server has taken it, and the reads after it failed, at last with `cause`. */
  | { readonly status: 'accepted'; readonly value: T | undefined; readonly cause: unknown }
  /** It was not sent: a later `latest` one has taken its place. */
  | { readonly status: 'superseded'; readonly value: T | undefined }
  | { readonly status: 'rolled-back'; readonly value: T | undefined; readonly error: RollbackError }

/** Values of a server by key, with changes shown before they are confirmed. Fits React's `useSyncExternalStore`. */
export interface Optimistic<T> extends Disposable {
  getSnapshot(key: string): OptimisticSnapshot<T>
  /**
   * Reads the key if it was never read.
   *
   * @returns what ends it.
   */
  subscribe(key: string, listener: () => void): () => void
  /**
   * Shows the change at once, writes, and reads what became of it. Updates of one key are done one after the other.
   *
   * @throws what `change` throws, before anything is shown.
   */
  update(key: string, update: OptimisticUpdate<T>): Promise<UpdateResult<T>>
  /** Reads the key. Resolves when nothing of it is under way any more. */
  refresh(key: string): Promise<OptimisticSnapshot<T>>
  /** What the server has shown elsewhere, in a list or a page it rendered; only for a key that was never read. */
  seed(key: string, value: T): void
  /** Takes back what is not confirmed; nothing runs afterwards. */
  close(): void
}
