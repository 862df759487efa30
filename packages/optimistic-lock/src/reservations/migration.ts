import { quoteTable, quoteIdentifier } from '../names.ts'

/** Where reservations are kept, unless another table is named. */
export const RESERVATION_TABLE = 'quorate.reservation'

/**
 * The SQL that creates the table of reservations, for your migrations or for `pool.query()`. It may be run again.
 *
 * @param table `table` or `schema.table`, unquoted. Default `quorate.reservation`.
 * @throws TypeError for a name Postgres cannot hold.
 *
 * @example
 * ```ts
 * await pool.query(reservationsMigration())
 * ```
 */
export function reservationsMigration(table: string = RESERVATION_TABLE): string {
  const quoted = quoteTable(table)
  const [schema, name] = table.includes('.') ? table.split('.') : [undefined, table]
  const index = quoteIdentifier(`${name ?? table}_due`)
  return `${schema === undefined ? '' : `CREATE SCHEMA IF NOT EXISTS ${quoteIdentifier(schema)};\n`}CREATE TABLE IF NOT EXISTS ${quoted} (
  id text PRIMARY KEY,
  item_table text NOT NULL,
  item jsonb NOT NULL,
  quantity bigint NOT NULL CHECK (quantity > 0),
  state text NOT NULL CHECK (state IN ('held', 'confirmed', 'released', 'expired')),
  held_at timestamptz NOT NULL,
  expires_at timestamptz NOT NULL,
  closed_at timestamptz CHECK ((closed_at IS NULL) = (state = 'held'))
);
CREATE INDEX IF NOT EXISTS ${index} ON ${quoted} (item_table, expires_at) WHERE state = 'held';
`
}
