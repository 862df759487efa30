/**
 * Optimistic repositories over Kysely, typed from its schema.
 * @packageDocumentation
 */
export {
  type ChangesOf,
  type CounterColumn,
  type KyselyRepository,
  type KyselyRepositoryOptions,
  type KyselyTypes,
  type KyselyValueTypes,
  type KyselyXminTypes,
  optimisticRepository,
  type TimeColumn,
  type VersionColumn,
} from './repository.ts'
export {
  byTime,
  type ByTime,
  byValues,
  type ByValues,
  byXmin,
  type ByXmin,
  type VersionChoice,
} from '../versions.ts'
