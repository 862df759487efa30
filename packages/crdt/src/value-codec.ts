import { type ByteReader, ByteWriter } from '@quorate/vector-clock/codec'
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
  ValueBounds,
} from './value.ts'

// A value is one number, `rest × 8 + kind`, and what the kind says:
//
// | kind | rest                                  | then                                                  |
// | ---- | ------------------------------------- | ----------------------------------------------------- |
// | 0    | 0 null, 1 false, 2 true, 3 a double   | of a double 8 bytes, big-endian                       |
// | 1    | length of a text in bytes             | the text                                              |
// | 2    | a whole number from 0, below 2^50     |                                                       |
// | 3    | −1 − a whole number from −2^50, below 0 |                                                     |
// | 4    | length of a list                      | its values                                            |
// | 5    | number of keys                        | per key the key, as a text, and the value; in order   |
// | 6    | length of bytes                       | the bytes                                             |
// | 7    | bytes of a bigint × 2, + 1 if below 0 | its magnitude, big-endian, no zeros in front          |
//
// Doubles are for numbers that no other kind has, so each value has one spelling.
const KINDS = 8
const SMALL = 2 ** 50
const NULL = 0
const FALSE = 1
const TRUE = 2
const DOUBLE = 3

/** Writes a value of our own: what `ownValue` made or {@link readValue} read. */
export function writeValue(writer: ByteWriter, value: CrdtValue): void {
  if (value === null) return writer.uint(NULL * KINDS)
  if (typeof value === 'boolean') return writer.uint((value ? TRUE : FALSE) * KINDS)
  if (typeof value === 'string') return writer.text(value, KINDS, 1)
  if (typeof value === 'number') return writeNumber(writer, value)
  if (typeof value === 'bigint') {
    const bytes = bigintBytes(value)
    writer.uint((bytes.length * 2 + (value < 0n ? 1 : 0)) * KINDS + 7)
    return writer.raw(bytes)
  }
  if (isBytes(value)) {
    writer.uint(value.length * KINDS + 6)
    return writer.raw(value)
  }
  return isList(value) ? writeList(writer, value) : writeRecord(writer, value)
}

function writeNumber(writer: ByteWriter, value: number): void {
  if (isSmall(value)) return writer.uint(value < 0 ? (-1 - value) * KINDS + 3 : value * KINDS + 2)
  writer.uint(DOUBLE * KINDS)
  return writer.raw(doubleBytes(value))
}

function writeList(writer: ByteWriter, list: readonly CrdtValue[]): void {
  writer.uint(list.length * KINDS + 4)
  for (const one of list) writeValue(writer, one)
}

function writeRecord(writer: ByteWriter, record: Readonly<Record<string, CrdtValue>>): void {
  // Sorted anew: an object gives keys that look like array indices before all others.
  const keys = Object.keys(record).toSorted()
  writer.uint(keys.length * KINDS + 5)
  for (const key of keys) {
    writer.text(key)
    writeValue(writer, record[key] as CrdtValue)
  }
}

/** A text for each value, unlike that of any other. */
export function keyOf(value: CrdtValue): string {
  const writer = new ByteWriter()
  writeValue(writer, value)
  return writer.finish().join()
}

/**
 * Reads a value, frozen.
 *
 * @throws DecodeError on anything that {@link writeValue} would not have written, and past the bounds that
 *   `ownValue` has too.
 */
export function readValue(reader: ByteReader): CrdtValue {
  return readPart(reader, new ValueBounds(), 0)
}

function readPart(reader: ByteReader, bounds: ValueBounds, depth: number): CrdtValue {
  const head = reader.uint()
  const kind = head % KINDS
  const rest = (head - kind) / KINDS
  const spend = (size: number): void => {
    if (!bounds.spend(size)) reader.fail('a value is too large')
  }
  if (kind === 4 || kind === 5) {
    if (depth === MAX_VALUE_DEPTH) reader.fail('a value is too deep')
    spend(0)
    return kind === 4
      ? readList(reader, rest, bounds, depth + 1)
      : readRecord(reader, rest, bounds, depth + 1)
  }
  if (kind === 1) {
    const text = reader.text(rest)
    spend(text.length)
    return text
  }
  if (kind === 6) {
    spend(rest)
    return new Uint8Array(reader.raw(rest))
  }
  if (kind === 7) {
    const size = Math.floor(rest / 2)
    spend(size)
    return readBigint(reader, size, rest % 2 === 1)
  }
  spend(0)
  if (kind === 2) return rest
  if (kind === 3) return -1 - rest
  if (rest === DOUBLE) return readDouble(reader)
  if (rest > DOUBLE) reader.fail('a value is of an unknown kind')
  return rest === NULL ? null : rest === TRUE
}

function readList(reader: ByteReader, length: number, bounds: ValueBounds, depth: number): CrdtValue {
  // Filled one by one: the length is the sender's word.
  const list: CrdtValue[] = []
  for (let left = length; left > 0; left--) list.push(readPart(reader, bounds, depth))
  return frozenList(list)
}

function readRecord(reader: ByteReader, size: number, bounds: ValueBounds, depth: number): CrdtValue {
  const entries: [key: string, value: CrdtValue][] = []
  for (let left = size; left > 0; left--) {
    const key = reader.text()
    const last = entries.at(-1)
    if (last !== undefined && last[0] >= key) reader.fail('the keys of a value are not in order')
    if (!bounds.spend(key.length)) reader.fail('a value is too large')
    entries.push([key, readPart(reader, bounds, depth)])
  }
  return frozenRecord(entries)
}

const isSmall = (value: number): boolean => Number.isInteger(value) && value < SMALL && value >= -SMALL

function doubleBytes(value: number): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setFloat64(0, value)
  return bytes
}

function readDouble(reader: ByteReader): number {
  const bytes = reader.raw(8)
  const value = new DataView(bytes.buffer, bytes.byteOffset).getFloat64(0)
  if (!isValueNumber(value) || isSmall(value)) reader.fail('a number is not written as it should be')
  return value
}

/** The magnitude of a `bigint`, big-endian, no zeros in front. */
export function bigintBytes(value: bigint): Uint8Array {
  const size = bigintSize(value)
  const hex = (value < 0n ? -value : value).toString(16).padStart(size * 2, '0')
  return Uint8Array.from({ length: size }, (_, i) => Number.parseInt(hex.slice(i * 2, i * 2 + 2), 16))
}

/** What {@link bigintBytes} made; fails past the bound and on zeros in front. */
export function readBigint(reader: ByteReader, size: number, isNegative: boolean): bigint {
  if (size > MAX_BIGINT_BYTES) reader.fail('a number is too large')
  const bytes = reader.raw(size)
  if (bytes[0] === 0 || (size === 0 && isNegative)) reader.fail('a number is not written as it should be')
  const hex = Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
  const value = BigInt(`0x0${hex}`)
  return isNegative ? -value : value
}
