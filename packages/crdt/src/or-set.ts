import type { Delta, ReplicaOptions } from './crdt.ts'
import { Dotted, type Source } from './dotted.ts'
import { elementFormat } from './element-format.ts'
import { checkElement, type SetElement } from './element.ts'
import { decodeFragment, fragmentFromJSON } from './fragment-codec.ts'
import { IndexedDotStore } from './indexed-dot-store.ts'

/** An edit of a set, or several. */
export type OrSetDelta = Delta<'or-set'>

const FORMAT = /* @__PURE__ */ elementFormat({ type: 'or-set', tag: 1 })

/** A set in which adds win; see {@link createOrSet}. */
export class OrSet<E extends SetElement = SetElement>
  extends Dotted<'or-set', SetElement, undefined, ReadonlySet<E>>
  implements Iterable<E>
{
  /** @internal Use `createOrSet`, `decodeOrSet` or `orSetFromJSON`. */
  constructor(options: ReplicaOptions, source?: Source<SetElement, undefined> | OrSet<E>) {
    super(FORMAT, new IndexedDotStore(FORMAT), options)
    this.load(source)
  }

  /** The elements, as a set made anew on each call; `has`, `size` and iteration need none. */
  get value(): ReadonlySet<E> {
    return new Set(this)
  }

  /** Number of elements. */
  get size(): number {
    return this.store.entries.size
  }

  /** True if the element is in the set. */
  has(element: E): boolean {
    return this.store.entries.has(element)
  }

  /** The elements, in no order to rely on. */
  [Symbol.iterator](): IterableIterator<E> {
    return this.store.entries.keys() as IterableIterator<E>
  }

  /**
   * Adds an element; wins over removals that do not know of it.
   *
   * @throws TypeError for an ill-formed text or a number that is not finite.
   * @throws RangeError for a number past 2^53 − 1 (a `bigint` may be that large) or a `bigint` from 2^8192.
   */
  add(element: E): OrSetDelta {
    return this.delta(this.store.put(this.replica, checkElement(element), undefined, true))
  }

  /** Removes an element as far as this replica has seen it; an add made elsewhere meanwhile stays. */
  remove(element: E): OrSetDelta {
    return this.delta(this.store.remove(this.replica, [element]))
  }

  /** Removes all that this replica has seen, as one edit. */
  clear(): OrSetDelta {
    return this.delta(this.store.remove(this.replica, this.store.entries.keys()))
  }

  clone(options: Partial<ReplicaOptions> = {}): OrSet<E> {
    return new OrSet({ replica: options.replica ?? this.replica }, this)
  }
}

/**
 * An empty observed-remove set (Bieniusa et al. 2012): a removal takes away the adds it has seen, so
 * an add always wins over a removal that did not know of it. Removed elements leave no tombstones.
 *
 * @throws TypeError for an empty or ill-formed replica.
 *
 * @example
 * ```ts
 * const tags = createOrSet<string>({ replica: 'eu-1' })
 * const delta = tags.add('sale')
 * peer.merge(delta.encode())
 * ```
 */
export function createOrSet<E extends SetElement = string>(options: ReplicaOptions): OrSet<E> {
  return new OrSet<E>(options)
}

/**
 * The set that `encode()` wrote, to be edited as `options.replica`. The type of its elements is the
 * caller's word.
 *
 * @throws DecodeError on anything else.
 */
export function decodeOrSet<E extends SetElement = string>(
  bytes: Uint8Array,
  options: ReplicaOptions,
): OrSet<E> {
  return new OrSet<E>(options, decodeFragment(FORMAT, bytes))
}

/** The set that `toJSON()` made. @throws DecodeError on anything else. */
export function orSetFromJSON<E extends SetElement = string>(
  json: unknown,
  options: ReplicaOptions,
): OrSet<E> {
  return new OrSet<E>(options, fragmentFromJSON(FORMAT, json))
}
