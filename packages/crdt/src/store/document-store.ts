import { checkSource, type CrdtType } from '../crdt.ts'
import { checkName } from '@quorate/vector-clock/codec'
import type { AnyCrdt, CallOptions, DocumentStore, Edited, EditOptions, StoreOptions } from '../store.ts'
import type { Backend } from './backend.ts'
import { type Call, openCall } from './call.ts'
import { StoreError } from './errors.ts'
import type { StoreParts } from './store-parts.ts'
import { StoredDocument } from './stored-document.ts'
import { systemClock, systemRandom } from './system-clock.ts'
import { WriterNames } from './writer-names.ts'

/** Redis and timers take no more. */
const MAX_MS = 2_147_483_647

/** Options of {@link documentStore}. */
export interface DocumentStoreOptions<C extends AnyCrdt> extends StoreOptions<C> {
  readonly backend: Backend
  /**
   * What a write sends.
   * - `replace`: the whole state. An edit sees the newest document, so it can keep rules about all of it; if somebody else
   *   wrote first, it is applied again.
   * - `append`: the delta alone, and never a conflict. An edit sees the newest that this process has seen. Only for a
   *   backend that can.
   */
  readonly mode: 'replace' | 'append'
}

/**
 * A store over any backend. Most use `redisStore`, `postgresStore` or `memoryStore`; for a database of your own, write a
 * {@link Backend} and check it with `documentStoreContract` of `@quorate/crdt/testing`.
 *
 * @throws TypeError or RangeError for an option out of its range.
 */
export function documentStore<C extends AnyCrdt>(options: DocumentStoreOptions<C>): DocumentStore<C> {
  return new StoreOfDocuments(options)
}

/** @internal What adapters with more calls extend. */
export class StoreOfDocuments<C extends AnyCrdt> implements DocumentStore<C> {
  readonly #parts: StoreParts<C>
  readonly #type: CrdtType
  readonly #maxCached: number
  /** Those used last are the last. */
  readonly #documents = new Map<string, StoredDocument<C>>()

  constructor(options: DocumentStoreOptions<C> & { readonly names?: WriterNames }) {
    const { backend, mode, type, ttlMs, clock = systemClock, random = systemRandom } = options
    const { maxCached = 1_000, maxAttempts = 50, maxWaiting = 10_000 } = options
    const { maxRetries = 2, timeoutMs = 10_000 } = options
    if (typeof type?.create !== 'function' || typeof type.decode !== 'function') {
      throw new TypeError(
        'type must have create and decode, as in { create: createCart, decode: decodeCart }',
      )
    }
    if (ttlMs !== undefined) checkWhole('ttlMs', ttlMs, 1)
    checkWhole('maxCached', maxCached, 1)
    checkWhole('maxAttempts', maxAttempts, 1)
    checkWhole('maxWaiting', maxWaiting, 1)
    checkWhole('maxRetries', maxRetries, 0)
    checkWhole('timeoutMs', timeoutMs, 1)
    if (mode === 'append' && !backend.canAppend) {
      throw new TypeError("mode must be 'replace': this backend cannot append")
    }
    const { names = new WriterNames(random) } = options
    this.#maxCached = maxCached
    this.#type = type.create({ replica: names.reader() }).type
    const limits = { ttlMs, maxAttempts, maxWaiting, maxRetries, timeoutMs }
    this.#parts = { backend, mode, type, ...limits, names, clock, random }
  }

  load(key: string, options: CallOptions = {}): Promise<C> {
    return this.#call('load', key, () => undefined, options) as Promise<C>
  }

  edit<R>(key: string, change: (document: C) => R, options: EditOptions = {}): Promise<Edited<C, R>> {
    if (typeof change !== 'function') throw new TypeError('change must be a function that edits the document')
    const run = (copy: C): unknown => {
      const result: unknown = change(copy)
      if (typeof (result as { then?: unknown } | null | undefined)?.then !== 'function') return result
      // It goes on editing a copy that is not its own any more.
      void Promise.resolve(result).catch(() => {})
      throw new TypeError('change must not return a promise: do what waits before edit()')
    }
    return this.#call('edit', key, run, options) as Promise<Edited<C, R>>
  }

  async merge(
    key: string,
    source: Uint8Array | { readonly type: C['type']; encode(): Uint8Array },
    options: CallOptions = {},
  ): Promise<Edited<C, boolean>> {
    if (!(source instanceof Uint8Array)) checkSource(this.#type, source)
    // As it is now: the caller may go on with it.
    const bytes = source instanceof Uint8Array ? source.slice() : source.encode()
    const merge = (copy: C): boolean => copy.merge(bytes)
    return (await this.#call('merge', key, merge, options, bytes)) as Edited<C, boolean>
  }

  delete(key: string, options: CallOptions = {}): Promise<boolean> {
    return this.#call('delete', key, () => undefined, options) as Promise<boolean>
  }

  async #call(
    kind: Call<C>['kind'],
    key: string,
    run: (copy: C) => unknown,
    { signal, rewrite = false }: EditOptions,
    source?: Uint8Array,
  ): Promise<unknown> {
    checkName('key', key)
    const { call, promise } = openCall<C>({ kind, run, rewrite, source }, signal, ({ sent }, reason) =>
      sent === undefined
        ? reason
        : new StoreError({
            action: kind,
            key,
            outcome: 'unknown',
            delta: kind === 'delete' ? undefined : sent,
            cause: reason,
          }),
    )
    if (!call.isOpen) return promise
    const document = this.#documents.get(key) ?? new StoredDocument(key, this.#parts)
    this.#documents.delete(key)
    this.#documents.set(key, document)
    document.enqueue(call, () => this.#forget())
    return promise
  }

  /** Documents in use are never forgotten, so that a key has one at a time. */
  #forget(): void {
    let excess = this.#documents.size - this.#maxCached
    if (excess <= 0) return
    for (const [key, document] of this.#documents) {
      if (!document.isIdle) continue
      this.#documents.delete(key)
      if (--excess <= 0) return
    }
  }
}

/** @throws TypeError if it is no number, RangeError if it is out of range. */
export function checkWhole(name: string, value: unknown, least: number): void {
  if (typeof value !== 'number') throw new TypeError(`${name} must be a number, got ${JSON.stringify(value)}`)
  if (!Number.isInteger(value) || value < least || value > MAX_MS) {
    throw new RangeError(`${name} must be a whole number from ${least} to ${MAX_MS}, got ${value}`)
  }
}
