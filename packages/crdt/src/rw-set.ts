import type { VersionVector } from '@quorate/vector-clock'
import { addRemoveFormat, AddRemoveStore } from './add-remove.ts'
import type { Delta, ReplicaOptions } from './crdt.ts'
import { Dotted, type Source } from './dotted.ts'
import { decodeFragment, fragmentFromJSON } from './fragment-codec.ts'
import { checkElement, type SetElement } from './element.ts'
import { checkVersion } from './format.ts'
import type { Live } from './fragment.ts'

/** An edit of a set, or several. */
export type RwSetDelta = Delta<'rw-set'>

const FORMAT = /* @__PURE__ */ addRemoveFormat({ type: 'rw-set', tag: 12 })

/** A set in which removals win; see {@link createRwSet}. */
export class RwSet<E extends SetElement = SetElement>
  extends Dotted<'rw-set', SetElement, boolean, ReadonlySet<E>>
  implements Iterable<E>
{
  declare protected readonly store: AddRemoveStore

  /** @internal Use `createRwSet`, `decodeRwSet` or `rwSetFromJSON`. */
  constructor(options: ReplicaOptions, source?: Source<SetElement, boolean> | RwSet<E>) {
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

  /** Number of removals that are kept, as an add may be under way that did not know of them; see {@link compact}. */
  get removals(): number {
    return this.store.removals.size
  }

  /** True if the element is in the set. */
  has(element: E): boolean {
    return this.store.isPresent(element)
  }

  /** The elements, in no order to rely on. */
  *[Symbol.iterator](): IterableIterator<E> {
    for (const element of this.store.entries.keys()) if (this.store.isPresent(element)) yield element as E
  }

  /**
   * Adds an element, and takes back the removals that this replica has seen. A removal that does not know of it wins.
   *
   * @throws TypeError for an ill-formed text or a number that is not finite.
   * @throws RangeError for a number past 2^53 − 1 (a `bigint` may be that large) or a `bigint` from 2^8192.
   */
  add(element: E): RwSetDelta {
    return this.delta(this.store.put(this.replica, checkElement(element), true, true))
  }

  /**
   * Removes an element, whether this replica has it or not: an add made elsewhere meanwhile is lost. As
   * {@link add} else.
   */
  remove(element: E): RwSetDelta {
    return this.delta(this.store.put(this.replica, checkElement(element), false, true))
  }

  /** Removes all that this replica sees, as one edit. */
  clear(): RwSetDelta {
    const elements = [...this]
    return this.delta(
      this.store.edit(
        this.replica,
        elements.flatMap((element) => this.store.list(element)),
        elements.map((key) => ({ key, payload: false })),
      ),
    )
  }

  /**
   * Drops the removals that no add can be concurrent with any more, as an edit: a removal is kept, as an add may
   * be under way that did not know of it and must lose. One that all replicas have seen, and of which this one
   * has all adds they made before, has done its work. One who has not yet
   * heard of the compaction still has the removal, and hides an add that followed until the compaction comes.
   *
   * @param versions of all replicas that may edit, each as that replica told it. A replica left out whose add is
   *   still under way may see it win.
   * @returns the edit; empty if there is nothing to drop yet.
   * @throws TypeError if one of them is not a version.
   */
  compact(versions: Iterable<VersionVector>): RwSetDelta {
    const all = [...versions]
    for (const version of all) checkVersion(version)
    // What a replica made before it told its version has come here: so has each add made before it saw a removal.
    const here = this.version
    if (!all.every((version) => here.dominates(version)))
      return this.delta(this.store.edit(this.replica, [], []))
    const seenByAll = (entry: Live<SetElement, boolean>): boolean =>
      all.every((version) => version.includes(entry))
    const lists = [...this.store.entries.keys()]
      .filter((element) => !this.store.isPresent(element))
      .map((element) => this.store.list(element))
      .filter((list) => list.every((entry) => entry.payload || seenByAll(entry)))
    return this.delta(this.store.edit(this.replica, lists.flat(), []))
  }

  clone(options: Partial<ReplicaOptions> = {}): RwSet<E> {
    return new RwSet({ replica: options.replica ?? this.replica }, this)
  }
}

/**
 * An empty remove-wins set (Shapiro et al. 2011; as a map of dots, Baquero, Almeida, Shoker 2017): of an add and a
 * removal of one element that did not know of each other, the removal wins, as for a block list or a consent that
 * was taken back. So removals must be remembered: one entry for each element that was removed and not added
 * again, until {@link RwSet.compact}.
 *
 * @throws TypeError for an empty or ill-formed replica.
 *
 * @example
 * ```ts
 * const admins = createRwSet<string>({ replica: 'eu-1' })
 * const delta = admins.remove('mallory')
 * peer.merge(delta.encode()) // also if the peer has just added mallory
 * ```
 */
export function createRwSet<E extends SetElement = string>(options: ReplicaOptions): RwSet<E> {
  return new RwSet<E>(options)
}

/**
 * The set that `encode()` wrote, to be edited as `options.replica`. The type of its elements is the
 * caller's word.
 *
 * @throws DecodeError on anything else.
 */
export function decodeRwSet<E extends SetElement = string>(
  bytes: Uint8Array,
  options: ReplicaOptions,
): RwSet<E> {
  return new RwSet<E>(options, decodeFragment(FORMAT, bytes))
}

/** The set that `toJSON()` made. @throws DecodeError on anything else. */
export function rwSetFromJSON<E extends SetElement = string>(
  json: unknown,
  options: ReplicaOptions,
): RwSet<E> {
  return new RwSet<E>(options, fragmentFromJSON(FORMAT, json))
}
