/**
 * Replicas on Postgres: a table of its own, or the rows of yours.
 * @packageDocumentation
 */
export { postgresReplica, type PostgresReplica, type PostgresReplicaOptions } from './postgres-replica.ts'
export {
  postgresRowReplica,
  type PostgresRowReplica,
  type PostgresRowReplicaOptions,
} from './postgres-row-replica.ts'
export type { PgQueryable } from './sql.ts'
