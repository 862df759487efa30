import { isWellFormed } from './format.ts'
import {
  bigintSize,
  type CrdtValue,
  frozenList,
  frozenRecord,
  isBytes,
  isList,
  isValueNumber,
  MAX_BIGINT_BYTES,
  MAX_VALUE_DEPTH,
  MAX_VALUE_SIZE,
  ValueBounds,
} from './value.ts'

const BIGINT_LIMIT = /* @__PURE__ */ (() => 1n << BigInt(MAX_BIGINT_BYTES * 8))()

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
  return new Intake(false).take(value)
}

/** The same for what {@link valueToJSON} made; `undefined` for anything else. */
export function valueFromJSON(json: unknown): CrdtValue | undefined {
  try {
    return new Intake(true).take(json)
  } catch {
    return undefined
  }
}

/** One value on its way in. */
class Intake {
  readonly #isJson: boolean
  readonly #bounds = new ValueBounds()
  /** The lists and objects around the present value, and its key in each, for messages. */
  readonly #around: object[] = []
  readonly #keys: (string | number)[] = []

  constructor(isJson: boolean) {
    this.#isJson = isJson
  }

  take(value: unknown): CrdtValue {
    if (typeof value === 'object' && value !== null) return this.#takeObject(value)
    if (typeof value === 'string') {
      this.#spend(value.length)
      return isWellFormed(value) ? value : this.#refuse('half of a surrogate pair', 'use well-formed text')
    }
    if (typeof value === 'bigint') {
      if (value >= BIGINT_LIMIT || value <= -BIGINT_LIMIT) {
        throw new RangeError(`${this.#where} must be below 2^${MAX_BIGINT_BYTES * 8}, as all bigints`)
      }
      this.#spend(bigintSize(value))
      return value
    }
    this.#spend(0)
    if (value === null || typeof value === 'boolean') return value
    if (typeof value === 'number') return this.#takeNumber(value)
    if (value === undefined) return this.#refuse('undefined', 'leave the key out, or use null')
    return this.#refuse(`a ${typeof value}`, 'use JSON values, bigint or Uint8Array')
  }

  #takeNumber(value: number): number {
    if (isValueNumber(value)) return value
    if (Number.isInteger(value) && value !== 0) {
      throw new RangeError(
        `${this.#where} must not pass 2^53 - 1, got ${value}; use a bigint for numbers as large`,
      )
    }
    return this.#refuse(Object.is(value, -0) ? '-0' : String(value), 'use a finite number, or null')
  }

  #takeObject(value: object): CrdtValue {
    if (isBytes(value)) {
      this.#spend(value.length)
      return new Uint8Array(value)
    }
    if (this.#around.includes(value)) this.#refuse('a part of itself', 'use values without cycles')
    if (this.#around.length === MAX_VALUE_DEPTH) {
      throw new RangeError(`${this.#where} must be at most ${MAX_VALUE_DEPTH} lists and objects deep`)
    }
    this.#around.push(value)
    const taken = Array.isArray(value) ? this.#takeList(value) : this.#takeRecord(value)
    this.#around.pop()
    return taken
  }

  #takeList(value: readonly unknown[]): CrdtValue {
    this.#spend(0)
    const taken: CrdtValue[] = []
    // By index, so that holes are refused as the `undefined` that they are read as.
    for (let i = 0; i < value.length; i++) taken.push(this.#takePart(i, value[i]))
    return frozenList(taken)
  }

  #takeRecord(value: object): CrdtValue {
    const prototype: unknown = Object.getPrototypeOf(value)
    // Not a look for Object.prototype: that of another realm is as good.
    if (prototype !== null && Object.getPrototypeOf(prototype) !== null) {
      this.#refuse(`a ${nameOf(value)}`, 'use plain objects, lists, bigint or Uint8Array')
    }
    if (Object.getOwnPropertySymbols(value).length > 0) {
      this.#refuse('an object with symbols', 'use text as keys')
    }
    const keys = Object.keys(value).toSorted()
    const special = this.#isJson && keys.length === 1 ? SPECIAL.exec(keys[0] as string) : null
    if (special?.[1] === '$') {
      const inner: unknown = Reflect.get(value, special[0])
      return this.take(special[2] === 'bigint' ? this.#toBigInt(inner) : this.#toBytes(inner))
    }
    this.#spend(0)
    return frozenRecord(
      keys.map((key) => {
        const name = special === null ? key : key.slice(1)
        this.#spend(name.length)
        if (!isWellFormed(key)) {
          this.#refuse('a key with half of a surrogate pair', 'use well-formed text')
        }
        return [name, this.#takePart(key, Reflect.get(value, key))] as const
      }),
    )
  }

  #takePart(key: string | number, value: unknown): CrdtValue {
    this.#keys.push(key)
    const taken = this.take(value)
    this.#keys.pop()
    return taken
  }

  #toBigInt(json: unknown): bigint {
    const isDigits =
      typeof json === 'string' && json.length < MAX_BIGINT_BYTES * 3 && /^(0|-?[1-9]\d*)$/u.test(json)
    return isDigits ? BigInt(json) : this.#refuse('a $bigint without its digits', 'use what toJSON() made')
  }

  #toBytes(json: unknown): Uint8Array {
    if (typeof json !== 'string' || !/^([\da-f]{2})*$/u.test(json)) {
      return this.#refuse('$bytes that are not pairs of hex digits', 'use what toJSON() made')
    }
    return Uint8Array.from({ length: json.length / 2 }, (_, i) =>
      Number.parseInt(json.slice(i * 2, i * 2 + 2), 16),
    )
  }

  #spend(size: number): void {
    if (this.#bounds.spend(size)) return
    throw new RangeError(
      `${this.#where} is too large: a value may have ${MAX_VALUE_SIZE} units of text, bytes and parts; split it over several keys`,
    )
  }

  #refuse(what: string, instead: string): never {
    throw new TypeError(`${this.#where} must be a value that all replicas can hold, got ${what}; ${instead}`)
  }

  get #where(): string {
    return `value${this.#keys.map((key) => (typeof key === 'number' ? `[${key}]` : `.${key}`)).join('')}`
  }
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
