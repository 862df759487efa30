import type { Delta, ReplicaOptions } from './crdt.ts'
import type { Live } from './dot-store.ts'
import { Dotted } from './dotted.ts'
import {
  checkElement,
  elementFromJSON,
  elementToJSON,
  isElement,
  readElement,
  type SetElement,
  writeElement,
} from './element.ts'
import type { FragmentFormat } from './fragment-codec.ts'
import { IndexedDotStore } from './indexed-dot-store.ts'

/** An edit of a set, or several. */
export type TwoPhaseSetDelta = Delta<'2p-set'>

// The payload of an entry: true if it adds the element, false if it removes it for good.
const FORMAT: FragmentFormat<'2p-set', SetElement, boolean> = {
  type: '2p-set',
  writeKey: writeElement,
  readKey: readElement,
  isKey: isElement,
  writePayload: (writer, adds) => writer.byte(adds ? 1 : 0),
  readPayload: (reader) => {
    const byte = reader.byte()
    if (byte > 1) reader.fail('an entry neither adds nor removes')
    return byte === 1
  },
  isPayload: (payload) => typeof payload === 'boolean',
  samePayload: (a, b) => a === b,
  toJSON: (element, adds) => ({ element: elementToJSON(element), adds }),
  fromJSON: ({ element, adds }) => ({ key: elementFromJSON(element), payload: adds }),
}

/** Knows which elements are removed: those with an entry that says so. */
class TwoPhaseStore extends IndexedDotStore<SetElement, boolean> {
  /** How many such entries an element has. */
  readonly removals: Map<SetElement, number> = new Map()

  protected override insert(
    element: SetElement,
    node: string,
    counter: number,
    adds: boolean,
  ): Live<SetElement, boolean> {
    if (!adds) this.removals.set(element, (this.removals.get(element) ?? 0) + 1)
    return super.insert(element, node, counter, adds)
  }

  protected override unlink(entry: Live<SetElement, boolean>): void {
    super.unlink(entry)
    if (entry.payload) return
    const left = (this.removals.get(entry.key) ?? 0) - 1
    if (left > 0) this.removals.set(entry.key, left)
    else this.removals.delete(entry.key)
  }
}

/** A set in which what was removed never comes back; see {@link createTwoPhaseSet}. */
export class TwoPhaseSet<E extends SetElement = SetElement>
  extends Dotted<'2p-set', SetElement, boolean, ReadonlySet<E>>
  implements Iterable<E>
{
  declare protected readonly store: TwoPhaseStore

  /** @internal Use `createTwoPhaseSet`, `decodeTwoPhaseSet` or `twoPhaseSetFromJSON`. */
  constructor(options: ReplicaOptions, source?: Uint8Array | TwoPhaseSet<E> | { readonly json: unknown }) {
    super(FORMAT, new TwoPhaseStore(FORMAT), options)
    if (source instanceof Uint8Array) this.merge(source)
    else if (source instanceof TwoPhaseSet) this.mergeAll(source)
    else if (source !== undefined) this.mergeJSON(source.json)
  }

  /** The elements, as a set made anew on each call; `has`, `size` and iteration need none. */
  get value(): ReadonlySet<E> {
    return new Set(this)
  }

  /** Number of elements. */
  get size(): number {
    return this.store.entries.size - this.store.removals.size
  }

  /** True if the element is in the set. */
  has(element: E): boolean {
    return this.store.entries.has(element) && !this.wasRemoved(element)
  }

  /** True if the element was removed, by anybody: it cannot be added any more. */
  wasRemoved(element: E): boolean {
    return this.store.removals.has(element)
  }

  /** The elements, in no order to rely on. */
  *[Symbol.iterator](): IterableIterator<E> {
    for (const element of this.store.entries.keys()) if (!this.store.removals.has(element)) yield element as E
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
  return new TwoPhaseSet<E>(options, bytes)
}

/** The set that `toJSON()` made. @throws DecodeError on anything else. */
export function twoPhaseSetFromJSON<E extends SetElement = string>(
  json: unknown,
  options: ReplicaOptions,
): TwoPhaseSet<E> {
  return new TwoPhaseSet<E>(options, { json })
}
