import type { Clock } from '@quorate/core'
import { tokensIn } from '../check-call.ts'
import type { Session } from '../session.ts'
import type { SharedValues } from '../shared-values.ts'
import { openToken, sealToken, TOKEN_KINDS, type TokenRejection, type TokenSigner } from '../signed-bytes.ts'

/** What sessions of one router have in common. */
export interface WindowSessionParts {
  readonly signer: TokenSigner
  /** When each user has last written, by the monotonic clock. */
  readonly shared: SharedValues<number>
  readonly clock: Clock
  readonly windowMs: number
  readonly onRejected: (rejection: TokenRejection | 'from-the-future') => void
}

/** A token holds the wall time of the last write, ms. */
const CONTENT_BYTES = 8

/**
 * A {@link Session} that knows when it has last written. Within a process that is measured by the monotonic
 * clock, which does not jump; only between processes does the token's wall time count.
 */
export class WindowSession implements Session {
  readonly key: string | undefined
  readonly #parts: WindowSessionParts
  #wroteAtMs: number | undefined
  #changed = false

  /** @param tokens what it goes on from. */
  constructor(key: string | undefined, tokens: readonly string[], parts: WindowSessionParts) {
    this.key = key
    this.#parts = parts
    for (const token of tokens) this.#mergeOne(token)
  }

  /** Has it written within the window, as far as one can know? */
  get hasWritten(): boolean {
    const { clock, windowMs } = this.#parts
    const wroteAtMs = this.#lastWriteAtMs
    return wroteAtMs !== undefined && clock.monotonic() - wroteAtMs < windowMs
  }

  get token(): string | undefined {
    const { clock, signer } = this.#parts
    const wroteAtMs = this.#lastWriteAtMs
    if (wroteAtMs === undefined || !this.hasWritten) return undefined
    const bytes = new Uint8Array(CONTENT_BYTES)
    const nowMs = clock.now()
    new DataView(bytes.buffer).setFloat64(0, nowMs - (clock.monotonic() - wroteAtMs))
    return sealToken(TOKEN_KINDS.window, bytes, nowMs, signer)
  }

  get changed(): boolean {
    return this.#changed
  }

  merge(token: string | readonly string[]): void {
    for (const one of tokensIn(token)) {
      if (this.#mergeOne(one)) this.#changed = true
    }
  }

  /** It has written, or may have. */
  wrote(): void {
    this.#become(this.#parts.clock.monotonic())
    this.#changed = true
  }

  get #lastWriteAtMs(): number | undefined {
    const shared = this.key === undefined ? undefined : this.#parts.shared.get(this.key)
    if (shared === undefined || this.#wroteAtMs === undefined) return shared ?? this.#wroteAtMs
    return Math.max(shared, this.#wroteAtMs)
  }

  #become(wroteAtMs: number): void {
    this.#wroteAtMs = wroteAtMs
    if (this.key !== undefined) this.#parts.shared.set(this.key, wroteAtMs)
  }

  /**
   * A token that cannot be read, or that is from the future because a clock was set, may be of a write just
   * now. It is replaced, so that it counts as that once, and not for as long as the clock was wrong by.
   *
   * @returns whether it moved the session.
   */
  #mergeOne(token: string): boolean {
    const { clock, signer, onRejected } = this.#parts
    const { content, rejected } = openToken(TOKEN_KINDS.window, token, CONTENT_BYTES, signer)
    const isWhole = content?.length === CONTENT_BYTES
    const atMs = isWhole ? new DataView(content.buffer, content.byteOffset).getFloat64(0) : Number.NaN
    const ageMs = clock.now() - atMs
    if (!(ageMs >= 0)) {
      onRejected(rejected ?? (isWhole ? 'from-the-future' : 'malformed'))
      this.wrote()
      return true
    }
    const wroteAtMs = clock.monotonic() - ageMs
    const known = this.#lastWriteAtMs
    if (known !== undefined && known >= wroteAtMs) return false
    this.#become(wroteAtMs)
    return true
  }
}
