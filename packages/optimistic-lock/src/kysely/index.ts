/**
 * Optimistic repositories over Kysely, typed from its schema.
 * @packageDocumentation
 */
export {
  type CounterColumn,
  type KyselyRepository,
  type KyselyRepositoryOptions,
  type KyselyTypes,
  optimisticRepository,
  type VersionColumn,
} from './repository.ts'
