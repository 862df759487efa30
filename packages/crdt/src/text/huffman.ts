// A static Huffman code over bytes. The code depends on nothing but how often each byte occurs, so that equal
// texts have equal codes; what is written of it is the length of each code, and the reader refuses lengths that
// the text does not lead to. Longest code: 12 bits, for a table that stays in the first cache.
const LONGEST = 12
const SYMBOLS = 256

/** How often each byte occurs. */
export function countBytes(bytes: Uint8Array): Uint32Array {
  const counts = new Uint32Array(SYMBOLS)
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number
    counts[byte] = (counts[byte] as number) + 1
  }
  return counts
}

/** The length of each byte's code; 0 for one that does not occur. */
export function codeLengths(counts: Uint32Array): Uint8Array {
  const leaves: number[] = []
  for (let byte = 0; byte < SYMBOLS; byte++) if ((counts[byte] as number) > 0) leaves.push(byte)
  const scaled = counts.slice()
  for (let divisor = 1; ; divisor *= 2) {
    const lengths = optimalLengths(scaled, leaves)
    // Rarer bytes get shorter codes than they should, until none is too long.
    if (lengths.every((length) => length <= LONGEST)) return lengths
    for (const byte of leaves) scaled[byte] = Math.ceil((counts[byte] as number) / (divisor * 2))
  }
}

/**
 * Huffman's algorithm with two queues; of equal weights the leaf first, then the lower byte.
 *
 * @param leaves the bytes that occur; put in order.
 */
function optimalLengths(counts: Uint32Array, leaves: number[]): Uint8Array {
  const lengths = new Uint8Array(SYMBOLS)
  leaves.sort((a, b) => (counts[a] as number) - (counts[b] as number) || a - b)
  const weights: number[] = []
  const parents = new Uint16Array(SYMBOLS * 2)
  let leaf = 0
  let inner = 0
  const next = (): number => {
    const byte = leaves[leaf]
    if (byte !== undefined && !((weights[inner] ?? Infinity) < (counts[byte] as number))) return leaf++
    return leaves.length + inner++
  }
  const weightOf = (node: number): number =>
    node < leaves.length
      ? (counts[leaves[node] as number] as number)
      : (weights[node - leaves.length] as number)
  while (weights.length < leaves.length - 1) {
    const one = next()
    const other = next()
    parents[one] = parents[other] = leaves.length + weights.length
    weights.push(weightOf(one) + weightOf(other))
  }
  const root = leaves.length + weights.length - 1
  const depths = new Uint16Array(SYMBOLS * 2)
  for (let node = root - 1; node >= 0; node--) {
    depths[node] = (depths[parents[node] as number] as number) + 1
    if (node < leaves.length) lengths[leaves[node] as number] = depths[node] as number
  }
  return lengths
}

/** Bytes that the coded text takes, with its table. Infinite for a text of one byte, which has no code. */
export function codedSize(counts: Uint32Array, lengths: Uint8Array): number {
  if (lengths.every((length) => length === 0)) return Infinity
  return SYMBOLS / 2 + Math.ceil(bitsOf(counts, lengths) / 8)
}

function bitsOf(counts: Uint32Array, lengths: Uint8Array): number {
  let bits = 0
  for (let byte = 0; byte < SYMBOLS; byte++) bits += (counts[byte] as number) * (lengths[byte] as number)
  return bits
}

/** Canonical codes: by length, then by byte. */
function codesOf(lengths: Uint8Array): Uint16Array {
  const codes = new Uint16Array(SYMBOLS)
  let code = 0
  for (let length = 1; length <= LONGEST; length++) {
    for (let byte = 0; byte < SYMBOLS; byte++) if (lengths[byte] === length) codes[byte] = code++
    code <<= 1
  }
  return codes
}

/** The lengths, two to a byte, then the codes, highest bit first, the last byte filled with zeros. */
export function encodeBytes(bytes: Uint8Array, lengths: Uint8Array, size: number): Uint8Array {
  const out = new Uint8Array(size)
  let at = 0
  for (; at < SYMBOLS / 2; at++) {
    out[at] = ((lengths[at * 2] as number) << 4) | (lengths[at * 2 + 1] as number)
  }
  const codes = codesOf(lengths)
  let bits = 0
  let buffer = 0
  for (let i = 0; i < bytes.length; i++) {
    const byte = bytes[i] as number
    const length = lengths[byte] as number
    buffer = (buffer << length) | (codes[byte] as number)
    bits += length
    while (bits >= 8) {
      bits -= 8
      out[at++] = buffer >>> bits
    }
    buffer &= (1 << bits) - 1
  }
  if (bits > 0) out[at] = buffer << (8 - bits)
  return out
}

