import { unquoteIdentifier, type Shape } from './names.ts'
import { allOf, Sql, type Statement } from './statements.ts'
import type { KeyValues } from './types.ts'

/** A row of {@link describeKey}. */
export interface KeyColumn {
  readonly name: string
  /** The type with its length and scale, as SQL. */
  readonly type: string
  /** Is there anything by which the table may skip an insert, or hide the row that is in its way? */
  readonly guarded: boolean
}

/** The types of the key's columns; none for a table that the catalog does not know. */
export function describeKey(shape: Shape): Statement {
  const columns = shape.key.map((name) => unquoteIdentifier(shape.column(name)))
  return { text: DESCRIBE, values: [shape.table, JSON.stringify(columns)] }
}

// 7 is a trigger for each row, before an insert; partitions may have their own. With rules there is no ON CONFLICT.
const DESCRIBE = `SELECT a.attname::text AS "name", format_type(a.atttypid, a.atttypmod) AS "type",
  c.relkind NOT IN ('r', 'p') OR c.relrowsecurity OR EXISTS (
    SELECT FROM pg_catalog.pg_trigger AS t WHERE t.tgtype & 7 = 7 AND t.tgenabled <> 'D'
      AND (t.tgrelid = c.oid OR t.tgrelid IN (SELECT relid FROM pg_partition_tree(c.oid)))) AS "guarded"
FROM pg_catalog.pg_class AS c JOIN pg_catalog.pg_attribute AS a ON a.attrelid = c.oid
WHERE c.oid = to_regclass($1) AND a.attnum > 0 AND NOT a.attisdropped
  AND a.attname::text IN (SELECT json_array_elements_text($2::json))`

/**
 * The row that an insert with this key meets: what a column rounds or pads when it is written, `column = $1` does not, so
 * the key that was given may be that of no row.
 *
 * @returns `undefined` if the catalog does not know the columns.
 */
export function selectStored(
  shape: Shape,
  key: KeyValues,
  columns: readonly KeyColumn[],
): Statement | undefined {
  const types = new Map(columns.map(({ name, type }) => [name, type]))
  const sql = new Sql(shape)
  const conditions: string[] = []
  for (const name of shape.key) {
    const column = shape.column(name)
    const type = types.get(unquoteIdentifier(column))
    if (type === undefined) return undefined
    conditions.push(`${column} = CAST(${sql.value(key[name])} AS ${type})`)
  }
  return sql.done(`SELECT ${allOf(shape)} FROM ${shape.table} WHERE ${conditions.join(' AND ')}`)
}
