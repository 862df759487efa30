import type { Clock } from '@quorate/core'
import type { ChannelLike, StorageLike } from './ports.ts'
import { isLost, tokensIn, type TokenChange } from './token-set.ts'

/** What {@link TokenStore} is made of. */
export interface TokenStoreParts {
  /** Of entries in the storage: other things live there too. */
  readonly prefix: string
  readonly storage: StorageLike | undefined
  readonly channel: ChannelLike | undefined
  readonly maxAgeMs: number
  readonly clock: Pick<Clock, 'now'>
  readonly onStorageFailed: (cause: unknown) => void
  /** Another tab has got a token. */
  readonly onForeign: (key: string) => void
}

interface ChangeMessage extends TokenChange {
  readonly type: 'change'
  readonly key: string
}
type Message = ChangeMessage | { readonly type: 'ask' }

/**
 * Tokens by key, shared by all tabs. A token has an entry of its own in the storage, so that two tabs never write
 * over each other's: there is no lock there. One that is still there although it was replaced only makes the
 * header longer, so what a tab knows is what it has heard of and what is stored together.
 */
export class TokenStore {
  readonly #parts: TokenStoreParts
  /** By key, then by token: when it came, ms of the wall clock. */
  readonly #held = new Map<string, Map<string, number>>()

  constructor(parts: TokenStoreParts) {
    this.#parts = parts
    parts.channel?.addEventListener('message', ({ data }) => this.#receive(data as Message))
    this.#post({ type: 'ask' })
  }

  get(key: string): ReadonlySet<string> {
    const tokens = new Set<string>()
    const { clock, maxAgeMs } = this.#parts
    const oldestMs = clock.now() - maxAgeMs
    for (const [token, atMs] of [...this.#stored(key), ...(this.#held.get(key) ?? [])]) {
      if (atMs >= oldestMs) tokens.add(token)
      else this.#drop(key, token)
    }
    return tokens
  }

  /** Of keys of this tab, and of all tabs as far as they are stored. */
  keys(): ReadonlySet<string> {
    const keys = new Set(this.#held.keys())
    for (const [key] of this.#entries()) keys.add(key)
    return keys
  }

  apply(key: string, { add, remove }: TokenChange): void {
    if (add.length + remove.length === 0) return
    // What is new comes first: in between there is too much rather than too little.
    for (const token of add) this.#put(key, token)
    for (const token of remove) this.#drop(key, token)
    this.#post({ type: 'change', key, add, remove })
  }

  close(): void {
    this.#parts.channel?.close()
  }

  #put(key: string, token: string): void {
    const atMs = this.#parts.clock.now()
    this.#keep(key, token, atMs)
    this.#tryStorage((storage) => storage.setItem(this.#nameOf(key, token), String(atMs)))
  }

  #keep(key: string, token: string, atMs: number): void {
    const tokens = this.#held.get(key) ?? new Map<string, number>()
    this.#held.set(key, tokens.set(token, atMs))
  }

  #drop(key: string, token: string): void {
    const tokens = this.#held.get(key)
    tokens?.delete(token)
    if (tokens?.size === 0) this.#held.delete(key)
    this.#tryStorage((storage) => storage.removeItem(this.#nameOf(key, token)))
  }

  #nameOf(key: string, token: string): string {
    return `${this.#parts.prefix}${key} ${token}`
  }

  *#stored(key: string): Generator<[token: string, atMs: number]> {
    for (const [one, token, atMs] of this.#entries()) if (one === key) yield [token, atMs]
  }

  /** Whatever stands there may have been put there by anything on this origin. */
  #entries(): [key: string, token: string, atMs: number][] {
    const { prefix } = this.#parts
    const entries: [string, string, number][] = []
    this.#tryStorage((storage) => {
      for (let index = 0; index < storage.length; index++) {
        const name = storage.key(index)
        if (name?.startsWith(prefix) !== true) continue
        const end = name.lastIndexOf(' ')
        const token = name.slice(end + 1)
        const atMs = Number(storage.getItem(name))
        if (end > prefix.length && isToken(token)) entries.push([name.slice(prefix.length, end), token, atMs])
      }
    })
    return entries
  }

  #tryStorage(use: (storage: StorageLike) => void): void {
    const { storage, onStorageFailed } = this.#parts
    if (storage === undefined) return
    try {
      use(storage)
    } catch (cause) {
      onStorageFailed(cause)
    }
  }

  #post(message: Message): void {
    try {
      this.#parts.channel?.postMessage(message)
    } catch {
      // It was closed, by us or by a page that goes away: nobody is left to tell.
    }
  }

  /** A tab of another version may send what this one does not know. */
  #receive(message: Partial<ChangeMessage> | { readonly type: 'ask' } | null): void {
    if (message?.type === 'ask') return this.#answer()
    if (message?.type !== 'change') return
    const { key, add, remove } = message
    if (typeof key !== 'string' || !Array.isArray(add) || !Array.isArray(remove)) return
    // Not by what is stored: the storage may have been faster than the message.
    const before = this.#held.get(key)
    const nowMs = this.#parts.clock.now()
    const fresh = (add as unknown[]).filter(isToken).filter((token) => before?.has(token) !== true)
    for (const token of fresh) this.#keep(key, token, nowMs)
    const held = this.#held.get(key)
    for (const token of remove as unknown[]) held?.delete(token as string)
    if (held?.size === 0) this.#held.delete(key)
    if (fresh.length > 0) this.#parts.onForeign(key)
  }

  /** To a new tab, which may have no storage to read. */
  #answer(): void {
    for (const [key, tokens] of this.#held) {
      this.#post({ type: 'change', key, add: [...tokens.keys()], remove: [] })
    }
  }
}

const isToken = (value: unknown): value is string =>
  typeof value === 'string' && (isLost(value) || tokensIn(value)[0] === value)
