import { isWellFormed } from './format.ts'

/** What a register or a field may hold: JSON, and what JSON lacks, whole numbers of any size and bytes. */
export type CrdtValue =
  | null
  | boolean
  | number
  | string
  | bigint
  | Uint8Array
  | readonly CrdtValue[]
  | { readonly [key: string]: CrdtValue }

/**
 * What `T` must be to be held as a value: the bound `T extends Storable<T>` lets interfaces through, which have
 * no index signature, and stops dates, maps and methods at any depth. `undefined` passes as the type of keys
 * that may be missing; as a value it is refused.
 */
export type Storable<T> = CrdtValue | { readonly [K in keyof T]: StorablePart<T[K]> }

type StorablePart<T> = [CrdtValue] extends [T]
  ? CrdtValue
  : T extends null | boolean | number | string | bigint | undefined | Uint8Array
    ? T
    : T extends symbol | ((...args: never) => unknown)
      ? never
      : { readonly [K in keyof T]: StorablePart<T[K]> }

/** `T` as it is handed out: frozen, at any depth. */
export type Frozen<T> = [CrdtValue] extends [T]
  ? T // Frozen as it is, and it has no end that a compiler could reach.
  : T extends null | boolean | number | string | bigint | undefined | Uint8Array
    ? T
    : { readonly [K in keyof T]: Frozen<T[K]> }

/** How deep lists and objects may be nested in a value. */
export const MAX_VALUE_DEPTH = 64

/** The largest value: its UTF-16 units and bytes, keys too, and 1 for each value in it. */
export const MAX_VALUE_SIZE: number = 2 ** 20

/** The largest `bigint`, in bytes: longer ones would take a receiver long to print. */
export const MAX_BIGINT_BYTES = 1024
const BIGINT_LIMIT = /* @__PURE__ */ (() => 1n << BigInt(MAX_BIGINT_BYTES * 8))()

/** Lists and objects with bytes in them: bytes cannot be frozen, so these are copied when handed out. */
const HOLDS_BYTES = /* @__PURE__ */ new WeakSet<object>()

/**
 * A value of our own: a frozen copy, keys in order, that nobody can change afterwards.
 *
 * @throws TypeError for anything that bytes could not carry and bring back the same.
 * @throws RangeError for what is too large or too deep, and for whole numbers beyond 2^53.
 */
export function ownValue(value: unknown): CrdtValue {
  // Most values are short texts and numbers: these need no copy.
  const isSimple =
    typeof value === 'string'
      ? value.length < 256 && isWellFormed(value)
      : typeof value === 'number' && isValueNumber(value)
  if (isSimple) return value as string | number
  return new Intake(false).take(value, 'value')
}

/** The same for what {@link valueToJSON} made; `undefined` for anything else. */
export function valueFromJSON(json: unknown): CrdtValue | undefined {
  try {
    return new Intake(true).take(json, 'value')
  } catch {
    return undefined
  }
}

/** True if two values of our own are one. */
export function sameValue(a: CrdtValue, b: CrdtValue): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  if (isBytes(a) || isBytes(b)) {
    return isBytes(a) && isBytes(b) && a.length === b.length && a.every((byte, i) => byte === b[i])
  }
  if (isList(a) || isList(b)) {
    return (
      isList(a) &&
      isList(b) &&
      a.length === b.length &&
      a.every((one, i) => sameValue(one, b[i] as CrdtValue))
    )
  }
  const keys = Object.keys(a)
  return (
    keys.length === Object.keys(b).length &&
    keys.every((key) => Object.hasOwn(b, key) && sameValue(a[key] as CrdtValue, b[key] as CrdtValue))
  )
}

/** What the application may see of a value of ours: whatever it does to it, ours stays as it is. */
export function handOut(value: CrdtValue): CrdtValue {
  if (typeof value !== 'object' || value === null) return value
  if (isBytes(value)) return new Uint8Array(value)
  if (!HOLDS_BYTES.has(value)) return value
  if (isList(value)) return Object.freeze(value.map(handOut))
  return Object.freeze(Object.fromEntries(Object.entries(value).map(([key, one]) => [key, handOut(one)])))
}

