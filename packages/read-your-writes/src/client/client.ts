import { checkNames, emit, systemClock, systemRandom, type Clock, type Random } from '@quorate/core'
import type { ClientEvent, LostReason } from './events.ts'
import { browserChannel, browserStorage, place, type ChannelLike, type StorageLike } from './ports.ts'
import { afterExchange, headerValue, isLost, lostMark, tokensIn, type Exchanged } from './token-set.ts'
import { TokenStore } from './token-store.ts'

declare global {
  // As `lib.esnext.disposable.d.ts` has them, for pages whose `lib` is older: they need not use them.
  interface SymbolConstructor {
    readonly dispose: unique symbol
  }
  interface Disposable {
    [Symbol.dispose](): void
  }
}

/** Options of {@link createClient}. */
export interface ClientOptions {
  /** What sends the requests. Default: the global `fetch`, as it is when a request is sent. */
  readonly fetch?: typeof fetch | undefined
  /** Where tokens outlive the page, for all tabs. Default: `localStorage` in a browser; `false`: nowhere. */
  readonly storage?: StorageLike | false | undefined
  /** How tabs and workers tell each other of tokens. Default: a `BroadcastChannel` in a browser; `false`: not at all. */
  readonly channel?: ChannelLike | false | undefined
  /** As the server has it. Default `Quorate-Session`. A second database has a client with a header of its own. */
  readonly header?: string | undefined
  /**
   * What shares tokens: requests of one key carry the tokens of its answers. `undefined`: the request is sent as it
   * is. Default: the origin; a gateway before several databases may want the first part of the path too.
   */
  readonly keyOf?: ((url: URL) => string | undefined) | undefined
  /** How long a token is sent, ms. Default one day, as the server's cookie: replicas have long caught up by then. */
  readonly maxAgeMs?: number | undefined
  readonly onEvent?: ((event: ClientEvent) => void) | undefined
  /** Default: the machine's. */
  readonly clock?: Pick<Clock, 'now'> | undefined
  /** Tells this tab's losses from those of other tabs. Default: the machine's. */
  readonly random?: Random | undefined
}

/** A `fetch` whose reads see its writes, also in other tabs. */
export interface Client extends Disposable {
  /**
   * As `fetch`, with the tokens of what this user has done. While there are any, GET and HEAD pass by the browser's
   * cache, which would show what was before, unless the request says `cache` itself.
   */
  readonly fetch: typeof fetch
  /** What a request to there would say in the header; for a WebSocket, an EventSource, another service. */
  token(url: string | URL): string | undefined
  /** Takes in a token that came by other ways, for example with a page that the server rendered. */
  merge(url: string | URL, token: string): void
  /** Forgets all tokens, in all tabs: another user has signed in. */
  clear(): void
  /**
   * Told by the channel when another tab has got a token, some milliseconds after the answer was there: what is
   * shown may be old now.
   *
   * @returns what ends it.
   */
  subscribe(listener: (key: string) => void): () => void
  /** Leaves the channel. Requests still work, in this tab alone. */
  close(): void
}

const ONE_DAY_MS = 86_400_000
const SAFE = new Set(['GET', 'HEAD', 'OPTIONS'])
const OPTIONS: readonly (keyof ClientOptions)[] = [
  'fetch',
  'storage',
  'channel',
  'header',
  'keyOf',
  'maxAgeMs',
  'onEvent',
  'clock',
  'random',
]

/**
 * For pages whose API keeps tokens in a header: on another origin, where its cookie does not travel, or for several
 * tabs and requests at once, of whose answers a cookie keeps only the last.
 *
 * On another origin the server has to allow it: `Access-Control-Allow-Headers: Quorate-Session` and
 * `Access-Control-Expose-Headers: Quorate-Session`.
 *
 * A write whose answer does not come (network error, abort, 5xx without a token) may have happened. The next read
 * is then served by the primary.
 *
 * @throws TypeError for an unknown option, or a header that is no name.
 * @throws RangeError unless `maxAgeMs` is above 0.
 *
 * @example
 * ```ts
 * const client = createClient()
 * await client.fetch('https://api.example.com/profile', { method: 'PUT', body })
 * const profile = await client.fetch('https://api.example.com/profile') // has it
 * ```
 */
