import type { HlcTimestamp } from '@quorate/vector-clock'
import type { Delta, ReplicaOptions } from './crdt.ts'
import { Dotted, type Source } from './dotted.ts'
import { isWellFormed } from './format.ts'
import { decodeFragment, type FragmentFormat, fragmentFromJSON } from './fragment-codec.ts'
import type { Entry } from './fragment.ts'
import { IndexedDotStore } from './indexed-dot-store.ts'
import { checkIsSchema, checkValue, type StandardSchema, type ValueOptions } from './schema.ts'
import {
  isStamped,
  readStamped,
  sameStamped,
  type Stamped,
  stampedFromJSON,
  stampedToJSON,
  stampOf,
  type StampOptions,
  Stamper,
  winnerOf,
  writeStamped,
} from './stamped.ts'
import { type CrdtValue, type Frozen, handOut, type Storable } from './value.ts'
import { ownValue } from './value-intake.ts'

/** Options of {@link createLwwMap}, `decodeLwwMap` and `lwwMapFromJSON`. */
export interface LwwMapOptions<V = CrdtValue> extends ReplicaOptions, StampOptions, ValueOptions<V> {}

/** An edit of a map, or several. */
export type LwwMapDelta = Delta<'lww-map'>

const FORMAT: FragmentFormat<'lww-map', string, Stamped> = {
  type: 'lww-map',
  tag: 13,
  writeKey: (writer, key) => writer.text(key),
  readKey: (reader) => reader.text(),
  isKey: isWellFormed,
  writePayload: (writer, payload, _key, previous) => writeStamped(writer, payload, previous?.payload.ms),
  readPayload: (reader, _key, previous) => readStamped(reader, previous?.payload.ms),
  isPayload: isStamped,
  samePayload: sameStamped,
  toJSON: (key, payload) => ({ key, ...stampedToJSON(payload) }),
  fromJSON: (json) => ({ key: json['key'], payload: stampedFromJSON(json) }),
}

/** Values by key, of each of which the last write stays; see {@link createLwwMap}. */
export class LwwMap<V = CrdtValue>
  extends Dotted<'lww-map', string, Stamped, ReadonlyMap<string, Frozen<V>>>
  implements Iterable<readonly [key: string, value: Frozen<V>]>
{
  readonly #schema: StandardSchema<V> | undefined
  readonly #stamper: Stamper

  /** @internal Use `createLwwMap`, `decodeLwwMap` or `lwwMapFromJSON`. */
  constructor(options: LwwMapOptions<V>, source?: Source<string, Stamped> | LwwMap<V>) {
    super(FORMAT, new IndexedDotStore(FORMAT), options)
    const { schema, replica } = options
    checkIsSchema(schema)
    this.#schema = schema
    this.#stamper = source instanceof LwwMap ? source.#stamper.fork(replica) : new Stamper(replica, options)
    this.load(source)
  }

  /** Value by key, made anew on each call; `get`, `size` and iteration need none. */
  get value(): ReadonlyMap<string, Frozen<V>> {
    return new Map(this)
  }

  /** Number of keys. */
  get size(): number {
    return this.store.entries.size
  }

  /** True if the key is in the map. */
  has(key: string): boolean {
    return this.store.entries.has(key)
  }

  /** The value of a key, frozen; `undefined` if it is not in the map. */
  get(key: string): Frozen<V> | undefined {
    const winner = winnerOf(this.store.entries.get(key))
    return winner && (handOut(winner.payload.value) as Frozen<V>)
  }

  /** When the value of a key was set, and by which replica; `undefined` if it is not in the map. */
  stamp(key: string): HlcTimestamp | undefined {
    const winner = winnerOf(this.store.entries.get(key))
    return winner && stampOf(winner)
  }

  /** The keys, in no order to rely on. */
  keys(): IterableIterator<string> {
    return this.store.entries.keys()
  }

  /** Keys and values, in no order to rely on. */
  *[Symbol.iterator](): IterableIterator<readonly [key: string, value: Frozen<V>]> {
    for (const [key, head] of this.store.entries) {
      const { payload } = winnerOf(head) as Entry<string, Stamped>
      yield [key, handOut(payload.value) as Frozen<V>]
    }
  }

  /**
   * Sets the value of a key: later than all that this replica has seen. Of two sets that do not know of each
   * other the later one is shown, by the clocks of their replicas.
   *
   * @throws TypeError for an ill-formed key or what no replica could hold, RangeError for what is too large,
   *   InvalidValueError for what the schema refuses.
   */
  set(key: string, value: Frozen<V>): LwwMapDelta {
    if (!isWellFormed(key)) {
      throw new TypeError(`key must be a well-formed string, got ${JSON.stringify(key)}`)
    }
    const own = ownValue(value)
    checkValue(this.type, this.#schema, own, true, () => [key])
    return this.delta(this.store.put(this.replica, key, this.#stamper.stamp(own), true))
  }

  /** Removes a key as far as this replica has seen it; a set made elsewhere meanwhile stays. */
  delete(key: string): LwwMapDelta {
    return this.delta(this.store.remove(this.replica, [key]))
  }

  /** Removes all that this replica has seen, as one edit. */
  clear(): LwwMapDelta {
    return this.delta(this.store.remove(this.replica, this.store.entries.keys()))
  }

  clone(options: Partial<ReplicaOptions> = {}): LwwMap<V> {
    return new LwwMap<V>({ replica: options.replica ?? this.replica, schema: this.#schema }, this)
  }

  protected override admit(news: readonly Entry<string, Stamped>[]): void {
    for (const { key, payload } of news) {
      checkValue(this.type, this.#schema, payload.value, false, () => [key])
    }
    this.#stamper.receive(news)
  }
}

/**
 * An empty last-writer-wins map: an observed-remove map of last-writer-wins registers. Sets of one key are
 * settled by their stamps, as in `createLwwRegister`. Set against delete is not: a delete takes away the
 * sets it has seen, so a set that it did not know of stays, even one with an earlier stamp. That is why nothing
 * of a deleted key need be kept.
 *
 * `merge` refuses values that the schema does not allow with an InvalidValueError, and stamps from the future
 * with a ClockDriftError: the whole of what came, and nothing is changed.
 *
 * @throws TypeError for an empty or ill-formed replica, or a schema that is none.
 * @throws RangeError for a negative `maxDriftMs`.
 *
 * @example
 * ```ts
 * const settings = createLwwMap<string>({ replica: 'phone' })
 * const delta = settings.set('theme', 'dark')
 * laptop.merge(delta)
 * ```
 */
export function createLwwMap<V extends Storable<V> = CrdtValue>(options: LwwMapOptions<V>): LwwMap<V> {
  return new LwwMap<V>(options)
}

/**
 * The map that `encode()` wrote, to be edited as `options.replica`. Without a schema the type of the values is
 * the caller's word.
 *
 * @throws DecodeError on anything else; InvalidValueError and ClockDriftError as `merge`.
 */
export function decodeLwwMap<V extends Storable<V> = CrdtValue>(
  bytes: Uint8Array,
  options: LwwMapOptions<V>,
): LwwMap<V> {
  return new LwwMap<V>(options, decodeFragment(FORMAT, bytes))
}

/** The map that `toJSON()` made. @throws DecodeError on anything else; else as {@link decodeLwwMap}. */
export function lwwMapFromJSON<V extends Storable<V> = CrdtValue>(
  json: unknown,
  options: LwwMapOptions<V>,
): LwwMap<V> {
  return new LwwMap<V>(options, fragmentFromJSON(FORMAT, json))
}
