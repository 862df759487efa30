/**
 * Documents in Postgres, through `pg`.
 * @packageDocumentation
 */
export type { PgQueryable } from './queryable.ts'
export { type PostgresStore, postgresStore, type PostgresStoreOptions } from './store.ts'
