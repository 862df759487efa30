import type { VersionVector } from '@quorate/vector-clock'
import {
  checkSource,
  type Crdt,
  type CrdtType,
  type Delta,
  type MergeSource,
  type ReplicaOptions,
} from './crdt.ts'
import type { DotStore } from './dot-store.ts'
import { checkReplica, checkVersion } from './format.ts'
import type { Entry, Fragment, Key } from './fragment.ts'
import {
  decodeFragment,
  encodeFragment,
  type FragmentFormat,
  fragmentFromJSON,
  type FragmentJson,
  fragmentToJSON,
} from './fragment-codec.ts'

/** The delta of a type made of dotted entries. Made by edits and `deltaSince`. */
export class DottedDelta<T extends CrdtType, K extends Key, P> implements Delta<T> {
  readonly #format: FragmentFormat<T, K, P>
  readonly #fragment: Fragment<K, P>

  constructor(format: FragmentFormat<T, K, P>, fragment: Fragment<K, P>) {
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
  static read<K extends Key, P>(source: object): Fragment<K, P> | undefined {
    return #fragment in source
      ? (source.#fragment as Fragment<unknown, unknown> as Fragment<K, P>)
      : undefined
  }
}

/** What all types of dotted entries share: everything but their edits and values. */
export abstract class Dotted<T extends CrdtType, K extends Key, P, Value> implements Crdt<T, Value> {
  readonly type: T
  readonly replica: string
  abstract readonly value: Value
  readonly #format: FragmentFormat<T, K, P>
  protected readonly store: DotStore<K, P>

  protected constructor(format: FragmentFormat<T, K, P>, store: DotStore<K, P>, options: ReplicaOptions) {
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
    return this.#join(source instanceof Uint8Array ? this.#decode(source) : this.#read(source))
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

  abstract clone(options?: Partial<ReplicaOptions>): Dotted<T, K, P, Value>

  /** Takes in what `toJSON()` made. @throws DecodeError on anything else. */
  protected mergeJSON(json: unknown): this {
    this.#join(fragmentFromJSON(this.#format, json))
    return this
  }

  /** Takes in all that another of this type holds. */
  protected mergeAll(source: Dotted<T, K, P, Value>): this {
    this.store.join(source.store.fragment())
    return this
  }

  /**
   * Is shown the entries that a merge would add, before anything changes, and throws to refuse the whole:
   * the place for schemas and stamps.
   */
  protected admit(_news: readonly Entry<K, P>[]): void {}

  protected delta(fragment: Fragment<K, P>): Delta<T> {
    return new DottedDelta(this.#format, fragment)
  }

  #join(fragment: Fragment<K, P>): boolean {
    return this.store.join(fragment, (news) => this.admit(news))
  }

  #decode(bytes: Uint8Array): Fragment<K, P> {
    return decodeFragment(this.#format, bytes)
  }

  #read(source: Exclude<MergeSource<T>, Uint8Array>): Fragment<K, P> {
    checkSource(this.type, source)
    if (#format in source) return source.store.fragment()
    return DottedDelta.read<K, P>(source) ?? this.#decode(source.encode())
  }
}
