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
import { type Entry, type Fragment, group, type Key, type Live } from './fragment.ts'
import {
  decodeFragment,
  encodeFragment,
  type FragmentFormat,
  type FragmentJson,
  fragmentToJSON,
} from './fragment-codec.ts'

/** The delta of a type made of dotted entries. Made by edits and `deltaSince`. */
export class DottedDelta<T extends CrdtType, K extends Key, P> implements Delta<T> {
  readonly #format: FragmentFormat<T, K, P>
  /** All that it holds; of a group, once somebody has asked. */
  #whole: Fragment<K, P> | undefined
  /** What a group is made of. Groups made one from another share the list, of which each is the first so many. */
  readonly #parts: Fragment<K, P>[] | undefined
  readonly #count: number

  constructor(format: FragmentFormat<T, K, P>, whole: Fragment<K, P> | undefined, parts?: Fragment<K, P>[]) {
    this.#format = format
    this.#whole = whole
    this.#parts = parts
    this.#count = parts?.length ?? 1
  }

  get type(): T {
    return this.#format.type
  }

  get isEmpty(): boolean {
    return this.#fragment.context.size === 0
  }

  merge(other: Delta<T>): Delta<T> {
    checkSource(this.type, other)
    const parts = this.#parts ?? [this.#fragment]
    const mine = parts.length === this.#count ? parts : parts.slice(0, this.#count)
    // One after the other, and no copy: a group of many, made one by one, costs no more than their number.
    if (!(#parts in other)) mine.push(decodeFragment(this.#format, other.encode()))
    else if (other.#parts === undefined) mine.push(other.#fragment)
    else for (let i = 0; i < other.#count; i++) mine.push(other.#parts[i] as Fragment<K, P>)
    return new DottedDelta(this.#format, undefined, mine)
  }

  encode(): Uint8Array<ArrayBuffer> {
    return encodeFragment(this.#format, this.#fragment)
  }

  toJSON(): FragmentJson<T> {
    return fragmentToJSON(this.#format, this.#fragment)
  }

  /** The content of a delta made by this copy of the package; of others there are the bytes. */
  static read<K extends Key, P>(source: object): Fragment<K, P> | undefined {
    return #parts in source ? (source.#fragment as Fragment<unknown, unknown> as Fragment<K, P>) : undefined
  }

  get #fragment(): Fragment<K, P> {
    return (this.#whole ??= group(this.#format, this.#parts?.slice(0, this.#count) ?? []))
  }
}

/** What a type may be made from, beside another of its kind. */
export type Source<K, P> = Fragment<K, P> | undefined

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
    const isBytes = source instanceof Uint8Array
    return this.#join(isBytes ? this.#decode(source) : this.#read(source), isBytes)
  }

  deltaSince(version: VersionVector): Delta<T> {
    checkVersion(version)
    return this.delta(this.store.since(version))
  }

  /**
   * Takes over, under the name of this replica, all that a writer has left which is gone for good: so that its
   * name can be forgotten. Do it on one replica, after its last edits have come there; two that do it each have
   * what it left, and quantities count twice. Where the last write wins, two of the very same stamp are settled by the
   * name of their writer, and so anew.
   *
   * @throws TypeError for an empty or ill-formed name, or that of this replica.
   */
  retire(gone: string): Delta<T> {
    this.#checkGone(gone)
    return this.delta(this.store.retire(this.replica, gone))
  }

  /**
   * Drops the name of a writer of which nothing is left from the state, and so from its bytes. Call it on every
   * replica with the same `stable`, and again as `stable` grows, until each says true. States and deltas from before,
   * in a queue or a backup, must not come after: they would bring it back.
   *
   * @param stable a version that all replicas have reached: of each counter the least of all their versions.
   * @returns true if the name is gone; false if something is left of it, or all have not yet seen that nothing is.
   * @throws TypeError for an empty or ill-formed name, that of this replica, or if `stable` is not a version.
   */
  forget(gone: string, stable: VersionVector): boolean {
    this.#checkGone(gone)
    checkVersion(stable)
    return this.store.forget(gone, stable)
  }

  encode(): Uint8Array<ArrayBuffer> {
    return encodeFragment(this.#format, this.store.fragment())
  }

  toJSON(): FragmentJson<T> {
    return fragmentToJSON(this.#format, this.store.fragment())
  }

  abstract clone(options?: Partial<ReplicaOptions>): Dotted<T, K, P, Value>

  /** Begins with what there is: another of this type, or what was read from bytes or JSON. */
  protected load(source: Source<K, P> | Dotted<T, K, P, Value>): void {
    if (source === undefined) return
    if (#format in source) this.store.copy(source.store)
    else this.#join(source, true)
  }

  /**
   * Is shown the entries that a merge would add and take away, before anything changes, and throws to refuse the
   * whole: the place for schemas, stamps, and what never goes.
   */
  protected admit(_news: readonly Entry<K, P>[], _removed: readonly Live<K, P>[]): void {}

  protected delta(fragment: Fragment<K, P>): Delta<T> {
    return new DottedDelta(this.#format, fragment)
  }

  #checkGone(gone: string): void {
    if (checkReplica({ replica: gone }) !== this.replica) return
    throw new TypeError(`Cannot retire ${this.replica}: this copy writes as it; do it on another replica`)
  }

  #join(fragment: Fragment<K, P>, isOurs: boolean): boolean {
    return this.store.join(fragment, (news, removed) => this.admit(news, removed), this.replica, isOurs)
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
