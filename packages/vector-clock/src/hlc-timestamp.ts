import { isNode } from './dot.ts'
import { DecodeError } from './errors.ts'

const WHAT = 'hybrid time stamp'

/** Highest `counter` of a stamp: 16 bits. */
export const HLC_MAX_COUNTER: number = 0xffff
/** Highest `ms` of a stamp: 48 bits, the year 10889. */
export const HLC_MAX_MS: number = 0xffff_ffff_ffff

/**
 * A stamp of a {@link HybridLogicalClock}: 48 + 16 bits and the node that made it. Two numbers,
 * because together they pass 2^53.
 */
export interface HlcTimestamp {
  /** Wall time, ms since the epoch, or a little ahead of it. */
  readonly ms: number
  /** Tells stamps of one ms apart, from 0 to 65,535. */
  readonly counter: number
  /** Who issued it. */
  readonly node: string
}

/**
 * The total order: by ms, then counter, then node id. If one event knew of the other, its stamp is
 * the greater one; the reverse does not follow.
 *
 * @returns below 0 if `a` is first, above 0 if `b` is, 0 if they are the same stamp; for `sort()`.
 */
export function compareHlc(a: HlcTimestamp, b: HlcTimestamp): number {
  if (a.ms !== b.ms) return a.ms - b.ms
  if (a.counter !== b.counter) return a.counter - b.counter
  return a.node === b.node ? 0 : a.node < b.node ? -1 : 1
}

/** `mmmmmmmmmmmm-cccc-node`, ms and counter in hex: as text it sorts as {@link compareHlc} does. */
export function hlcToString(stamp: HlcTimestamp): string {
  const { ms, counter, node } = checkHlc(stamp)
  return `${ms.toString(16).padStart(12, '0')}-${counter.toString(16).padStart(4, '0')}-${node}`
}

/** The stamp that {@link hlcToString} wrote. @throws DecodeError on anything else. */
export function hlcFromString(text: string): HlcTimestamp {
  const match = /^([0-9a-f]{12})-([0-9a-f]{4})-(.+)$/su.exec(text)
  const [, ms = '', counter = '', node] = match ?? []
  if (!isNode(node)) throw new DecodeError(WHAT, 'it is not 12 and 4 hex digits and a node id')
  return { ms: Number.parseInt(ms, 16), counter: Number.parseInt(counter, 16), node }
}

/** 8 bytes, big-endian: as bytes they sort by time. The node is not in them. */
export function hlcToBytes(stamp: HlcTimestamp): Uint8Array {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, hlcToBigInt(stamp))
  return bytes
}

/** The stamp that {@link hlcToBytes} wrote, of this node. @throws DecodeError unless there are 8 bytes. */
export function hlcFromBytes(bytes: Uint8Array, node: string): HlcTimestamp {
  if (bytes.length !== 8) throw new DecodeError(WHAT, `it has ${bytes.length} bytes instead of 8`)
  return hlcFromBigInt(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0), node)
}

/** `ms · 2^16 + counter`: fits a Postgres `bigint` until the year 6429. The node is not in it. */
export function hlcToBigInt(stamp: HlcTimestamp): bigint {
  const { ms, counter } = checkHlc(stamp)
  return (BigInt(ms) << 16n) + BigInt(counter)
}

/** The stamp that {@link hlcToBigInt} wrote, of this node. @throws DecodeError if it is not 64 bits. */
export function hlcFromBigInt(value: bigint, node: string): HlcTimestamp {
  if (BigInt.asUintN(64, value) !== value) throw new DecodeError(WHAT, 'it is not an unsigned 64-bit number')
  return checkHlc({
    ms: Number(value >> 16n),
    counter: Number(value & 0xffffn),
    node,
  })
}

/** True for a stamp whose parts are in range: for stamps that came as JSON. */
export function isHlcTimestamp(value: unknown): value is HlcTimestamp {
  if (typeof value !== 'object' || value === null) return false
  const { ms, counter, node } = value as Partial<Record<keyof HlcTimestamp, unknown>>
  return isIn(ms, HLC_MAX_MS) && isIn(counter, HLC_MAX_COUNTER) && isNode(node)
}

/** @throws RangeError if a part of the stamp is out of range. */
export function checkHlc(stamp: HlcTimestamp): HlcTimestamp {
  if (isHlcTimestamp(stamp)) return stamp
  throw new RangeError(
    `A ${WHAT} must have ms below 2^48, a counter below 2^16 and a node id, got ${JSON.stringify(stamp)}`,
  )
}

const isIn = (value: unknown, max: number): boolean =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= max
