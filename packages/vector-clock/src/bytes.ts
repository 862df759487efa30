import { DecodeError } from './errors.ts'

const encoder = /* @__PURE__ */ new TextEncoder()
// ignoreBOM keeps a leading U+FEFF: it is a part of the text, and dropping it would make two ids one.
const decoder = /* @__PURE__ */ new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Up to here a loop is faster than a call of the encoder. */
const SHORT = 40

/**
 * Grows a byte string. Numbers are LEB128 (7 bits per byte, low end first); texts are UTF-8 after
 * their length in bytes.
 *
 * @experimental
 */
export class ByteWriter {
  #bytes = new Uint8Array(64)
  #length = 0

  /** One byte, 0 to 255. */
  byte(value: number): void {
    this.#reserve(1)
    this.#bytes[this.#length++] = value
  }

  /** A whole number from 0 to 2^53 − 1, in 1 to 8 bytes. */
  uint(value: number): void {
    this.#reserve(8)
    let rest = value
    // Division, not shifts: shifts would cut the number to 32 bits.
    for (; rest > 127; rest = Math.floor(rest / 128)) this.#bytes[this.#length++] = (rest % 128) | 128
    this.#bytes[this.#length++] = rest
  }

  /**
   * A well-formed text. `extra` values from 0 to `kinds` − 1 ride along in its length.
   */
  text(value: string, kinds = 1, extra = 0): void {
    const start = this.#length
    this.uint(value.length * kinds + extra)
    this.#reserve(value.length)
    // Most ids are short and ASCII: a call of the encoder for each would be most of the time.
    for (let i = 0; i < value.length; i++) {
      const code = value.charCodeAt(i)
      if (i > SHORT || code > 127) {
        const utf8 = encoder.encode(value)
        this.#length = start
        this.uint(utf8.length * kinds + extra)
        this.raw(utf8)
        return
      }
      this.#bytes[this.#length++] = code
    }
  }

  /** Bytes as they are. */
  raw(bytes: Uint8Array): void {
    this.#reserve(bytes.length)
    this.#bytes.set(bytes, this.#length)
    this.#length += bytes.length
  }

  /** What was written, as bytes of its own. */
  finish(): Uint8Array<ArrayBuffer> {
    return this.#bytes.slice(0, this.#length)
  }

  #reserve(more: number): void {
    const needed = this.#length + more
    if (needed <= this.#bytes.length) return
    const grown = new Uint8Array(Math.max(needed, this.#bytes.length * 2))
    grown.set(this.#bytes)
    this.#bytes = grown
  }
}

/**
 * Reads what a {@link ByteWriter} wrote, from a sender one need not trust: every method throws a
 * DecodeError on anything a writer would not have written, and allocates no more than the input holds.
 *
 * @experimental
 */
export class ByteReader {
  readonly #bytes: Uint8Array
  readonly #what: string
  #offset = 0

  /** @param what the thing being decoded, for error messages. */
  constructor(bytes: Uint8Array, what: string) {
    if (!(bytes instanceof Uint8Array)) throw new TypeError(`A ${what} must be a Uint8Array`)
    this.#bytes = bytes
    this.#what = what
  }

  /** One byte. */
  byte(): number {
    return this.#bytes[this.#offset++] ?? this.fail('the bytes end too early')
  }

  /** A number as {@link ByteWriter.uint} writes it: no longer than needed, at most 2^53 − 1. */
  uint(): number {
    // Most numbers are small: one byte, read without a loop. Past the end there is undefined, which is not below 128.
    const first = this.#bytes[this.#offset] as number
    if (first < 128) {
      this.#offset++
      return first
    }
    let value = 0
    for (let scale = 1; ; scale *= 128) {
      const byte = this.byte()
      value += (byte & 127) * scale
      if (!Number.isSafeInteger(value) || scale > 2 ** 49) this.fail('a number passes 2^53')
      if (byte < 128) {
        if (byte === 0 && scale > 1) this.fail('a number is too long')
        return value
      }
    }
  }

  /** A number of things to come, of at least one byte each. */
  count(): number {
    const count = this.uint()
    if (count > this.#bytes.length - this.#offset) this.fail('the bytes end too early')
    return count
  }

  /** A text of `length` bytes; without `length`, after its length. */
  text(length: number = this.uint()): string {
    // As in writing: a call of the decoder would be most of the time. Past the end there is undefined, which is not ASCII.
    const start = this.#offset
    let text = ''
    const end = length > SHORT ? start : start + length
    for (let i = start; i < end && (this.#bytes[i] as number) < 128; i++) {
      text += String.fromCharCode(this.#bytes[i] as number)
    }
    if (text.length === length) {
      this.#offset += length
      return text
    }
    const bytes = this.raw(length)
    try {
      return decoder.decode(bytes)
    } catch {
      return this.fail('a text is not UTF-8')
    }
  }

  /** The next `length` bytes, not copied. */
  raw(length: number): Uint8Array {
    const start = this.#offset
    if (length > this.#bytes.length - start) this.fail('the bytes end too early')
    this.#offset += length
    return this.#bytes.subarray(start, this.#offset)
  }

  /** Checks that the byte of the format comes next, and is the one that is known. */
  format(known: number): void {
    if (this.byte() !== known) this.fail('its format is unknown')
  }

  /** A node id, above the one before; above '' for the first, which keeps out the empty id. */
  nodeAfter(last: string, length?: number): string {
    const node = this.text(length)
    return node > last ? node : this.fail('its node ids are not in order')
  }

  /** Checks that nothing follows. */
  end(): void {
    if (this.#offset < this.#bytes.length) this.fail('bytes follow the end')
  }

  /** @throws DecodeError with this reason and the present offset. */
  fail(reason: string): never {
    throw new DecodeError(this.#what, reason, Math.min(this.#offset, this.#bytes.length))
  }
}