export function createClient(options: ClientOptions = {}): Client {
  checkNames('create a client', options, OPTIONS)
  const { header = 'Quorate-Session', keyOf = ({ origin }) => origin, maxAgeMs = ONE_DAY_MS } = options
  const { fetch: given, onEvent, clock = systemClock, random = systemRandom } = options
  if (!/^[\w-]+$/.test(header)) {
    throw new TypeError(
      `Cannot create a client: header must be a name of letters, digits, _ and -, got '${header}'`,
    )
  }
  if (!(maxAgeMs > 0)) {
    throw new RangeError(`Cannot create a client: maxAgeMs must be above 0, got ${maxAgeMs}`)
  }
  const listeners = new Set<(key: string) => void>()
  const shared = `quorate:${header.toLowerCase()}`
  const store = new TokenStore({
    prefix: `${shared}:`,
    storage: (options.storage ?? browserStorage()) || undefined,
    channel: (options.channel ?? browserChannel(shared)) || undefined,
    maxAgeMs,
    clock,
    onStorageFailed: (cause) => emit<ClientEvent>(onEvent, () => ({ type: 'storage-failed', cause })),
    onForeign: (key) => {
      for (const listener of listeners) emit(listener, () => key)
    },
  })
  const unreadable = new Set<string>()
  const self = Math.floor(random() * Number.MAX_SAFE_INTEGER).toString(36)
  let losses = 0

  const settle = (key: string, exchanged: Exchanged, reason: LostReason): void => {
    const held = store.get(key)
    const change = afterExchange(held, exchanged, lostMark(`${self}-${++losses}`))
    store.apply(key, change)
    if (!change.add.some(isLost) || [...held].some(isLost)) return
    emit<ClientEvent>(onEvent, () => ({
      type: 'token-lost',
      key,
      reason: exchanged.lost ? reason : 'too-many',
    }))
  }

  const send: typeof fetch = async (input, init) => {
    const request = typeof input === 'object' && 'url' in input ? input : undefined
    const url = urlOf(typeof input === 'object' && 'url' in input ? input.url : input)
    const key = url === undefined ? undefined : keyOf(url)
    const mode = (init as { mode?: string } | undefined)?.mode ?? request?.mode
    const through = given ?? globalThis.fetch
    // Without CORS neither header could pass; and what is no URL is for `fetch` to refuse.
    if (url === undefined || key === undefined || mode === 'no-cors') return through(input, init)

    const isWrite = !SAFE.has((init?.method ?? request?.method ?? 'GET').toUpperCase())
    const carried = store.get(key)
    const signal = init?.signal ?? request?.signal
    signal?.throwIfAborted() // nothing was sent
    // A server of another origin that has never sent a token may not know the header, and refuse it.
    const mayKnow = carried.size > 0 || !isElsewhere(url)
    let response: Response
    try {
      response = await through(input, withTokens(init, request, isWrite, header, headerValue(carried)))
    } catch (error) {
      if (isWrite && mayKnow) settle(key, { carried, answered: [], lost: true }, 'no-answer')
      throw error
    }
    const isFromCache = !isWrite && response.headers.has('age')
    const answered = isFromCache ? [] : tokensIn(response.headers.get(header))
    const reason = isWrite ? lostBy(response, answered) : undefined
    const lost = reason !== undefined && mayKnow
    const answerKey = response.redirected ? keyOf(urlOf(response.url) ?? url) : key
    if (answerKey === key) settle(key, { carried, answered, lost }, reason ?? 'no-answer')
    else {
      settle(key, { carried, answered: [], lost }, reason ?? 'no-answer')
      if (answerKey !== undefined)
        settle(answerKey, { carried: new Set(), answered, lost: false }, 'too-many')
    }
    if (isWrite && response.ok && answered.length === 0 && !mayKnow && !unreadable.has(key)) {
      unreadable.add(key)
      emit<ClientEvent>(onEvent, () => ({ type: 'token-unreadable', key, url: url.href }))
    }
    return response
  }

  const keyed = (url: string | URL): string | undefined => {
    const absolute = urlOf(url)
    return absolute === undefined ? undefined : keyOf(absolute)
  }
  return {
    fetch: send,
    token: (url) => {
      const key = keyed(url)
      return key === undefined ? undefined : headerValue(store.get(key))
    },
    merge: (url, token) => {
      const key = keyed(url)
      if (key === undefined) return
      settle(key, { carried: new Set(), answered: tokensIn(token), lost: false }, 'too-many')
    },
    clear: () => {
      for (const key of store.keys()) store.apply(key, { add: [], remove: [...store.get(key)] })
    },
    subscribe: (listener) => {
      const one = (key: string): void => listener(key)
      listeners.add(one)
      return () => void listeners.delete(one)
    },
    close: () => store.close(),
    [Symbol.dispose]: () => store.close(),
  }
}

/** Absolute, as seen from the page. `undefined`: no URL. */
function urlOf(from: string | URL): URL | undefined {
  try {
    return new URL(from, place()?.href)
  } catch {
    return undefined
  }
}

/** Is it of another origin than the page? On a server there is no page, and nothing that keeps origins apart. */
function isElsewhere(url: URL): boolean {
  const here = place()
  return here !== undefined && here.origin !== url.origin
}

type Init = Parameters<typeof fetch>[1]

function withTokens(
  init: Init,
  request: Request | undefined,
  isWrite: boolean,
  header: string,
  value: string | undefined,
): Init {
  if (value === undefined) return init
  const headers = new Headers(init?.headers ?? request?.headers)
  headers.append(header, value)
  const told = (init as { cache?: string } | undefined)?.cache ?? request?.cache ?? 'default'
  const cache = told === 'default' && !isWrite ? { cache: 'no-store' as const } : {}
  return { ...init, ...cache, headers }
}

/**
 * Why a write may have had a token that is not here. 503 says that it was not taken on, as do all below 500 that
 * have no token.
 */
function lostBy({ type, redirected, status }: Response, answered: readonly string[]): LostReason | undefined {
  if (redirected || type === 'opaqueredirect') return 'redirected'
  return answered.length === 0 && status >= 500 && status !== 503 ? 'server-error' : undefined
}
