import { isCounter } from '../dot.ts'
import { DecodeError } from '../errors.ts'
import { hlcFromString, type HlcTimestamp, hlcToString } from '../hlc-timestamp.ts'
import { VersionVector } from '../version-vector.ts'

const VECTOR = 'version vector header'
const STAMP = 'hybrid time stamp header'
/** What no server or proxy of today refuses in one header, and the least that W3C baggage must carry. */
export const MAX_HEADER_BYTES = 8_192

/**
 * A vector as a header value, for example `1~eu-1.7~us-1.2a`: format 1, then each node with its counter in base 36,
 * in order. ASCII without spaces, quotes, commas and semicolons, so it may be a cookie or a part of a list as well.
 *
 * @throws RangeError if it would be longer than 8,192 bytes: some 500 nodes.
 */
export function vectorToHeader(vector: VersionVector): string {
  const text = `1${Array.from(vector, ([node, counter]) => `~${escape(node)}.${counter.toString(36)}`).join('')}`
  if (text.length <= MAX_HEADER_BYTES) return text
  throw new RangeError(
    `A header must have ${MAX_HEADER_BYTES} bytes at most, the vector takes ${text.length}`,
  )
}

/** The vector that {@link vectorToHeader} wrote. @throws DecodeError on anything else. */
export function vectorFromHeader(text: string): VersionVector {
  checkText(text, VECTOR)
  const [format, ...parts] = text.split('~')
  if (format !== '1') throw new DecodeError(VECTOR, 'its format is unknown')
  const entries = parts.map((part): [string, number] => {
    const dot = part.lastIndexOf('.')
    const counter = Number.parseInt(part.slice(dot + 1), 36)
    const node = unescape(part.slice(0, Math.max(dot, 0)), VECTOR)
    if (node === '' || !isCounter(counter)) throw new DecodeError(VECTOR, `its part ${part} is not valid`)
    return [node, counter]
  })
  const vector = VersionVector.of(entries)
  // One spelling only: order, zeros and escapes are checked by writing it again.
  if (vectorToHeader(vector) !== text) throw new DecodeError(VECTOR, 'it is not spelled as it must be')
  return vector
}

/** A stamp as a header value, for example `018cc251f400-0000-eu-1`: `hlcToString()`, the node id escaped to ASCII. */
export function hlcToHeader(stamp: HlcTimestamp): string {
  const text = hlcToString(stamp)
  return text.slice(0, HEAD) + escape(text.slice(HEAD))
}

/** The stamp that {@link hlcToHeader} wrote. @throws DecodeError on anything else. */
export function hlcFromHeader(text: string): HlcTimestamp {
  checkText(text, STAMP)
  const stamp = hlcFromString(text.slice(0, HEAD) + unescape(text.slice(HEAD), STAMP))
  if (hlcToHeader(stamp) !== text) throw new DecodeError(STAMP, 'it is not spelled as it must be')
  return stamp
}

/** Length of `mmmmmmmmmmmm-cccc-`. */
const HEAD = 18

function checkText(text: string, what: string): void {
  if (typeof text !== 'string') throw new TypeError(`A ${what} must be a string`)
  if (text.length > MAX_HEADER_BYTES)
    throw new DecodeError(what, `it is longer than ${MAX_HEADER_BYTES} bytes`)
}

/** Letters, digits, `-` and `_` stay as they are, and `.`, which ends before the last one; all else becomes UTF-8 in hex. */
const escape = (node: string): string =>
  encodeURIComponent(node).replaceAll(
    /[!'()*~]/g,
    (char) => `%${char.charCodeAt(0).toString(16).toUpperCase()}`,
  )

function unescape(text: string, what: string): string {
  try {
    return decodeURIComponent(text)
  } catch {
    throw new DecodeError(what, 'an escape in it is not UTF-8')
  }
}
