// What the workloads ask of a library. One library is loaded in one process, so the calls through these interfaces
// have one target each and cost what a direct call costs.

/** A copy of some replicated data. */
export interface Copy {
  /** Runs edits as one transaction, where the library has them. */
  batch(edits: () => void): void
  /** The bytes to send for what was edited since the last call; made by a copy with `updates` only. */
  flush(): Uint8Array
  /** Merges what another copy's `flush` gave. */
  receive(update: Uint8Array): void
  /** Merges what another copy's `encode` gave. */
  mergeState(bytes: Uint8Array): void
  /** All of it, to be stored. */
  encode(): Uint8Array
}

/** A text, positions in UTF-16 units (the traces are ASCII). */
export interface TextCopy extends Copy {
  insert(index: number, text: string): void
  remove(index: number, count: number): void
  text(): string
}

/** A set of strings. */
export interface SetCopy extends Copy {
  add(key: string): void
  remove(key: string): void
  /** Removes all elements, in the cheapest way there is. */
  clear(): void
  size(): number
  has(key: string): boolean
  /** How many bytes this copy would send to one that is at `version()`, once it knows that version. */
  missing(version: unknown): number
  version(): unknown
}

/** A number that all may count up. */
export interface CounterCopy extends Copy {
  increment(): void
  value(): number
}

/** A map from strings to numbers in which the last write wins. */
export interface MapCopy extends Copy {
  set(key: string, value: number): void
  get(key: string): number | undefined
}

/** Quantities by SKU; concurrent adds add up. */
export interface CartCopy extends Copy {
  addItem(sku: string, quantity: number): void
  quantity(sku: string): number
}

/** How to make a copy. */
export interface Maker<C> {
  /**
   * An empty one.
   *
   * @param replica 1, 2, …: who edits it.
   * @param updates whether `flush` will be called; without it no update is made.
   */
  create(replica: number, updates: boolean): C
  /** One from what `encode` gave, ready to be read and edited. */
  load(bytes: Uint8Array, replica: number): C
}

/** What a library is made of; `floor` for what is none. */
export type PeerKind = 'floor' | 'javascript' | 'wasm'

/** A library, with what it has of each kind. */
export interface Peer {
  readonly text?: Maker<TextCopy>
  readonly set?: Maker<SetCopy>
  readonly counter?: Maker<CounterCopy>
  readonly map?: Maker<MapCopy>
  readonly cart?: Maker<CartCopy>
}
