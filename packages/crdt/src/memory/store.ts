import type { AnyCrdt, DocumentStore, StoreOptions } from '../store.ts'
import type { Backend } from '../store/backend.ts'
import { documentStore } from '../store/document-store.ts'
import { memoryBackend } from './backend.ts'

/** Options of {@link memoryStore}. */
export interface MemoryStoreOptions<C extends AnyCrdt> extends StoreOptions<C> {
  /** Where its documents are: stores that share one see the same. Default: one of its own. */
  readonly backend?: Backend | undefined
  /** As of a Redis store. Default `replace`. */
  readonly mode?: 'replace' | 'append' | undefined
}

/**
 * A store in this process's memory.
 *
 * @example
 * ```ts
 * const carts = memoryStore({ type: { create: createCart, decode: decodeCart } })
 * await carts.edit('ann', (cart) => cart.add('sku-1', 2))
 * ```
 */
export function memoryStore<C extends AnyCrdt>(options: MemoryStoreOptions<C>): DocumentStore<C> {
  const { backend = memoryBackend(), mode = 'replace', ...rest } = options
  return documentStore({ ...rest, backend, mode })
}
