import type { Clock } from '@quorate/core'
import { tokensIn } from './check-call.ts'
import { laterOf, type Position } from './position.ts'
import type { SharedValues } from './shared-values.ts'
import type { TokenRejection, TokenSigner } from './signed-bytes.ts'
import { decodeToken, encodeToken, MAX_POSITIONS, type TokenContent } from './token.ts'

/**
 * What a session asks of a server:
 * - `nothing`: it has written and seen nothing yet.
 * - `position`: everything up to here.
 * - `primary`: its token could not be read, or knows other databases only, so only the primary is surely
 *   new enough.
 */
export type Need =
  | { readonly type: 'nothing' }
  | { readonly type: 'position'; readonly position: Position }
  | { readonly type: 'primary'; readonly rejection: TokenRejection | 'foreign' }

/** One user's view of the data, for as long as it must not go back: a request, a job, a chain of calls. */
export interface Session {
  /** Whom it belongs to, as given; users with a key keep to one replica as long as that can serve them. */
  readonly key: string | undefined
  /** To hand on: in a cookie, a header, a job. `undefined` while there is nothing to be sure of. */
  readonly token: string | undefined
  /** Has the token moved since the session was made? */
  readonly changed: boolean
  /**
   * Takes in what other sessions have done, also in other databases: the later position of each counts.
   * A token that cannot be read sends reads to the primary.
   */
  merge(token: string | readonly string[]): void
}

/** What sessions of one router have in common. */
export interface SessionParts {
  readonly signer: TokenSigner
  /** The latest position of each user in this process. */
  readonly shared: SharedValues<Position>
  readonly clock: Clock
  /** Older tokens are not taken, ms. */
  readonly maxTokenAgeMs: number
  /** What a cluster is called in tokens. */
  readonly inTokens: (cluster: string) => string
  readonly onRejected: (rejection: TokenRejection) => void
}

/** {@link Session} with what the router needs. */
export class RoutedSession implements Session {
  readonly key: string | undefined
  readonly #parts: SessionParts
  /** By cluster as tokens call it, in the order in which they moved. */
  readonly #positions = new Map<string, Position>()
  #rejection: TokenRejection | undefined
  #changed = false

  /** @param tokens what it goes on from. */
  constructor(key: string | undefined, tokens: readonly string[], parts: SessionParts) {
    this.key = key
    this.#parts = parts
    this.merge(tokens)
    this.#changed = false
  }

  /**
   * What it asks of the servers of a cluster, with what other requests of the same user have done.
   *
   * @param cluster `undefined`: not known yet.
   */
  need(cluster: string | undefined): Need {
    if (this.#rejection !== undefined) return { type: 'primary', rejection: this.#rejection }
    const own = this.#withShared(cluster === undefined ? undefined : this.#parts.inTokens(cluster))
    if (own !== undefined) return { type: 'position', position: { ...own, cluster: cluster ?? own.cluster } }
    return this.#positions.size === 0 ? { type: 'nothing' } : { type: 'primary', rejection: 'foreign' }
  }

  get token(): string | undefined {
    if (this.#rejection !== undefined) return undefined
    const positions = new Map(this.#positions)
    const shared = this.#shared && this.#withShared(this.#shared.cluster)
    if (shared !== undefined) positions.set(shared.cluster, shared)
    if (positions.size === 0) return undefined
    const { signer, clock } = this.#parts
    const content: TokenContent = {
      positions: [...positions.values()].slice(-MAX_POSITIONS),
      issuedAtMs: clock.now(),
    }
    return encodeToken(content, signer)
  }

  get changed(): boolean {
    return this.#changed
  }

  merge(token: string | readonly string[]): void {
    for (const one of tokensIn(token)) this.#mergeOne(one)
  }

  /**
   * The session has written up to `position`, or seen it, on a server that had all the session's past.
   *
   * @param replaces the position was read on the primary, so it is later than anything a token that was
   *   not taken can have meant, or one of another timeline.
   */
  advance({ cluster, ...where }: Position, replaces: boolean): void {
    if (this.#rejection !== undefined && !replaces) return
    const position: Position = { ...where, cluster: this.#parts.inTokens(cluster) }
    const own = this.#positions.get(position.cluster)
    const mayGoBack = replaces && own?.timeline !== position.timeline
    const next = own === undefined || mayGoBack ? position : (laterOf(own, position) ?? own)
    this.#rejection = undefined
    if (next === own) return
    this.#put(next)
    this.#changed = true
    if (this.key === undefined) return
    const { shared } = this.#parts
    const known = shared.get(this.key)
    shared.set(this.key, known === undefined ? next : (laterOf(known, next) ?? next))
  }

  get #shared(): Position | undefined {
    return this.key === undefined ? undefined : this.#parts.shared.get(this.key)
  }

  /**
   * The position in a cluster, with what other requests of the same user have done there.
   *
   * @param cluster `undefined`: whichever it is. Whose it is will show with the server that serves.
   */
  #withShared(cluster: string | undefined): Position | undefined {
    const shared = this.#shared
    const isOne = this.#positions.size + (shared === undefined ? 0 : 1) === 1
    const named = cluster ?? shared?.cluster ?? (isOne ? [...this.#positions.keys()][0] : undefined)
    const own = named === undefined ? undefined : this.#positions.get(named)
    if (shared === undefined || shared.cluster !== named) return own
    return own === undefined ? shared : laterOf(own, shared)
  }

  #mergeOne(token: string): void {
    const { signer, clock, maxTokenAgeMs, onRejected } = this.#parts
    const { content, rejected } = decodeToken(token, signer)
    const isExpired = content !== undefined && clock.now() - content.issuedAtMs > maxTokenAgeMs
    const rejection = isExpired ? 'expired' : rejected
    if (rejection !== undefined) {
      this.#rejection = rejection
      this.#positions.clear()
      onRejected(rejection)
      return
    }
    if (this.#rejection !== undefined) return
    for (const position of content?.positions ?? []) {
      const own = this.#positions.get(position.cluster)
      const later = own === undefined ? position : (laterOf(own, position) ?? own)
      if (later === own) continue
      this.#put(later)
      this.#changed = true
    }
  }

  /** The newest goes to the end. */
  #put(position: Position): void {
    this.#positions.delete(position.cluster)
    this.#positions.set(position.cluster, position)
  }
}