/** `count` bytes from their codes; `undefined` if {@link encodeBytes} would have written something else. */
export function decodeBytes(coded: Uint8Array, count: number): Uint8Array | undefined {
  if (count > (coded.length - SYMBOLS / 2) * 8) return undefined // no code is shorter than a bit
  const lengths = new Uint8Array(SYMBOLS)
  for (let byte = 0; byte < SYMBOLS; byte++) {
    lengths[byte] = ((coded[byte >> 1] as number) >> (byte % 2 === 0 ? 4 : 0)) & 15
  }
  const table = tableOf(lengths)
  if (table === undefined) return undefined
  // In long texts two codes at a time, where both fit: more than twice as fast, once the table is paid for.
  const codes = count > table.length ? inPairs(table) : table
  // One more, as the last look-up may see a second code in the zeros past the end.
  const bytes = new Uint8Array(count + 1)
  let at = SYMBOLS / 2
  let bits = 0
  let buffer = 0
  for (let i = 0; i < count;) {
    if (bits < LONGEST) {
      const isWhole = at + 1 < coded.length
      const next = isWhole ? ((coded[at] as number) << 8) | (coded[at + 1] as number) : lastOf(coded, at)
      buffer = (buffer << 16) | next
      bits += 16
      at += 2
    }
    const entry = codes[(buffer >>> (bits - LONGEST)) & (table.length - 1)] as number
    bits -= entry & 15
    bytes[i] = entry >>> 8
    bytes[i + 1] = entry >>> 16
    i += (entry >>> 4) & 3
  }
  return checked(bytes.subarray(0, count), coded, lengths)
}

/** True if no byte above 127 has a code. */
export const isCodeOfAscii = (coded: Uint8Array): boolean =>
  coded.subarray(SYMBOLS / 4, SYMBOLS / 2).every((lengths) => lengths === 0)

/** Past the end there are zeros, as many as a look-up may want. */
const lastOf = (coded: Uint8Array, at: number): number => (at < coded.length ? (coded[at] as number) << 8 : 0)

/** The bytes, if these are their codes to the last bit. */
function checked(bytes: Uint8Array, coded: Uint8Array, lengths: Uint8Array): Uint8Array | undefined {
  const counts = countBytes(bytes)
  const isRight =
    codedSize(counts, lengths) === coded.length &&
    codeLengths(counts).every((length, byte) => length === lengths[byte])
  if (!isRight) return undefined
  const padding = (8 - (bitsOf(counts, lengths) % 8)) % 8
  return ((coded[coded.length - 1] as number) & ((1 << padding) - 1)) === 0 ? bytes : undefined
}

/**
 * For each `LONGEST` bits what they begin with: the length of the code, + how many codes that is × 16, + its byte × 256,
 * + a second byte × 65,536. `undefined` for lengths that make no full code.
 */
function tableOf(lengths: Uint8Array): Uint32Array | undefined {
  const table = new Uint32Array(1 << LONGEST)
  let filled = 0
  for (let length = 1; length <= LONGEST; length++) {
    for (let byte = 0; byte < SYMBOLS; byte++) {
      if (lengths[byte] !== length) continue
      const end = filled + (1 << (LONGEST - length))
      if (end > table.length) return undefined
      table.fill((byte << 8) | ONE | length, filled, end)
      filled = end
    }
  }
  return filled === table.length ? table : undefined
}

const ONE = 1 << 4
const TWO = 2 << 4

/** The same with two codes where they fit. */
function inPairs(table: Uint32Array): Uint32Array {
  const pairs = table.slice()
  for (let i = 0; i < table.length; i++) {
    const first = table[i] as number
    const length = first & 15
    const second = table[(i << length) & (table.length - 1)] as number
    const both = length + (second & 15)
    if (both <= LONGEST) pairs[i] = ((second >>> 8) << 16) | ((first >>> 8) << 8) | TWO | both
  }
  return pairs
}
