import type { HlcTimestamp } from '@quorate/vector-clock'
import type { Delta, ReplicaOptions } from './crdt.ts'
import { DotStore } from './dot-store.ts'
import { Dotted, type Source } from './dotted.ts'
import { decodeFragment, type FragmentFormat, fragmentFromJSON } from './fragment-codec.ts'
import type { Entry } from './fragment.ts'
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

/** Options of {@link createLwwRegister}, `decodeLwwRegister` and `lwwRegisterFromJSON`. */
export interface LwwRegisterOptions<T = CrdtValue> extends ReplicaOptions, StampOptions, ValueOptions<T> {}

/** An edit of a register, or several. */
export type LwwRegisterDelta = Delta<'lww-register'>

/** The one key of a register. It is not in the bytes. */
const KEY = 0

const FORMAT: FragmentFormat<'lww-register', number, Stamped> = {
  type: 'lww-register',
  tag: 6,
  writeKey: () => {},
  readKey: () => KEY,
  isKey: (key): key is number => key === KEY,
  writePayload: (writer, payload, _key, previous) => writeStamped(writer, payload, previous?.payload.ms),
  readPayload: (reader, _key, previous) => readStamped(reader, previous?.payload.ms),
  isPayload: isStamped,
  samePayload: sameStamped,
  toJSON: (_key, payload) => stampedToJSON(payload),
  fromJSON: (json) => ({ key: KEY, payload: stampedFromJSON(json) }),
}

/** One value, of which the last write stays; see {@link createLwwRegister}. */
export class LwwRegister<T = CrdtValue> extends Dotted<
  'lww-register',
  number,
  Stamped,
  Frozen<T> | undefined
> {
  readonly #schema: StandardSchema<T> | undefined
  readonly #stamper: Stamper

  /** @internal Use `createLwwRegister`, `decodeLwwRegister` or `lwwRegisterFromJSON`. */
  constructor(options: LwwRegisterOptions<T>, source?: Source<number, Stamped> | LwwRegister<T>) {
    super(FORMAT, new DotStore(FORMAT), options)
    const { schema, replica } = options
    checkIsSchema(schema)
    this.#schema = schema
    this.#stamper =
      source instanceof LwwRegister ? source.#stamper.fork(replica) : new Stamper(replica, options)
    this.load(source)
  }

  /** The value, frozen; `undefined` before the first `set` and after a `clear`. */
  get value(): Frozen<T> | undefined {
    const winner = winnerOf(this.store.entries.get(KEY))
    return winner && (handOut(winner.payload.value) as Frozen<T>)
  }

  /** When the value was set, and by which replica; `undefined` if there is none. */
  get stamp(): HlcTimestamp | undefined {
    const winner = winnerOf(this.store.entries.get(KEY))
    return winner && stampOf(winner)
  }

  /**
   * Sets the value: later than all that this replica has seen. Of two sets that do not know of each other the
   * later one stays, by the clocks of their replicas; equal clocks are settled by the names of the replicas.
   *
   * @throws TypeError for what no replica could hold, RangeError for what is too large, InvalidValueError for
   *   what the schema refuses.
   */
  set(value: Frozen<T>): LwwRegisterDelta {
    const own = ownValue(value)
    checkValue(this.type, this.#schema, own, true)
    return this.delta(this.store.put(this.replica, KEY, this.#stamper.stamp(own), true))
  }

  /** Takes away what this replica has seen; a set made elsewhere meanwhile stays. */
  clear(): LwwRegisterDelta {
    return this.delta(this.store.remove(this.replica, [KEY]))
  }

  clone(options: Partial<ReplicaOptions> = {}): LwwRegister<T> {
    return new LwwRegister<T>({ replica: options.replica ?? this.replica, schema: this.#schema }, this)
  }

  protected override admit(news: readonly Entry<number, Stamped>[]): void {
    for (const { payload } of news) checkValue(this.type, this.#schema, payload.value, false)
    this.#stamper.receive(news)
  }
}

/**
 * An empty last-writer-wins register (Shapiro et al. 2011, section 3.2.1) with hybrid logical clocks (Kulkarni
 * et al. 2014) for stamps: a set that knew of another always wins over it, whatever the wall clocks say. For
 * settings and other values of which a lost edit does not matter; `createMvRegister` keeps both.
 *
 * What loses is kept, unseen, until the next set of a replica that knows of it: of a thousand replicas that set at
 * once, a thousand values.
 *
 * `merge` refuses values that the schema does not allow with an InvalidValueError, and stamps from the future
 * with a ClockDriftError: the whole of what came, and nothing is changed.
 *
 * @throws TypeError for an empty or ill-formed replica, or a schema that is none.
 * @throws RangeError for a negative `maxDriftMs`.
 *
 * @example
 * ```ts
 * const theme = createLwwRegister<'light' | 'dark'>({ replica: 'phone' })
 * const delta = theme.set('dark')
 * laptop.merge(delta)
 * ```
 */
export function createLwwRegister<T extends Storable<T> = CrdtValue>(
  options: LwwRegisterOptions<T>,
): LwwRegister<T> {
  return new LwwRegister<T>(options)
}

/**
 * The register that `encode()` wrote, to be edited as `options.replica`. Without a schema the type of the value
 * is the caller's word.
 *
 * @throws DecodeError on anything else; InvalidValueError and ClockDriftError as `merge`.
 */
export function decodeLwwRegister<T extends Storable<T> = CrdtValue>(
  bytes: Uint8Array,
  options: LwwRegisterOptions<T>,
): LwwRegister<T> {
  return new LwwRegister<T>(options, decodeFragment(FORMAT, bytes))
}

/** The register that `toJSON()` made. @throws DecodeError on anything else; else as {@link decodeLwwRegister}. */
export function lwwRegisterFromJSON<T extends Storable<T> = CrdtValue>(
  json: unknown,
  options: LwwRegisterOptions<T>,
): LwwRegister<T> {
  return new LwwRegister<T>(options, fragmentFromJSON(FORMAT, json))
}
