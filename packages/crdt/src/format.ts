import { ByteReader, ByteWriter, checkName } from '@quorate/vector-clock/codec'
import { DecodeError, type VersionVector } from '@quorate/vector-clock'
import type { CrdtType, ReplicaOptions } from './crdt.ts'

/** The first byte of every encoding. */
const FORMAT = 1

/**
 * The second byte: the type. Numbers in use stay as they are for ever. A table for the compiler only, so that a
 * program with one type in it carries one number.
 */
export interface TypeTags {
  'or-set': 1
  'pn-counter': 2
  cart: 3
  'g-counter': 4
  'bounded-counter': 5
  'lww-register': 6
  'mv-register': 7
  'ew-flag': 8
  'dw-flag': 9
  'g-set': 10
  '2p-set': 11
  'rw-set': 12
  'lww-map': 13
  'or-map': 14
  text: 15
}

/** A type as its bytes and its JSON say it. */
export interface TypeFormat<T extends CrdtType> {
  readonly type: T
  readonly tag: TypeTags[T]
}

/** A writer that has written the head of an encoding. */
export function startWriting<T extends CrdtType>({ tag }: TypeFormat<T>): ByteWriter {
  const writer = new ByteWriter()
  writer.byte(FORMAT)
  writer.byte(tag)
  return writer
}

/**
 * A reader that has read the head of an encoding.
 *
 * @throws DecodeError if it is another format or type.
 */
export function startReading<T extends CrdtType>(
  { type, tag }: TypeFormat<T>,
  bytes: Uint8Array,
): ByteReader {
  const reader = new ByteReader(bytes, type)
  if (reader.byte() !== FORMAT) reader.fail('its format is unknown')
  if (reader.byte() !== tag) reader.fail('it is of another type')
  return reader
}

/** Ends a decoding: throws DecodeError with the reason. */
export type Fail = (reason: string) => never

/**
 * The fields of JSON of a type, and how to fail on them.
 *
 * @throws DecodeError if it is of another type.
 */
export function startJSON(type: CrdtType, json: unknown): [Readonly<Record<string, unknown>>, Fail] {
  const fail: Fail = (reason) => {
    throw new DecodeError(type, reason)
  }
  const fields = Object(json) as Readonly<Record<string, unknown>>
  return [fields['type'] === type ? fields : fail('it is of another type'), fail]
}

/** Of ES2024; every Node and browser that has the rest of what is used here has it. */
interface Text {
  isWellFormed(): boolean
}

/** True for text that UTF-8 can carry. */
export const isWellFormed = (text: unknown): text is string =>
  typeof text === 'string' && (text as string & Text).isWellFormed()

/** @throws TypeError if their replica is not a name for a writer. */
export function checkReplica(options: ReplicaOptions | null | undefined): string {
  return checkName('replica', options?.replica)
}

/** @throws TypeError if it is not a version vector. Not `instanceof`: it may be of another copy of the package. */
export function checkVersion(version: VersionVector | undefined): void {
  if (typeof version?.dominates !== 'function') throw new TypeError('version must be a VersionVector')
}
