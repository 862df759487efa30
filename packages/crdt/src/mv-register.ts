import type { Delta, ReplicaOptions } from './crdt.ts'
import { DotStore } from './dot-store.ts'
import { Dotted, type Source } from './dotted.ts'
import { decodeFragment, type FragmentFormat, fragmentFromJSON } from './fragment-codec.ts'
import type { Entry, Live } from './fragment.ts'
import { checkIsSchema, checkValue, type StandardSchema, type ValueOptions } from './schema.ts'
import { type CrdtValue, type Frozen, handOut, sameValue, type Storable } from './value.ts'
import { ownValue, valueFromJSON, valueToJSON } from './value-intake.ts'
import { keyOf, readValue, writeValue } from './value-codec.ts'

/** Options of {@link createMvRegister}, `decodeMvRegister` and `mvRegisterFromJSON`. */
export interface MvRegisterOptions<T = CrdtValue> extends ReplicaOptions, ValueOptions<T> {}

/** An edit of a register, or several. */
export type MvRegisterDelta = Delta<'mv-register'>

/** The one key of a register. It is not in the bytes. */
const KEY = 0

const FORMAT: FragmentFormat<'mv-register', number, CrdtValue> = {
  type: 'mv-register',
  tag: 7,
  writeKey: () => {},
  readKey: () => KEY,
  isKey: (key): key is number => key === KEY,
  writePayload: writeValue,
  readPayload: readValue,
  isPayload: (payload): payload is CrdtValue => payload !== undefined,
  samePayload: sameValue,
  toJSON: (_key, value) => ({ value: valueToJSON(value) }),
  fromJSON: ({ value }) => ({ key: KEY, payload: valueFromJSON(value) }),
}

/** One value, or several that were set without knowing of each other; see {@link createMvRegister}. */
export class MvRegister<T = CrdtValue> extends Dotted<
  'mv-register',
  number,
  CrdtValue,
  Frozen<T> | undefined
> {
  readonly #schema: StandardSchema<T> | undefined

  /** @internal Use `createMvRegister`, `decodeMvRegister` or `mvRegisterFromJSON`. */
  constructor(options: MvRegisterOptions<T>, source?: Source<number, CrdtValue> | MvRegister<T>) {
    super(FORMAT, new DotStore(FORMAT), options)
    checkIsSchema(options.schema)
    this.#schema = options.schema
    this.load(source)
  }

  /**
   * All values that stand, frozen: none before the first `set`, several if there is a conflict. In the order of
   * the replicas that set them, the same everywhere; equal ones once.
   */
  get values(): readonly Frozen<T>[] {
    return standing(this.store.entries.get(KEY)).map((value) => handOut(value) as Frozen<T>)
  }

  /** The first of {@link values}: the same on all replicas, no better than the others. */
  get value(): Frozen<T> | undefined {
    return this.values[0]
  }

  /** True if more than one value stands: show them, and `set` what the user picks. */
  get hasConflict(): boolean {
    return standing(this.store.entries.get(KEY)).length > 1
  }

  /**
   * Sets the value in place of all that this replica has seen, which settles a conflict; a set made elsewhere
   * meanwhile stays beside it.
   *
   * @throws TypeError for what no replica could hold, RangeError for what is too large, InvalidValueError for
   *   what the schema refuses.
   */
  set(value: Frozen<T>): MvRegisterDelta {
    const own = ownValue(value)
    checkValue(this.type, this.#schema, own, true)
    return this.delta(this.store.put(this.replica, KEY, own, true))
  }

  /** Takes away what this replica has seen; a set made elsewhere meanwhile stays. */
  clear(): MvRegisterDelta {
    return this.delta(this.store.remove(this.replica, [KEY]))
  }

  clone(options: Partial<ReplicaOptions> = {}): MvRegister<T> {
    return new MvRegister<T>({ replica: options.replica ?? this.replica, schema: this.#schema }, this)
  }

  protected override admit(news: readonly Entry<number, CrdtValue>[]): void {
    for (const { payload } of news) checkValue(this.type, this.#schema, payload, false)
  }
}

/** The values of these entries, in the order of their events, equal ones once. */
export function standing(head: Live<unknown, CrdtValue> | undefined): CrdtValue[] {
  if (head === undefined) return []
  if (head.next === undefined) return [head.payload]
  const entries: Entry<unknown, CrdtValue>[] = []
  for (let entry: typeof head | undefined = head; entry !== undefined; entry = entry.next) entries.push(entry)
  entries.sort((a, b) => (a.node === b.node ? a.counter - b.counter : a.node < b.node ? -1 : 1))
  // By their bytes: a look at each pair would be felt where somebody sends very many.
  const values = new Map<string, CrdtValue>()
  for (const { payload } of entries) {
    const key = keyOf(payload)
    if (!values.has(key)) values.set(key, payload)
  }
  return [...values.values()]
}

/**
 * An empty multi-value register (DeCandia et al. 2007, Dynamo; Almeida, Shoker, Baquero 2018, section 7.4): of
 * sets that do not know of each other all values stay, until a later set that knows of them settles it. For
 * values of which no edit may be lost unseen.
 *
 * `merge` refuses values that the schema does not allow with an InvalidValueError: the whole of what came.
 *
 * @throws TypeError for an empty or ill-formed replica, or a schema that is none.
 *
 * @example
 * ```ts
 * const phone = createMvRegister<string>({ replica: 'phone' })
 * phone.set('+49 1')
 * phone.merge(laptop) // where it was set to '+49 2'
 * phone.values // ['+49 2', '+49 1']
 * ```
 */
export function createMvRegister<T extends Storable<T> = CrdtValue>(
  options: MvRegisterOptions<T>,
): MvRegister<T> {
  return new MvRegister<T>(options)
}

/**
 * The register that `encode()` wrote, to be edited as `options.replica`. Without a schema the type of the value
 * is the caller's word.
 *
 * @throws DecodeError on anything else; InvalidValueError as `merge`.
 */
export function decodeMvRegister<T extends Storable<T> = CrdtValue>(
  bytes: Uint8Array,
  options: MvRegisterOptions<T>,
): MvRegister<T> {
  return new MvRegister<T>(options, decodeFragment(FORMAT, bytes))
}

/** The register that `toJSON()` made. @throws DecodeError on anything else; else as {@link decodeMvRegister}. */
export function mvRegisterFromJSON<T extends Storable<T> = CrdtValue>(
  json: unknown,
  options: MvRegisterOptions<T>,
): MvRegister<T> {
  return new MvRegister<T>(options, fragmentFromJSON(FORMAT, json))
}
