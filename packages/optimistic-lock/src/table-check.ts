import { KeyNotUniqueError } from './errors.ts'
import { unquoteIdentifier, type Shape } from './names.ts'
import { checkTimeColumn } from './row-version.ts'
import type { SqlSession } from './session.ts'
import type { Statement } from './statements.ts'

/** What is known of a table by its catalog. */
export interface TableFacts {
  /** Postgres then returns no `xmin` from an insert. */
  readonly isPartitioned: boolean
}

/** A row of {@link describeTable}. */
export interface TableRow {
  /** `relkind` of `pg_class`. */
  readonly kind: string
  readonly unique: boolean
}

type KeyShape = Pick<Shape, 'label' | 'table' | 'key' | 'column'>

/**
 * Asks the catalog once what no statement could tell without a cost in each: may a write by this key change several rows?
 *
 * @returns `undefined` if there is no such table yet; the statement says so better.
 * @throws KeyNotUniqueError if no unique index keeps it from that.
 * @throws TypeError if the version is `xmin` and the table has none, or a time that holds no milliseconds.
 */
export async function checkTable(session: SqlSession, shape: Shape): Promise<TableFacts | undefined> {
  const { rows } = await session.run(describeTable(shape))
  const [row] = rows as readonly TableRow[]
  if (row === undefined) return undefined
  if (shape.by === 'xmin' && HAS_NO_XMIN.test(row.kind)) {
    throw new TypeError(
      `Cannot use ${shape.label}: rows of a view have no xmin; take an integer column of it as version, or byValues`,
    )
  }
  requireUnique(shape, row)
  if (shape.by === 'time') await checkTimeColumn(session, shape)
  return { isPartitioned: row.kind === 'p' }
}

/** @throws KeyNotUniqueError if several rows could have one key. */
export function requireUnique({ label, key, table, column }: KeyShape, row: TableRow | undefined): void {
  if (row === undefined || row.unique || !HAS_INDEXES.test(row.kind)) return
  throw new KeyNotUniqueError({
    table: label,
    key,
    index: `CREATE UNIQUE INDEX ON ${table} (${key.map(column).join(', ')})`,
  })
}

/** Tables and partitioned ones. Of a view, or a table elsewhere, the catalog does not know. */
const HAS_INDEXES = /^[rp]$/
const HAS_NO_XMIN = /^v$/

/**
 * Is there a unique index on columns of the key alone, all of them or fewer? One with a condition or an expression, or
 * that is not valid yet, keeps nothing unique. One of a partitioned table must have the columns it is partitioned by as
 * well, so there they are no objection: only its owner knows whether an id is in one partition at most. No row if there
 * is no such table.
 */
export function describeTable({ table, key, column }: KeyShape): Statement {
  const columns = JSON.stringify(key.map((name) => unquoteIdentifier(column(name))))
  return { text: DESCRIBE, values: [table, columns] }
}

// The names as JSON, for not every driver can send a list.
const DESCRIBE = `SELECT c.relkind::text AS "kind", EXISTS (
  SELECT FROM pg_catalog.pg_index AS i WHERE i.indrelid = c.oid AND i.indisunique AND i.indisvalid AND i.indpred IS NULL
    AND NOT EXISTS (
      SELECT FROM unnest(i.indkey) WITH ORDINALITY AS k(number, place)
      WHERE k.place <= i.indnkeyatts AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum = k.number
          AND a.attname::text IN (SELECT json_array_elements_text($2::json)))
        AND NOT EXISTS (
          SELECT FROM pg_catalog.pg_partitioned_table AS p WHERE p.partrelid = c.oid AND k.number = ANY (p.partattrs)))
) AS "unique" FROM pg_catalog.pg_class AS c WHERE c.oid = to_regclass($1)`
