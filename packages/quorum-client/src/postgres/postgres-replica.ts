import type { QuorumReplica, TaggedRecord } from '../replica.ts'
import { type PgQueryable, quoteName } from './sql.ts'

/** Options of {@link postgresReplica}. */
export interface PostgresReplicaOptions {
  /** Its name, unique within a quorum. */
  readonly id: string
  /** A pool on one server. Yours: end it yourself, and listen to its `error` event. */
  readonly pool: PgQueryable
  /** Default `quorate.quorum_record`. */
  readonly table?: string | undefined
}

/** A replica in a table of its own. */
export interface PostgresReplica<V> extends QuorumReplica<V> {
  /** Creates schema and table if they are missing. Safe to call from many processes at once. */
  migrate(): Promise<void>
  getMany(keys: readonly string[]): Promise<ReadonlyMap<string, TaggedRecord<V>>>
}

/** A row as it is read. */
interface Row<V> {
  readonly key: string
  readonly tag: string
  readonly value: V
}

/**
 * A replica in a table of one Postgres server: key, tag and JSON value. A put is one conditional upsert,
 * so that two at once leave the greater tag; tags compare as bytes (`COLLATE "C"`), as in JavaScript.
 *
 * @throws TypeError for a table name that Postgres cannot hold.
 *
 * @example
 * ```ts
 * const replica = postgresReplica<Price>({ id: 'eu', pool })
 * await replica.migrate()
 * ```
 */
export function postgresReplica<V>(options: PostgresReplicaOptions): PostgresReplica<V> {
  const { id, pool, table = 'quorate.quorum_record' } = options
  const name = quoteName(table)
  const schema = table.includes('.') ? quoteName(table.slice(0, table.lastIndexOf('.'))) : undefined
  const getMany = async (keys: readonly string[]): Promise<ReadonlyMap<string, TaggedRecord<V>>> => {
    const { rows } = await pool.query(`SELECT key, tag, value FROM ${name} WHERE key = ANY($1::text[])`, [
      keys,
    ])
    return new Map((rows as Row<V>[]).map(({ key, tag, value }) => [key, { tag, value }]))
  }
  return {
    id,
    getMany,
    get: async (key) => (await getMany([key])).get(key),
    putIfNewer: async (key, { tag, value }) => {
      const { rowCount } = await pool.query(
        `INSERT INTO ${name} AS record (key, tag, value) VALUES ($1, $2, $3::jsonb)
         ON CONFLICT (key) DO UPDATE SET tag = excluded.tag, value = excluded.value
         WHERE record.tag < excluded.tag`,
        [key, tag, JSON.stringify(value)],
      )
      if (rowCount === 1) return true
      // A greater tag is there, or this one: only a write that is sent twice needs to know.
      const { rows } = await pool.query(`SELECT tag = $2 AS same FROM ${name} WHERE key = $1`, [key, tag])
      return (rows as { same: boolean }[])[0]?.same === true
    },
    migrate: async () => {
      // IF NOT EXISTS alone fails when two processes start at once: they take turns.
      await pool.query(
        `DO $do$ BEGIN
           PERFORM pg_advisory_xact_lock(hashtextextended('quorate.quorum-client', 0));
           ${schema === undefined ? '' : `CREATE SCHEMA IF NOT EXISTS ${schema};`}
           CREATE TABLE IF NOT EXISTS ${name} (
             key text PRIMARY KEY,
             tag text COLLATE "C" NOT NULL,
             value jsonb NOT NULL
           );
         END $do$`,
        [],
      )
    },
  }
}
