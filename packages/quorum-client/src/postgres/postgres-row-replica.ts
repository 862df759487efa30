import type { QuorumReadReplica, TaggedRecord } from '../replica.ts'
import { type PgQueryable, quoteName } from './sql.ts'

/** Options of {@link postgresRowReplica}. */
export interface PostgresRowReplicaOptions {
  /** Its name, unique within a quorum. */
  readonly id: string
  /** A pool on one server, primary or standby. Yours: end it yourself, and listen to its `error` event. */
  readonly pool: PgQueryable
  /** Your table, with its schema if need be: `inventory.stock`. */
  readonly table: string
  /** The column that keys are looked up in; unique. */
  readonly key: string
  /** Its type. Default `text`, also for `varchar`. */
  readonly keyType?: 'text' | 'uuid' | 'integer' | 'bigint' | undefined
  /** The columns that make the value, under their own names. */
  readonly value: readonly string[]
  /** A column with a whole number that grows with each change of the row: the tag. */
  readonly version: string
}

/** A replica made of rows of a table. */
export interface PostgresRowReplica<V> extends QuorumReadReplica<V, number> {
  getMany(keys: readonly string[]): Promise<ReadonlyMap<string, TaggedRecord<V, number>>>
}

interface Row<V> {
  readonly key: string
  readonly tag: string
  readonly value: V
}

/**
 * Reads the rows of a table on one server as records, with their version column as the tag. It only
 * reads: a standby cannot be written, and replication brings it up to date.
 *
 * Values come as JSON does: numbers as numbers (a `numeric` or `bigint` past 2^53 loses digits; leave
 * it out or store text), times as ISO text.
 *
 * @throws TypeError for names that Postgres cannot hold, or no value column.
 *
 * @example
 * ```ts
 * const replica = postgresRowReplica<Stock>({
 *   id: 'inventory-eu', pool, table: 'stock', key: 'sku', value: ['available'], version: 'version',
 * })
 * ```
 */
export function postgresRowReplica<V>(options: PostgresRowReplicaOptions): PostgresRowReplica<V> {
  const { id, pool, keyType = 'text' } = options
  if (options.value.length === 0) throw new TypeError('value must name at least one column')
  if (!KEY_TYPES.has(keyType))
    throw new TypeError(`keyType must be text, uuid, integer or bigint, got ${keyType}`)
  const key = quoteName(options.key)
  const fields = options.value.map((column) => `${quoteLiteral(column)}, t.${quoteName(column)}`).join(', ')
  // Each row comes under the key as it was asked for: a uuid in capitals is the same row, but not the same text.
  const text = `SELECT asked.name AS key, t.${quoteName(options.version)}::text AS tag,
    json_build_object(${fields}) AS value
    FROM unnest($1::text[]) AS asked (name)
    JOIN ${quoteName(options.table)} AS t ON t.${key} = asked.name::${keyType}`

  const getMany = async (keys: readonly string[]): Promise<ReadonlyMap<string, TaggedRecord<V, number>>> => {
    const { rows } = await pool.query(text, [keys])
    return new Map((rows as Row<V>[]).map((row) => [row.key, { tag: toTag(row, options), value: row.value }]))
  }
  return { id, getMany, get: async (one) => (await getMany([one])).get(one) }
}

const KEY_TYPES: ReadonlySet<string> = new Set(['text', 'uuid', 'integer', 'bigint'])

const quoteLiteral = (text: string): string => `'${text.replaceAll("'", "''")}'`

function toTag({ tag, key }: Row<unknown>, { table, version }: PostgresRowReplicaOptions): number {
  const number = tag === null ? Number.NaN : Number(tag)
  if (Number.isSafeInteger(number)) return number
  throw new RangeError(`Cannot read ${table} ${key}: column ${version} must be a whole number, got ${tag}`)
}
