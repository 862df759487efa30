/**
 * Locks in Postgres, and the guard that refuses writes of those who lost theirs.
 * @packageDocumentation
 */
export { StaleTokenError } from '../errors.ts'
export { postgresGuard, type PostgresGuard, type PostgresGuardOptions } from './guard.ts'
export type { KyselyQueryable, PgQueryable } from './queryable.ts'
export { type PostgresLockStore, postgresLockStore, type PostgresLockStoreOptions } from './store.ts'
