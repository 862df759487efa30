import type { Delta, ReplicaOptions } from './crdt.ts'
import { Dotted, type Source } from './dotted.ts'
import { elementFormat } from './element-format.ts'
import { checkElement, type SetElement } from './element.ts'
import type { Entry, Live } from './fragment.ts'
import { decodeFragment, fragmentFromJSON } from './fragment-codec.ts'
import { IndexedDotStore } from './indexed-dot-store.ts'
import { checkStay } from './stay.ts'

/** An edit of a set, or several. */
export type GSetDelta = Delta<'g-set'>

const FORMAT = /* @__PURE__ */ elementFormat({ type: 'g-set', tag: 10 })

/** A set that only grows; see {@link createGSet}. */
export class GSet<E extends SetElement = SetElement>
  extends Dotted<'g-set', SetElement, undefined, ReadonlySet<E>>
  implements Iterable<E>
{
  /** @internal Use `createGSet`, `decodeGSet` or `gSetFromJSON`. */
  constructor(options: ReplicaOptions, source?: Source<SetElement, undefined> | GSet<E>) {
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
   * Adds an element, for good. The delta is empty if this replica has it.
   *
   * @throws TypeError for an ill-formed text or a number that is not finite.
   * @throws RangeError for a number past 2^53 − 1 (a `bigint` may be that large) or a `bigint` from 2^8192.
   */
  add(element: E): GSetDelta {
    const key = checkElement(element)
    const puts = this.store.entries.has(key) ? [] : [{ key, payload: undefined }]
    return this.delta(this.store.edit(this.replica, [], puts))
  }

  clone(options: Partial<ReplicaOptions> = {}): GSet<E> {
    return new GSet({ replica: options.replica ?? this.replica }, this)
  }

  protected override admit(
    news: readonly Entry<SetElement, undefined>[],
    removed: readonly Live<SetElement, undefined>[],
  ): void {
    checkStay(this.type, this.store, news, removed)
  }
}

/**
 * An empty grow-only set (Shapiro et al. 2011, section 3.3.1): what was added stays. For what never goes away: ids
 * that were seen, votes, members of a log. An element is written once for each replica that added it before it had
 * heard of the others.
 *
 * @throws TypeError for an empty or ill-formed replica.
 *
 * @example
 * ```ts
 * const seen = createGSet<string>({ replica: 'eu-1' })
 * const delta = seen.add('order-17')
 * peer.merge(delta.encode())
 * ```
 */
export function createGSet<E extends SetElement = string>(options: ReplicaOptions): GSet<E> {
  return new GSet<E>(options)
}

/**
 * The set that `encode()` wrote, to be edited as `options.replica`. The type of its elements is the
 * caller's word.
 *
 * @throws DecodeError on anything else.
 */
export function decodeGSet<E extends SetElement = string>(
  bytes: Uint8Array,
  options: ReplicaOptions,
): GSet<E> {
  return new GSet<E>(options, decodeFragment(FORMAT, bytes))
}

/** The set that `toJSON()` made. @throws DecodeError on anything else. */
export function gSetFromJSON<E extends SetElement = string>(json: unknown, options: ReplicaOptions): GSet<E> {
  return new GSet<E>(options, fragmentFromJSON(FORMAT, json))
}
