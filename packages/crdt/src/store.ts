import type { Crdt, CrdtType, Delta, ReplicaOptions } from './crdt.ts'

/** A replica of any type. */
export type AnyCrdt = Crdt<CrdtType, unknown>

/**
 * How a store makes its documents: the functions of their type, `{ create: createCart, decode: decodeCart }`.
 * A type with options of its own gets them here: `create: (o) => createLwwMap({ ...o, schema })`.
 */
export interface DocumentType<C extends AnyCrdt> {
  create(options: ReplicaOptions): C
  decode(bytes: Uint8Array, options: ReplicaOptions): C
}

/** Options of every call of a store. */
export interface CallOptions {
  /**
   * Gives up waiting. Before the write was sent: rejects with `signal.reason`, and nothing will be written. After: a
   * `StoreError` of unknown outcome, whose `delta` makes sure of it, and of the edits that shared the write.
   */
  readonly signal?: AbortSignal | undefined
}

/** Options of {@link DocumentStore.edit}. */
export interface EditOptions extends CallOptions {
  /**
   * Stores the whole state even if the edit added nothing to it: for edits that only make it smaller, as `forget` of a
   * retired replica and the garbage collection of a text do. Default `false`.
   */
  readonly rewrite?: boolean | undefined
}

/** What an edit did. */
export interface Edited<C extends AnyCrdt, R> {
  /** The document as it was stored, in a copy of the caller's own: editing it changes nothing in the store. */
  readonly document: C
  /** What the write added to the store: this edit, and others of the same moment. For devices that listen. */
  readonly delta: Delta
  /** What the edit returned. */
  readonly result: R
}

/**
 * Documents of one type by key, which any number of processes edit at once: no acknowledged edit gets lost.
 *
 * - An acknowledged edit is in every later `load`, for as long as the database keeps what it acknowledged, and the
 *   document is neither deleted nor expired.
 * - Edits of one store and key are stored in groups: those that come while a write is under way share the next one.
 * - The store edits under names of its own. It keeps count of what it wrote under which name, and takes a new name
 *   whenever what it finds does not hold all of that: the document expired and began anew, or a fail-over lost its
 *   end. So no two edits ever get the same event, which replicas elsewhere would take for one.
 *
 * Of a bounded counter, whose rights belong to names, a store is the place to `merge` and `load`: the replicas that count
 * are elsewhere and keep their names. To count in the store itself, take a PN-Counter, `replace`, and a check in `edit`.
 *
 * Keys are non-empty well-formed strings.
 */
export interface DocumentStore<C extends AnyCrdt> {
  /**
   * The newest document, an empty one if there is none, in a copy of the caller's own. It has a writer's name that
   * nobody else has: edit it if you like and `merge` it back.
   *
   * @throws StoreError if it cannot be read; DecodeError if what is there is not of this type.
   */
  load(key: string, options?: CallOptions): Promise<C>

  /**
   * Applies `change` to the document and stores it.
   *
   * @param change edits what it is given, and nothing else; it may throw to refuse, and nothing is stored. It may be
   * called again, on a newer state, when somebody else stored in between or when it threw because of an old one; what an
   * earlier call did was not stored then.
   * @throws what `change` throws; StoreBusyError if others were faster too many times; StoreError else.
   * @throws TypeError if `change` returns a promise: it must not wait.
   */
  edit<R>(key: string, change: (document: C) => R, options?: EditOptions): Promise<Edited<C, R>>

  /**
   * Takes in what a replica elsewhere has: a device that comes back, or the `delta` of a `StoreError`. Any number of
   * times; when it resolves, the stored document has all of it.
   *
   * @returns `result` is true if anything in it was new; in a store that appends, new to this process.
   * @throws DecodeError, TypeError, InvalidValueError, ClockDriftError as `merge` of the type: nothing was stored.
   */
  merge(
    key: string,
    source: Uint8Array | { readonly type: C['type']; encode(): Uint8Array },
    options?: CallOptions,
  ): Promise<Edited<C, boolean>>

  /**
   * Deletes the document. A replica elsewhere that has it brings it back when it merges: to empty a document that devices
   * know, edit it.
   *
   * @returns true if there was one.
   */
  delete(key: string, options?: CallOptions): Promise<boolean>
}

/** Time and waiting, as `Clock` of `@quorate/core` has them. */
export interface StoreClock {
  sleep(ms: number, options?: { readonly signal?: AbortSignal | undefined }): Promise<void>
}

/** Options of every store. */
export interface StoreOptions<C extends AnyCrdt> {
  /** What its documents are. */
  readonly type: DocumentType<C>
  /** Documents nobody has written for so long are deleted, ms from 1; every write starts anew. Default: kept for ever. */
  readonly ttlMs?: number | undefined
  /**
   * How many documents this process keeps a copy of, from 1; those used last stay. What it spares: sending the whole
   * state for each call. Default 1,000.
   */
  readonly maxCached?: number | undefined
  /** How often an edit may meet somebody else's write, from 1, before it is a StoreBusyError. Default 50. */
  readonly maxAttempts?: number | undefined
  /** Most calls that wait for one key, from 1; one more is a StoreBusyError. Default 10,000. */
  readonly maxWaiting?: number | undefined
  /**
   * How often a write of unknown outcome is looked after before the call fails, from 0: it is read back, and sent again
   * if it is not there. Default 2.
   */
  readonly maxRetries?: number | undefined
  /** How long one command of the database may take before its outcome counts as unknown, ms. Default 10,000. */
  readonly timeoutMs?: number | undefined
  /** For tests. Default: the machine's. */
  readonly clock?: StoreClock | undefined
  /** Makes the names of writers, and the pauses between attempts. Default: the machine's. */
  readonly random?: (() => number) | undefined
}
