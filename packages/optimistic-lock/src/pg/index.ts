/**
 * Optimistic repositories over `pg`.
 * @packageDocumentation
 */
export {
  optimisticRepository,
  type PgRepository,
  type PgRepositoryOptions,
  type PgTypes,
  type PgValueTypes,
  type WithXmin,
} from './repository.ts'
export type { PgQueryable } from './session.ts'
export { type Table, table } from './table.ts'
export {
  byTime,
  type ByTime,
  byValues,
  type ByValues,
  byXmin,
  type ByXmin,
  type VersionChoice,
} from '../versions.ts'
