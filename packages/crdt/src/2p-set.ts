import { addRemoveFormat, AddRemoveStore } from './add-remove.ts'
import type { Delta, ReplicaOptions } from './crdt.ts'
import { Dotted, type Source } from './dotted.ts'
import { decodeFragment, fragmentFromJSON } from './fragment-codec.ts'
import { checkElement, type SetElement } from './element.ts'
import type { Entry, Live } from './fragment.ts'
import { checkStay } from './stay.ts'

/** An edit of a set, or several. */
export type TwoPhaseSetDelta = Delta<'2p-set'>

const FORMAT = /* @__PURE__ */ addRemoveFormat({ type: '2p-set', tag: 11 })

/** A set in which what was removed never comes back; see {@link createTwoPhaseSet}. */
export class TwoPhaseSet<E extends SetElement = SetElement>
  extends Dotted<'2p-set', SetElement, boolean, ReadonlySet<E>>
  implements Iterable<E>
{
  declare protected readonly store: AddRemoveStore

  /** @internal Use `createTwoPhaseSet`, `decodeTwoPhaseSet` or `twoPhaseSetFromJSON`. */
  constructor(options: ReplicaOptions, source?: Source<SetElement, boolean> | TwoPhaseSet<E>) {
    super(FORMAT, new AddRemoveStore(FORMAT), options)
    this.load(source)
  }

  /** The elements, as a set made anew on each call; `has`, `size` and iteration need none. */
  get value(): ReadonlySet<E> {
    return new Set(this)
  }

  /** Number of elements. */
  get size(): number {
    return this.store.present
  }

  /** True if the element is in the set. */
  has(element: E): boolean {
    return this.store.isPresent(element)
  }

  /** True if the element was removed, by anybody: it cannot be added any more. */
  wasRemoved(element: E): boolean {
    return this.store.removals.has(element)
  }

  /** The elements, in no order to rely on. */
  *[Symbol.iterator](): IterableIterator<E> {
    for (const element of this.store.entries.keys()) if (this.store.isPresent(element)) yield element as E
  }

  /**
   * Adds an element. The delta is empty if this replica has it, or knows that it was removed: then it stays so.
   *
   * @throws TypeError for an ill-formed text or a number that is not finite.
   * @throws RangeError for a number past 2^53 − 1 (a `bigint` may be that large) or a `bigint` from 2^8192.
   */
  add(element: E): TwoPhaseSetDelta {
    const key = checkElement(element)
    const puts = this.store.entries.has(key) ? [] : [{ key, payload: true }]
    return this.delta(this.store.edit(this.replica, [], puts))
  }

  /**
   * Removes an element for good, on all replicas: adds made elsewhere meanwhile lose. The delta is empty if it is not
   * in the set.
   */
  remove(element: E): TwoPhaseSetDelta {
    if (!this.has(element)) return this.delta(this.store.edit(this.replica, [], []))
    return this.delta(this.store.put(this.replica, checkElement(element), false, true))
  }

  clone(options: Partial<ReplicaOptions> = {}): TwoPhaseSet<E> {
    return new TwoPhaseSet({ replica: options.replica ?? this.replica }, this)
  }

  protected override admit(
    news: readonly Entry<SetElement, boolean>[],
    removed: readonly Live<SetElement, boolean>[],
  ): void {
    checkStay(this.type, this.store, news, removed)
  }
}

/**
 * An empty two-phase set (Shapiro et al. 2011, section 3.3.2): an element can be added, then removed, and then never
 * added again. That is its meaning, and its cost: one entry for each element that was ever there, for ever. For ids
 * that are used up: one-time codes, jobs that are done. Where elements may come back use an OR-Set; where a removal
 * must win but not for ever, a remove-wins set.
 *
 * @throws TypeError for an empty or ill-formed replica.
 *
 * @example
 * ```ts
 * const codes = createTwoPhaseSet<string>({ replica: 'eu-1' })
 * peer.merge(codes.add('A1').encode())
 * const delta = codes.remove('A1') // used
 * ```
 */
export function createTwoPhaseSet<E extends SetElement = string>(options: ReplicaOptions): TwoPhaseSet<E> {
  return new TwoPhaseSet<E>(options)
}

/**
 * The set that `encode()` wrote, to be edited as `options.replica`. The type of its elements is the
 * caller's word.
 *
 * @throws DecodeError on anything else.
 */
export function decodeTwoPhaseSet<E extends SetElement = string>(
  bytes: Uint8Array,
  options: ReplicaOptions,
): TwoPhaseSet<E> {
  return new TwoPhaseSet<E>(options, decodeFragment(FORMAT, bytes))
}

/** The set that `toJSON()` made. @throws DecodeError on anything else. */
export function twoPhaseSetFromJSON<E extends SetElement = string>(
  json: unknown,
  options: ReplicaOptions,
): TwoPhaseSet<E> {
  return new TwoPhaseSet<E>(options, fragmentFromJSON(FORMAT, json))
}
