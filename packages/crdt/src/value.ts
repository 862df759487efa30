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

/** Lists and objects with bytes in them: bytes cannot be frozen, so these are copied when handed out. */
const HOLDS_BYTES = /* @__PURE__ */ new WeakSet<object>()

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
