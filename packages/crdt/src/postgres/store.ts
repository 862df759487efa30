import type { AnyCrdt, DocumentStore, StoreOptions } from '../store.ts'
import { checkWhole, StoreOfDocuments } from '../store/document-store.ts'
import { systemRandom } from '../store/system-clock.ts'
import { WriterNames } from '../store/writer-names.ts'
import { PostgresBackend } from './backend.ts'
import { type PgQueryable, quoteIdentifier } from './queryable.ts'

/** Options of {@link postgresStore}. */
export interface PostgresStoreOptions<C extends AnyCrdt> extends StoreOptions<C> {
  /** A `pg.Pool`; it stays the caller's. Give it a `query_timeout`. */
  readonly pool: PgQueryable
  /** Names the documents of this store among those of the table. Default: the type, for example `cart`. */
  readonly collection?: string | undefined
  /** Schema of the table `crdt_document`. Default `quorate`. */
  readonly schema?: string | undefined
}

/** A store in Postgres. */
export interface PostgresStore<C extends AnyCrdt> extends DocumentStore<C> {
  /** Creates the schema and the table if they are missing. Safe to call from many processes at once. */
  migrate(): Promise<void>

  /**
   * The same store inside a transaction of the caller: what it writes is committed or rolled back with the rest. A document
   * that was read is locked until then, so there are no conflicts; two transactions that take two documents in different
   * order can deadlock. To be locked, a document that is not there is put there, empty, also by `load`. Errors leave the
   * transaction to be rolled back.
   *
   * @param client a client after BEGIN.
   *
   * @example
   * ```ts
   * await client.query('BEGIN')
   * await carts.within(client).edit('ann', (cart) => cart.clear())
   * await client.query('INSERT INTO orders …')
   * await client.query('COMMIT')
   * ```
   */
  within(client: PgQueryable): DocumentStore<C>

  /**
   * Deletes documents that have expired: they are gone for everybody already, this frees their space.
   *
   * @param limit at most so many, from 1. Default 1,000.
   * @returns how many.
   */
  purge(limit?: number): Promise<number>
}

/**
 * Documents in Postgres, one row each: state and version, written only if nobody else did in between. No session state,
 * so PgBouncer in any mode will do.
 *
 * @throws TypeError or RangeError for an option out of its range.
 *
 * @example
 * ```ts
 * const carts = postgresStore({ pool, type: { create: createCart, decode: decodeCart } })
 * await carts.migrate()
 * await carts.edit('ann', (cart) => cart.add('sku-1', 2))
 * ```
 */
export function postgresStore<C extends AnyCrdt>(options: PostgresStoreOptions<C>): PostgresStore<C> {
  const { pool, collection, schema = 'quorate', ...rest } = options
  if (typeof pool?.query !== 'function') {
    throw new TypeError('pool must be a pg.Pool, as in { pool: new pg.Pool({ connectionString }) }')
  }
  if (collection !== undefined && typeof collection !== 'string') {
    throw new TypeError('collection must be a string')
  }
  const quoted = quoteIdentifier(schema)
  return new PostgresDocuments(rest, pool, quoted, collection)
}

class PostgresDocuments<C extends AnyCrdt> extends StoreOfDocuments<C> implements PostgresStore<C> {
  readonly #options: StoreOptions<C>
  readonly #pool: PgQueryable
  readonly #schema: string
  readonly #collection: string
  readonly #empty: Uint8Array
  readonly #backend: PostgresBackend
  /**
   * Transactions edit under names of their own. Among themselves the lock of the document keeps them apart: each looks
   * what became of the last one before it picks a name.
   */
  readonly #names: WriterNames

  constructor(options: StoreOptions<C>, pool: PgQueryable, schema: string, collection?: string) {
    const empty = options.type.create({ replica: 'empty' })
    const name = collection ?? empty.type
    const backend = new PostgresBackend(pool, `${schema}.crdt_document`, name)
    super({ ...options, mode: 'replace', backend })
    this.#options = options
    this.#pool = pool
    this.#schema = schema
    this.#collection = name
    this.#empty = empty.encode()
    this.#backend = backend
    this.#names = new WriterNames(options.random ?? systemRandom)
  }

  async migrate(): Promise<void> {
    // Several statements without parameters are one transaction; IF NOT EXISTS alone fails when two start at once.
    await this.#pool.query(
      `SELECT pg_advisory_xact_lock(hashtextextended('quorate.crdt', 0));
CREATE SCHEMA IF NOT EXISTS ${this.#schema};
CREATE TABLE IF NOT EXISTS ${this.#schema}.crdt_document (
  collection text NOT NULL,
  key text NOT NULL,
  tag text NOT NULL,
  state bytea NOT NULL,
  expires_at timestamptz,
  updated_at timestamptz NOT NULL,
  PRIMARY KEY (collection, key)
);
CREATE INDEX IF NOT EXISTS crdt_document_expires_at ON ${this.#schema}.crdt_document (expires_at)
  WHERE expires_at IS NOT NULL`,
      [],
    )
  }

  within(client: PgQueryable): DocumentStore<C> {
    if (typeof client?.query !== 'function') throw new TypeError('client must be a pg.Client after BEGIN')
    const table = `${this.#schema}.crdt_document`
    const empty = { bytes: this.#empty, ttlMs: this.#options.ttlMs }
    const backend = new PostgresBackend(client, table, this.#collection, empty)
    return new StoreOfDocuments({
      ...this.#options,
      mode: 'replace',
      backend,
      names: this.#names,
      maxRetries: 0,
    })
  }

  async purge(limit = 1_000): Promise<number> {
    checkWhole('limit', limit, 1)
    return this.#backend.purge(limit)
  }
}
