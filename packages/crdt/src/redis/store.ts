import type { AnyCrdt, DocumentStore, StoreOptions } from '../store.ts'
import { checkWhole, documentStore } from '../store/document-store.ts'
import { RedisBackend } from './backend.ts'
import type { RedisLike } from './client.ts'

/** Options of {@link redisStore}. */
export interface RedisStoreOptions<C extends AnyCrdt> extends StoreOptions<C> {
  /**
   * A connected client like `ioredis`, or a cluster; it stays the caller's. Give it a `commandTimeout`, or the store's
   * `timeoutMs` ends a wait that the driver goes on with.
   */
  readonly client: RedisLike
  /**
   * What a write sends.
   * - `append` (default): the delta alone, in one round trip, and never a conflict, however many write. An edit sees the
   *   newest that this process has seen. Deltas are folded into one state when they are 100, or larger than it.
   * - `replace`: the whole state, if nobody else wrote in between. An edit sees the newest of all, so it can keep a rule
   *   about all of it. One round trip alone, one more for each writer who was faster.
   *
   * Stores of both kinds may share documents.
   */
  readonly mode?: 'replace' | 'append' | undefined
  /** Starts the name of every key. A prefix with `{…}` puts all documents into one slot. Default `quorate:crdt`. */
  readonly prefix?: string | undefined
  /**
   * An edit is acknowledged when so many replicas have it (WAIT), from 1. When they do not within `waitMs`, its outcome is
   * unknown: it stands on the primary. Takes a client of its own, since WAIT holds up what others send through it, and not
   * a cluster. Default: the primary's word is enough, and a fail-over may lose it.
   */
  readonly replicas?: number | undefined
  /** Default 1,000. */
  readonly waitMs?: number | undefined
}

/**
 * Documents in Redis 6.2 or later, each in one hash.
 *
 * @throws TypeError or RangeError for an option out of its range.
 *
 * @example
 * ```ts
 * const carts = redisStore({
 *   client: new Redis(url),
 *   type: { create: createCart, decode: decodeCart },
 *   ttlMs: 24 * 3_600_000,
 * })
 * const { document } = await carts.edit('ann', (cart) => cart.add('sku-1', 2))
 * ```
 */
export function redisStore<C extends AnyCrdt>(options: RedisStoreOptions<C>): DocumentStore<C> {
  const { client, prefix = 'quorate:crdt', mode = 'append', replicas, waitMs = 1_000, ...rest } = options
  if (typeof client?.callBuffer !== 'function') {
    throw new TypeError('client must be a connected ioredis client, as in { client: new Redis(url) }')
  }
  if (typeof prefix !== 'string') throw new TypeError('prefix must be a string')
  if (replicas !== undefined) checkWhole('replicas', replicas, 1)
  checkWhole('waitMs', waitMs, 1)
  const replication = replicas === undefined ? undefined : { replicas, waitMs }
  return documentStore({ ...rest, mode, backend: new RedisBackend(client, prefix, replication) })
}
