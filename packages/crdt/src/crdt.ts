import type { VersionVector } from '@quorate/vector-clock'

/** The types of this package, as named in bytes and JSON. */
export type CrdtType =
  | 'or-set'
  | 'pn-counter'
  | 'cart'
  | 'g-counter'
  | 'bounded-counter'
  | 'lww-register'
  | 'mv-register'
  | 'ew-flag'
  | 'dw-flag'
  | 'g-set'
  | '2p-set'
  | 'rw-set'
  | 'lww-map'
  | 'or-map'
  | 'text'

/** What an edit or `deltaSince` gives: send it, store it, merge it; in any order, any number of times. */
export interface Delta<T extends CrdtType = CrdtType> {
  /** The type it belongs to. */
  readonly type: T
  /** True if it holds nothing: there is no need to send it. */
  readonly isEmpty: boolean
  /** One delta that holds both: to send a group of edits as one. Neither of the two changes. */
  merge(other: Delta<T>): Delta<T>
  /** Its bytes, for `merge` elsewhere. */
  encode(): Uint8Array<ArrayBuffer>
  /** The same for people. */
  toJSON(): unknown
}

/** Options of all `create…`, `decode…` and `…FromJSON` functions. */
export interface ReplicaOptions {
  /**
   * Name of the one writer that edits this copy: a device, a process. Non-empty, well-formed. Two
   * writers with one name lose edits.
   */
  readonly replica: string
}

/**
 * What all types have in common: a state that only grows, so that replicas which saw the same edits
 * are equal, whatever way the edits came.
 */
export interface Crdt<T extends CrdtType, Value> {
  readonly type: T
  /** The writer of this copy. */
  readonly replica: string
  /** What was seen with nothing missing before it: hand it to a peer's `deltaSince`. */
  readonly version: VersionVector
  /** True if something was seen before an earlier edit of the same replica. */
  readonly hasGaps: boolean
  /** What the application sees. */
  readonly value: Value
  /**
   * Takes in a replica, a delta, or the bytes of either.
   *
   * @returns true if anything in it was new: only then is there something to store or pass on.
   * @throws DecodeError for bytes that are not of this type; nothing was merged.
   * @throws TypeError for anything else, or an object of another type: it says what was given, and what to do.
   */
  merge(source: MergeSource<T>): boolean
  /** What a replica at this version lacks. */
  deltaSince(version: VersionVector): Delta<T>
  /** Bytes: equal states give equal bytes. The replica's name is not in them. */
  encode(): Uint8Array<ArrayBuffer>
  /** The state for people, and for the type's `…FromJSON`. */
  toJSON(): unknown
  /** A copy that changes on its own; with `replica`, for another writer. */
  clone(options?: Partial<ReplicaOptions>): Crdt<T, Value>
}

/** What `merge` takes: anything of this type that can be encoded, or the bytes. */
export type MergeSource<T extends CrdtType> = Uint8Array | { readonly type: T; encode(): Uint8Array }

/** A type, or the name of a class, in a message. Types that begin with l, m or r begin with initials, as in "an LWW". */
export const withArticle = (name: string): string => `${/^[elmorAEIO]/u.test(name) ? 'an' : 'a'} ${name}`

/** @throws TypeError if `source` is of another type, or cannot be encoded: it says what it is, and what to do. */
export function checkSource(type: CrdtType, source: { readonly type: CrdtType } | undefined): void {
  const given = (source ?? {}) as Readonly<Record<'type' | 'encode' | 0, unknown>>
  const { type: other, encode } = given
  const isCrdt = typeof encode === 'function' && typeof other === 'string'
  if (isCrdt && other === type) return
  let what: string = source === null ? 'null' : typeof source
  let advice = 'give a replica, a delta or bytes'
  // 'ArrayBuffer' of [object ArrayBuffer], also for one of another realm.
  if (what === 'object') what = isCrdt ? other : {}.toString.call(source).slice(8, -1)
  if (what === 'ArrayBuffer' || typeof given[0] === 'number') advice = 'wrap it in new Uint8Array(…)'
  if (given === source) what = withArticle(what)
  if (what === 'an Object' && other) [what, advice] = ['plain JSON', 'make it one with …FromJSON()']
  throw new TypeError(`Cannot merge ${what} into ${withArticle(type)}: ${advice}`)
}
