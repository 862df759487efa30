import type { ByteReader, ByteWriter } from '@quorate/vector-clock/codec'
import { isWellFormed } from './format.ts'
import { bigintBytes, readBigint } from './value-codec.ts'
import { bigintSize, isValueNumber, MAX_BIGINT_BYTES } from './value.ts'

/**
 * What a set may hold: well-formed texts, finite numbers up to 2^53 − 1, and `bigint` up to 2^8192. A 1 and a 1n
 * are two elements; 0 and −0 are one, as in a `Set`.
 */
export type SetElement = string | number | bigint

// An element begins with a number: kind + 4 × more.
// kind 0: a text of so many bytes. 1: that number. 2: −1 − that number.
// kind 3: 0 is a double of 8 bytes; else 1 + (bytes of a bigint × 2, + 1 if below 0), and its magnitude.
const KINDS = 4
const MAX_SMALL = 2 ** 51

/** True for a number that is written as one, and in no other way. */
const isSmall = (value: number): boolean => Number.isInteger(value) && Math.abs(value) < MAX_SMALL

/** Writes an element. */
export function writeElement(writer: ByteWriter, element: SetElement): void {
  if (typeof element === 'string') return writer.text(element, KINDS)
  if (typeof element === 'bigint') {
    const bytes = bigintBytes(element)
    writer.uint((1 + bytes.length * 2 + (element < 0n ? 1 : 0)) * KINDS + 3)
    return writer.raw(bytes)
  }
  if (isSmall(element)) return writer.uint(element < 0 ? (-1 - element) * KINDS + 2 : element * KINDS + 1)
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setFloat64(0, element)
  writer.uint(3)
  return writer.raw(bytes)
}

/** Reads what {@link writeElement} wrote; {@link isElement} says if it may be one. */
export function readElement(reader: ByteReader): SetElement {
  const head = reader.uint()
  const kind = head % KINDS
  const more = (head - kind) / KINDS
  if (kind === 0) return reader.text(more)
  if (kind !== 3) return checked(reader, kind === 1 ? more : -1 - more, true)
  if (more > 0) return readBigint(reader, Math.floor((more - 1) / 2), more % 2 === 0)
  const bytes = reader.raw(8)
  return checked(reader, new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0), false)
}

function checked(reader: ByteReader, value: number, small: boolean): number {
  return isSmall(value) === small ? value : reader.fail('a number is not written as it should be')
}

/** True for what may be an element. */
export function isElement(element: unknown): element is SetElement {
  if (typeof element === 'number') return isValueNumber(element)
  return typeof element === 'bigint' ? bigintSize(element) <= MAX_BIGINT_BYTES : isWellFormed(element)
}

/**
 * The element as it is kept: 0 for −0.
 *
 * @throws TypeError for an ill-formed text, a number that is not finite, and all else.
 * @throws RangeError for a number past 2^53 − 1, where numbers are no longer exact, and for too large a `bigint`.
 */
export function checkElement(element: SetElement): SetElement {
  const key = element === 0 ? 0 : element
  if (isElement(key)) return key
  if (typeof element === 'bigint') {
    throw new RangeError(`element must be below 2^${MAX_BIGINT_BYTES * 8}, as all bigints`)
  }
  if (Number.isFinite(element)) {
    throw new RangeError(`element must not pass 2^53 - 1, got ${element}; use a bigint for numbers as large`)
  }
  throw new TypeError(
    `element must be a well-formed string, a finite number or a bigint, got ${String(element)}`,
  )
}

/** An element in JSON: a bigint is `{ "$bigint": "12" }`, all else is as it is. */
export const elementToJSON = (element: SetElement): unknown =>
  typeof element === 'bigint' ? { $bigint: String(element) } : element

/** What {@link elementToJSON} made; anything else comes back as it is, for {@link isElement} to refuse. */
export function elementFromJSON(json: unknown): unknown {
  if (typeof json !== 'object' || json === null || Object.keys(json).join() !== '$bigint') return json
  const digits = (json as { readonly $bigint: unknown }).$bigint
  return typeof digits === 'string' &&
    digits.length <= MAX_BIGINT_BYTES * 3 &&
    /^(0|-?[1-9]\d*)$/u.test(digits)
    ? BigInt(digits)
    : json
}