/** The list of these values, frozen: for values that are ours already. */
export function frozenList(values: CrdtValue[]): CrdtValue {
  if (values.some(holdsBytes)) HOLDS_BYTES.add(values)
  return Object.freeze(values)
}

/** The object of these entries, frozen. Not by assignment: that would lose a key named `__proto__`. */
export function frozenRecord(entries: readonly (readonly [key: string, value: CrdtValue])[]): CrdtValue {
  const record = Object.fromEntries(entries)
  if (entries.some(([, value]) => holdsBytes(value))) HOLDS_BYTES.add(record)
  return Object.freeze(record)
}

/** How large a value may still be. */
export class ValueBounds {
  #size = MAX_VALUE_SIZE

  /** @returns false if the value is too large. */
  spend(size: number): boolean {
    this.#size -= size + 1
    return this.#size >= 0
  }
}

/** True for a number that a value may be. */
export const isValueNumber = (value: number): boolean =>
  Number.isFinite(value) && !Object.is(value, -0) && Math.abs(value) <= Number.MAX_SAFE_INTEGER

/** The size of a `bigint`, in bytes; 0 has none. */
export const bigintSize = (value: bigint): number =>
  value === 0n ? 0 : Math.ceil((value < 0n ? -value : value).toString(16).length / 2)

export const isBytes = (value: unknown): value is Uint8Array =>
  // Not `instanceof`: it may come from another realm. A Buffer is one too.
  ArrayBuffer.isView(value) && Object.prototype.toString.call(value) === '[object Uint8Array]'

/** `Array.isArray` does not tell TypeScript about readonly ones. */
export const isList = (value: CrdtValue): value is readonly CrdtValue[] => Array.isArray(value)

const holdsBytes = (value: CrdtValue): boolean =>
  typeof value === 'object' && value !== null && (HOLDS_BYTES.has(value) || isBytes(value))

/** One value on its way in. */
class Intake {
  readonly #isJson: boolean
  readonly #bounds = new ValueBounds()
  /** The lists and objects around the present value. */
  readonly #around: object[] = []

  constructor(isJson: boolean) {
    this.#isJson = isJson
  }

  take(value: unknown, where: string): CrdtValue {
    if (typeof value === 'object' && value !== null) return this.#takeObject(value, where)
    if (typeof value === 'string') {
      this.#spend(value.length, where)
      return isWellFormed(value) ? value : refuse(where, 'half of a surrogate pair', 'use well-formed text')
    }
    if (typeof value === 'bigint') {
      if (value >= BIGINT_LIMIT || value <= -BIGINT_LIMIT) {
        throw new RangeError(`${where} must be below 2^${MAX_BIGINT_BYTES * 8}, as all bigints`)
      }
      this.#spend(bigintSize(value), where)
      return value
    }
    this.#spend(0, where)
    if (value === null || typeof value === 'boolean') return value
    if (typeof value === 'number') return checkNumber(value, where)
    if (value === undefined) return refuse(where, 'undefined', 'leave the key out, or use null')
    return refuse(where, `a ${typeof value}`, 'use JSON values, bigint or Uint8Array')
  }

  #takeObject(value: object, where: string): CrdtValue {
    if (isBytes(value)) {
      this.#spend(value.length, where)
      return new Uint8Array(value)
    }
    if (this.#around.includes(value)) refuse(where, 'a part of itself', 'use values without cycles')
    if (this.#around.length === MAX_VALUE_DEPTH) {
      throw new RangeError(`${where} must be at most ${MAX_VALUE_DEPTH} lists and objects deep`)
    }
    this.#around.push(value)
    const taken = Array.isArray(value) ? this.#takeList(value, where) : this.#takeRecord(value, where)
    this.#around.pop()
    return taken
  }

