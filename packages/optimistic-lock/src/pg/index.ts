/**
 * Optimistic repositories over `pg`.
 * @packageDocumentation
 */
export {
  optimisticRepository,
  type PgQueryable,
  type PgRepository,
  type PgRepositoryOptions,
  type PgTypes,
} from './repository.ts'
export { type Table, table } from './table.ts'
