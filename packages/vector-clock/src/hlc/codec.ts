import { DecodeError } from '../errors.ts'
import { checkHlc, HLC_WHAT, type HlcTimestamp } from '../hlc-timestamp.ts'

/** 8 bytes, big-endian: as bytes they sort by time. The node is not in them. */
export function hlcToBytes(stamp: HlcTimestamp): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(8)
  new DataView(bytes.buffer).setBigUint64(0, hlcToBigInt(stamp))
  return bytes
}

/** The stamp that {@link hlcToBytes} wrote, of this node. @throws DecodeError unless there are 8 bytes. */
export function hlcFromBytes(bytes: Uint8Array, node: string): HlcTimestamp {
  if (!(bytes instanceof Uint8Array)) throw new TypeError(`A ${HLC_WHAT} must be a Uint8Array`)
  if (bytes.length !== 8) throw new DecodeError(HLC_WHAT, `it has ${bytes.length} bytes instead of 8`)
  return hlcFromBigInt(new DataView(bytes.buffer, bytes.byteOffset, 8).getBigUint64(0), node)
}

/** `ms · 2^16 + counter`: fits a Postgres `bigint` until the year 6429. The node is not in it. */
export function hlcToBigInt(stamp: HlcTimestamp): bigint {
  const { ms, counter } = checkHlc(stamp)
  return (BigInt(ms) << 16n) + BigInt(counter)
}

/** The stamp that {@link hlcToBigInt} wrote, of this node. @throws DecodeError if it is not 64 bits. */
export function hlcFromBigInt(value: bigint, node: string): HlcTimestamp {
  if (BigInt.asUintN(64, value) !== value)
    throw new DecodeError(HLC_WHAT, 'it is not an unsigned 64-bit number')
  return checkHlc({
    ms: Number(value >> 16n),
    counter: Number(value & 0xffffn),
    node,
  })
}
