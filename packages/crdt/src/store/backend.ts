/** A place in the history of a stored document: a text of the backend, never equal for two histories. */
export type Position = string

/** A document as the backend has it. */
export interface Stored {
  readonly position: Position
  /** True: all of it. False: what is new since the position that was asked about. */
  readonly isWhole: boolean
  /** States and deltas; together they are the document. */
  readonly parts: readonly Uint8Array[]
  /** It has become long, and `compact` should make one part of it. */
  readonly isLong: boolean
}

/** What to write. */
export interface Change {
  /**
   * - `replace`: `bytes` are the whole state; only if the document stands at `base`.
   * - `append`: `bytes` are a delta; only if the history of the document goes through `base`.
   */
  readonly mode: 'replace' | 'append'
  /** `undefined`: there must be no document. */
  readonly base: Position | undefined
  /** Becomes part of the new position: 16 letters or digits, never used before. */
  readonly tag: string
  readonly bytes: Uint8Array
  /** `undefined`: the document does not expire. */
  readonly ttlMs: number | undefined
}

/** The answer to a change. */
export interface Committed {
  readonly isWritten: boolean
  /**
   * If written: what others wrote since `base`, without the change itself, and the new position. If not: the whole
   * document, `undefined` if there is none.
   */
  readonly stored: Stored | undefined
}

/** Options of a read. */
export interface ReadOptions {
  /** True: what is answered must be as durable as what `commit` acknowledges. */
  readonly isDurable: boolean
}

/**
 * Where the bytes of documents live: the port of `documentStore`. Every method is one atomic step. It rejects with a
 * {@link BackendError} if it knows that nothing was written; after anything else it throws, the outcome is unknown.
 */
export interface Backend {
  /** True if `commit` can append. */
  readonly canAppend: boolean
  /** The document; if its history goes through `have`, only what is new since then. */
  read(key: string, have: Position | undefined, options: ReadOptions): Promise<Stored | undefined>
  /** Must refuse what is not at its base, also when it arrives late or twice. (A second append of a delta does no harm.) */
  commit(key: string, change: Change): Promise<Committed>
  /** Puts one state in place of all parts up to a position; does nothing if the history does not go through it. */
  compact?(key: string, at: Position, state: Uint8Array): Promise<void>
  /** True if there was one. */
  remove(key: string): Promise<boolean>
}

/** Thrown by backends that know what became of a write. The store makes a `StoreError` of it. */
export class BackendError extends Error {
  readonly outcome: 'not-applied' | 'unknown'
  /** True: reading back would not tell more, so the call fails at once. */
  readonly isFinal: boolean

  constructor(outcome: 'not-applied' | 'unknown', cause: unknown, isFinal = false) {
    super(cause instanceof Error ? cause.message : String(cause), { cause })
    this.name = 'BackendError'
    this.outcome = outcome
    this.isFinal = isFinal
  }
}
