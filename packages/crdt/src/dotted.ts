import type { VersionVector } from '@quorate/vector-clock'
import {
  checkSource,
  type Crdt,
  type CrdtType,
  type Delta,
  type MergeSource,
  type ReplicaOptions,
} from './crdt.ts'
import type { DotStore, Fragment } from './dot-store.ts'
import { checkReplica, checkVersion } from './format.ts'
import {
  decodeFragment,
  encodeFragment,
  type FragmentFormat,
  fragmentFromJSON,
  type FragmentJson,
  fragmentToJSON,
} from './fragment-codec.ts'

/** The delta of a type made of dotted entries. Made by edits and `deltaSince`. */
export class DottedDelta<T extends CrdtType, K extends string | number> implements Delta<T> {
  readonly #format: FragmentFormat<T, K>
  readonly #fragment: Fragment<K>

  constructor(format: FragmentFormat<T, K>, fragment: Fragment<K>) {
    this.#format = format
    this.#fragment = fragment
  }

  get type(): T {
    return this.#format.type
  }

  get isEmpty(): boolean {
    return this.#fragment.context.size === 0
  }

  encode(): Uint8Array {
    return encodeFragment(this.#format, this.#fragment)
  }

  toJSON(): FragmentJson<T> {
    return fragmentToJSON(this.#format, this.#fragment)
  }

  /** The content of a delta made by this copy of the package; of others there are the bytes. */
  static read<K>(source: object): Fragment<K> | undefined {
    return #fragment in source ? (source.#fragment as Fragment<unknown> as Fragment<K>) : undefined
  }
}

/** What cart and set share: everything but their edits and values. */
export abstract class Dotted<T extends CrdtType, K extends string | number, Value> implements Crdt<T, Value> {
  readonly type: T
  readonly replica: string
  abstract readonly value: Value
  readonly #format: FragmentFormat<T, K>
  protected readonly store: DotStore<K>

  protected constructor(format: FragmentFormat<T, K>, store: DotStore<K>, options: ReplicaOptions) {
    this.replica = checkReplica(options)
    this.type = format.type
    this.#format = format
    this.store = store
  }

  get version(): VersionVector {
    return this.store.context.vector
  }

  get hasGaps(): boolean {
    return this.store.context.hasGaps
  }

  merge(source: MergeSource<T>): boolean {
    return this.store.join(source instanceof Uint8Array ? this.#decode(source) : this.#read(source))
  }

  deltaSince(version: VersionVector): Delta<T> {
    checkVersion(version)
    return this.delta(this.store.since(version))
  }

  encode(): Uint8Array {
    return encodeFragment(this.#format, this.store.fragment())
  }

  toJSON(): FragmentJson<T> {
    return fragmentToJSON(this.#format, this.store.fragment())
  }

  abstract clone(options?: Partial<ReplicaOptions>): Dotted<T, K, Value>

  /** Takes in what `toJSON()` made. @throws DecodeError on anything else. */
  protected mergeJSON(json: unknown): this {
    this.store.join(fragmentFromJSON(this.#format, json))
    return this
  }

  /** Takes in all that another of this type holds. */
  protected mergeAll(source: Dotted<T, K, Value>): this {
    this.store.join(source.store.fragment())
    return this
  }

  protected delta(fragment: Fragment<K>): Delta<T> {
    return new DottedDelta(this.#format, fragment)
  }

  #decode(bytes: Uint8Array): Fragment<K> {
    return decodeFragment(this.#format, bytes)
  }

  #read(source: Exclude<MergeSource<T>, Uint8Array>): Fragment<K> {
    checkSource(this.type, source)
    if (#format in source) return source.store.fragment()
    return DottedDelta.read<K>(source) ?? this.#decode(source.encode())
  }
}
