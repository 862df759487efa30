import { laterOf, type Position } from './position.ts'
import type { SharedPositions } from './shared-positions.ts'
import { decodeToken, encodeToken, type TokenRejection, type TokenSigner } from './token.ts'

/**
 * What a session asks of a server:
 * - `nothing`: it has written and seen nothing yet.
 * - `position`: everything up to here.
 * - `primary`: its token could not be read, so only the primary is surely new enough.
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
  /** Takes in what another session has done. A token that cannot be read sends reads to the primary. */
  merge(token: string): void
}

/** {@link Session} with what the router needs. */
export class RoutedSession implements Session {
  readonly key: string | undefined
  readonly #signer: TokenSigner
  readonly #shared: SharedPositions
  readonly #onRejected: (rejection: TokenRejection) => void
  #need: Need = { type: 'nothing' }
  #changed = false

  constructor(
    key: string | undefined,
    signer: TokenSigner,
    shared: SharedPositions,
    onRejected: (rejection: TokenRejection) => void,
  ) {
    this.key = key
    this.#signer = signer
    this.#shared = shared
    this.#onRejected = onRejected
  }

  /** What it asks for now, with what other requests of the same user have done. */
  get need(): Need {
    const shared = this.key === undefined ? undefined : this.#shared.get(this.key)
    if (shared === undefined || this.#need.type === 'primary') return this.#need
    if (this.#need.type === 'nothing') return { type: 'position', position: shared }
    const later = laterOf(this.#need.position, shared)
    // The newer cluster is whichever the primary is; the router finds out with the session's own.
    return later === undefined ? this.#need : { type: 'position', position: later }
  }

  get token(): string | undefined {
    const need = this.need
    return need.type === 'position' ? encodeToken(need.position, this.#signer) : undefined
  }

  get changed(): boolean {
    return this.#changed
  }

  merge(token: string): void {
    const { position, rejected } = decodeToken(token, this.#signer)
    if (rejected !== undefined) {
      this.#need = { type: 'primary', rejection: rejected }
      this.#onRejected(rejected)
      return
    }
    if (this.#need.type === 'primary') return
    const later = this.#need.type === 'nothing' ? position : laterOf(this.#need.position, position)
    this.#need =
      later === undefined ? { type: 'primary', rejection: 'foreign' } : { type: 'position', position: later }
  }

  /**
   * The session has written up to `position`, or seen it, on a server that had all the session's past.
   *
   * @param replaces the position was read on the primary, so it is later than anything a token that was
   *   not taken can have meant.
   */
  advance(position: Position, replaces: boolean): void {
    const own = this.#need
    if (own.type === 'primary' && !replaces) return
    let next = position
    if (own.type === 'position') {
      const sameHistory =
        own.position.cluster === position.cluster && own.position.timeline === position.timeline
      if (!replaces || sameHistory) next = laterOf(own.position, position) ?? own.position
      if (next === own.position) return
    }
    this.#need = { type: 'position', position: next }
    this.#changed = true
    if (this.key !== undefined) this.#shared.advance(this.key, next)
  }
}
