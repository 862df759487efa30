import { HistoryFormatError } from '../errors.ts'
import type { Limits } from './limits.ts'

/** Values per operation that a text may hold: `ReadLimits.maxOperations` bounds both. */
const VALUES_PER_OPERATION = 16
/** Characters of a reason. */
const MAX_REASON = 500

/** A text with its name and its limits; what every reader reads from and fails through. */
export class Source {
  readonly text: string
  readonly file: string
  readonly limits: Limits
  #values = 0

  constructor(text: string, file: string, limits: Limits) {
    this.text = text
    this.file = file
    this.limits = limits
  }

  /** A part of the text, with the same name and limits. */
  within(text: string): Source {
    return new Source(text, this.file, this.limits)
  }

  fail(line: number | undefined, reason: string): never {
    // Names in it come from the text, and may be as long as the text.
    const short = reason.length > MAX_REASON ? `${reason.slice(0, MAX_REASON)}…` : reason
    throw new HistoryFormatError(this.file, line, short)
  }

  /** Counts one more value read: bounds the memory that a text of nothing but brackets can take. */
  countValue(line: number): void {
    if (++this.#values > this.limits.maxOperations * VALUES_PER_OPERATION)
      this.fail(
        line,
        `more than ${this.limits.maxOperations * VALUES_PER_OPERATION} values; raise maxOperations`,
      )
  }
}

/** The text of a file, or why it is none. */
export function sourceOf(input: string | Uint8Array, file: string, limits: Limits): Source {
  if (typeof input !== 'string' && !(input instanceof Uint8Array))
    throw new TypeError(`A history is read from a string or bytes, not from ${typeof input}`)
  const size = input.length
  const refuse = (reason: string): never => new Source('', file, limits).fail(undefined, reason)
  if (size > limits.maxBytes)
    refuse(
      `${size} ${typeof input === 'string' ? 'characters' : 'bytes'} are more than maxBytes (${limits.maxBytes})`,
    )
  const text = typeof input === 'string' ? input.replace(/^\uFEFF/, '') : decoded(input, refuse)
  if (text.includes('\0')) refuse('it is binary data, not text')
  if (text.trim() === '') refuse('it is empty')
  return new Source(text, file, limits)
}

function decoded(bytes: Uint8Array, refuse: (reason: string) => never): string {
  if (bytes[0] === 0x1f && bytes[1] === 0x8b) refuse('it is compressed with gzip; decompress it first')
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes)
  } catch {
    return refuse('it is not UTF-8 text')
  }
}

/** A value for a message, whatever it is; never calls a `toString` that came with the text. */
export function shown(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object' && value !== null) return 'a map'
  return typeof value === 'string' ? excerpt(value) : String(value)
}

/** At most 40 characters of something, for a message. */
export function excerpt(text: string): string {
  const short = text.length > 40 ? `${text.slice(0, 40)}…` : text
  return JSON.stringify(short)
}
