import type { ByteReader, ByteWriter } from '@quorate/vector-clock/codec'
import { codedSize, codeLengths, countBytes, decodeBytes, encodeBytes, isCodeOfAscii } from './huffman.ts'

/** Below this a code does not pay for its table, so none is tried. */
const LEAST = 256
/** Up to here the decoder is slower than what it spares. */
const SHORT = 32

const encoder = /* @__PURE__ */ new TextEncoder()
const decoder = /* @__PURE__ */ new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** UTF-8 after twice its length; or, where that is shorter, twice its length + 1, the size coded, and its code. */
export function writeText(writer: ByteWriter, text: string): void {
  const bytes = encoder.encode(text)
  const coded = shorter(bytes)
  writer.uint(bytes.length * 2 + (coded === undefined ? 0 : 1))
  if (coded !== undefined) writer.uint(coded.size)
  writer.raw(coded === undefined ? bytes : encodeBytes(bytes, coded.lengths, coded.size))
}

/** The code for some bytes, if it makes them shorter. */
function shorter(bytes: Uint8Array): { lengths: Uint8Array; size: number } | undefined {
  if (bytes.length < LEAST) return undefined
  const counts = countBytes(bytes)
  const lengths = codeLengths(counts)
  const size = codedSize(counts, lengths)
  return size < bytes.length ? { lengths, size } : undefined
}

/**
 * A text as it is kept in bytes: its ASCII, which need not become a string first, or else a string.
 *
 * @throws DecodeError on anything that {@link writeText} would not have written.
 */
export function readText(reader: ByteReader): Uint8Array | string {
  const head = reader.uint()
  const length = Math.floor(head / 2)
  let bytes: Uint8Array
  let isAscii: boolean
  if (head % 2 === 0) {
    bytes = reader.raw(length)
    if (shorter(bytes) !== undefined) reader.fail('its text is not coded')
    isAscii = !bytes.some((byte) => byte > 127)
  } else {
    const size = reader.uint()
    const coded = reader.raw(size)
    // Coded bytes are shorter, but no shorter than a bit each.
    const isRight = length >= LEAST && size < length && length <= size * 8
    bytes = (isRight ? decodeBytes(coded, length) : undefined) ?? reader.fail('its code is not right')
    isAscii = isCodeOfAscii(coded)
  }
  if (isAscii) return bytes
  try {
    return decoder.decode(bytes)
  } catch {
    return reader.fail('its text is not UTF-8')
  }
}

/** What {@link readText} gave, as a string. */
export function stringOf(text: Uint8Array | string): string {
  if (typeof text === 'string') return text
  return text.length > SHORT ? decoder.decode(text) : String.fromCharCode(...text)
}
