import type { Clock } from '@quorate/core'
import { tokensIn } from '../check-call.ts'
import type { Session } from '../session.ts'
import type { SharedValues } from '../shared-values.ts'
import type { TokenRejection, TokenSigner } from '../signed-bytes.ts'
import { merged, NOWHERE, replaced, type RedisPosition } from './position.ts'
import { decodeRedisToken, encodeRedisToken } from './token.ts'

/** What sessions of one router have in common. */
export interface RedisSessionParts {
  readonly signer: TokenSigner
  readonly shared: SharedValues<readonly RedisPosition[]>
  readonly clock: Clock
  /** Older tokens are not taken, ms. */
  readonly maxTokenAgeMs: number
  readonly onRejected: (rejection: TokenRejection) => void
}

/**
 * What a session asks of a server:
 * - `positions`: all up to these, one of each history; none if it has written and seen nothing yet.
 * - `primary`: its token could not be read, so only the primary is surely new enough.
 */
export type RedisNeed =
  | { readonly type: 'positions'; readonly positions: readonly RedisPosition[] }
  | { readonly type: 'primary'; readonly rejection: TokenRejection }

/** A {@link Session} of positions in the replication stream of Redis. */
export class RedisSession implements Session {
  readonly key: string | undefined
  readonly #parts: RedisSessionParts
  #positions: readonly RedisPosition[] = []
  #rejection: TokenRejection | undefined
  #changed = false

  /** @param tokens what it goes on from. */
  constructor(key: string | undefined, tokens: readonly string[], parts: RedisSessionParts) {
    this.key = key
    this.#parts = parts
    this.merge(tokens)
    this.#changed = false
  }

  /** What it asks for now, with what other requests of the same user have done. */
  get need(): RedisNeed {
    if (this.#rejection !== undefined) return { type: 'primary', rejection: this.#rejection }
    return { type: 'positions', positions: this.positions }
  }

  /** All that is known to be asked for. */
  get positions(): readonly RedisPosition[] {
    const shared = this.key === undefined ? undefined : this.#parts.shared.get(this.key)
    // Mostly they are the very same: this is asked for with each read.
    if (shared === undefined || shared === this.#positions) return this.#positions
    return this.#positions.length === 0 ? shared : merged(this.#positions, shared)
  }

  get token(): string | undefined {
    const { positions } = this
    if (this.#rejection !== undefined || positions.length === 0) return undefined
    const { signer, clock } = this.#parts
    return encodeRedisToken({ positions, issuedAtMs: clock.now() }, signer)
  }

  get changed(): boolean {
    return this.#changed
  }

  merge(token: string | readonly string[]): void {
    for (const one of tokensIn(token)) this.#mergeOne(one)
  }

  /** The session has seen this on a server that showed all the session asked for. */
  saw(position: RedisPosition): void {
    if (this.#rejection === undefined) this.#become(merged(this.positions, [position]))
  }

  /**
   * The session has written up to this position, or seen it, on the primary: that is later than anything a
   * token that was not taken can have meant, or one of a history that has ended.
   *
   * @param before what was asked for when the primary was.
   */
  reached(position: RedisPosition, before: readonly RedisPosition[]): void {
    // A token that was not taken is to be replaced, whatever it said.
    if (this.#rejection !== undefined) this.#changed = true
    this.#rejection = undefined
    this.#become(replaced(this.positions, before, position))
  }

  /** The session may have written, and nobody knows up to where: only the primary is surely new enough. */
  lost(): void {
    this.#become(merged(this.positions, [NOWHERE]))
  }

  #become(next: readonly RedisPosition[]): void {
    if (isSame(this.positions, next)) return
    this.#positions = next
    this.#changed = true
    if (this.key !== undefined) this.#parts.shared.set(this.key, next)
  }

  #mergeOne(token: string): void {
    const { signer, clock, maxTokenAgeMs, onRejected } = this.#parts
    const { content, rejected } = decodeRedisToken(token, signer)
    const isExpired = content !== undefined && clock.now() - content.issuedAtMs > maxTokenAgeMs
    const rejection = isExpired ? 'expired' : rejected
    if (rejection !== undefined) {
      this.#rejection = rejection
      this.#positions = []
      onRejected(rejection)
      return
    }
    if (this.#rejection !== undefined) return
    const next = merged(this.#positions, content?.positions ?? [])
    if (isSame(this.#positions, next)) return
    this.#positions = next
    this.#changed = true
  }
}

function isSame(a: readonly RedisPosition[], b: readonly RedisPosition[]): boolean {
  const isIn = ({ replid, offset }: RedisPosition, list: readonly RedisPosition[]): boolean =>
    list.some((one) => one.replid === replid && one.offset === offset)
  return a.length === b.length && a.every((one) => isIn(one, b))
}