  #takeList(value: readonly unknown[], where: string): CrdtValue {
    this.#spend(0, where)
    // Not `map`: it would pass over holes.
    return frozenList(Array.from(value, (one, index) => this.take(one, `${where}[${index}]`)))
  }

  #takeRecord(value: object, where: string): CrdtValue {
    const prototype: unknown = Object.getPrototypeOf(value)
    if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
      refuse(where, `a ${nameOf(value)}`, 'use plain objects, lists, bigint or Uint8Array')
    }
    if (Object.getOwnPropertySymbols(value).length > 0)
      refuse(where, 'an object with symbols', 'use text as keys')
    const keys = Object.keys(value).toSorted()
    const special = this.#isJson && keys.length === 1 ? SPECIAL.exec(keys[0] as string) : null
    if (special !== null) {
      const [key, escaped, kind] = special as unknown as [string, string, string]
      const inner: unknown = Reflect.get(value, key)
      if (escaped === '$')
        return this.take(kind === 'bigint' ? toBigInt(inner, where) : toBytes(inner, where), where)
      this.#spend(key.length - 1, where)
      return frozenRecord([[key.slice(1), this.take(inner, `${where}.${key}`)]])
    }
    this.#spend(0, where)
    return frozenRecord(
      keys.map((key) => {
        this.#spend(key.length, where)
        if (!isWellFormed(key)) refuse(where, 'a key with half of a surrogate pair', 'use well-formed text')
        return [key, this.take(Reflect.get(value, key), `${where}.${key}`)] as const
      }),
    )
  }

  #spend(size: number, where: string): void {
    if (this.#bounds.spend(size)) return
    throw new RangeError(
      `${where} is too large: a value may have ${MAX_VALUE_SIZE} units of text, bytes and parts; split it over several keys`,
    )
  }
}

function refuse(where: string, what: string, instead: string): never {
  throw new TypeError(`${where} must be a value that all replicas can hold, got ${what}; ${instead}`)
}

function checkNumber(value: number, where: string): number {
  if (isValueNumber(value)) return value
  if (Number.isInteger(value) && value !== 0) {
    throw new RangeError(`${where} must not pass 2^53 - 1, got ${value}; use a bigint for numbers as large`)
  }
  return refuse(where, Object.is(value, -0) ? '-0' : String(value), 'use a finite number, or null')
}

const nameOf = (value: object): string => {
  const { constructor } = value as { constructor?: { name?: unknown } }
  return typeof constructor?.name === 'string' && constructor.name !== ''
    ? constructor.name
    : 'class instance'
}

// In JSON a bigint is { "$bigint": "12" } and bytes are { "$bytes": "0aff" }; an object that only looks like
// one of these has a $ more. So each text of this kind has one meaning, and each value one text.
const SPECIAL = /^(\$+)(bigint|bytes)$/u

/** The value as JSON, for {@link valueFromJSON}. */
export function valueToJSON(value: CrdtValue): unknown {
  if (typeof value === 'bigint') return { $bigint: String(value) }
  if (typeof value !== 'object' || value === null) return value
  if (isBytes(value)) {
    return { $bytes: Array.from(value, (byte) => byte.toString(16).padStart(2, '0')).join('') }
  }
  if (isList(value)) return value.map(valueToJSON)
  const entries = Object.entries(value)
  const isSpecial = entries.length === 1 && SPECIAL.test(entries[0]?.[0] ?? '')
  return Object.fromEntries(entries.map(([key, one]) => [isSpecial ? `$${key}` : key, valueToJSON(one)]))
}

function toBigInt(json: unknown, where: string): bigint {
  const isDigits =
    typeof json === 'string' && json.length < MAX_BIGINT_BYTES * 3 && /^(0|-?[1-9]\d*)$/u.test(json)
  return isDigits ? BigInt(json) : refuse(where, 'a $bigint without its digits', 'use what toJSON() made')
}

function toBytes(json: unknown, where: string): Uint8Array {
  if (typeof json !== 'string' || !/^([\da-f]{2})*$/u.test(json)) {
    return refuse(where, '$bytes that are not pairs of hex digits', 'use what toJSON() made')
  }
  return Uint8Array.from({ length: json.length / 2 }, (_, i) =>
    Number.parseInt(json.slice(i * 2, i * 2 + 2), 16),
  )
}
