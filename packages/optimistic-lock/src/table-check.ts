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
  /** Unique indexes on the key that do not count, each with the reason; `null` or missing: none. */
  readonly uncounted?: readonly string[] | null
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
    uncounted: row.uncounted ?? [],
  })
}

/** Tables and partitioned ones. Of a view, or a table elsewhere, the catalog does not know. */
const HAS_INDEXES = /^[rp]$/
const HAS_NO_XMIN = /^v$/

/**
 * Is there a unique index on columns of the key alone, all of them or fewer? One with a condition keeps only some rows
 * unique; one on an expression, only those where that is not NULL; one that is not valid, as after a CONCURRENTLY that
 * failed, nothing that was there. A constraint that is deferred counts: what it lets pass is never committed. One of a
 * partitioned table must have the columns it is partitioned by as well, so there they are no objection: only its owner
 * knows whether an id is in one partition at most. No row if there is no such table.
 */
export function describeTable({ table, key, column }: KeyShape): Statement {
  const columns = JSON.stringify(key.map((name) => unquoteIdentifier(column(name))))
  return { text: DESCRIBE, values: [table, columns] }
}

/** Of an index `i` of table `c`: an expression has the number 0. The names as JSON, for not every driver can send a list. */
const IS_WITHIN_KEY = `NOT EXISTS (
      SELECT FROM unnest(i.indkey) WITH ORDINALITY AS k(number, place)
      WHERE k.place <= i.indnkeyatts AND k.number <> 0 AND NOT EXISTS (
        SELECT FROM pg_catalog.pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum = k.number
          AND a.attname::text IN (SELECT json_array_elements_text($2::json)))
        AND NOT EXISTS (
          SELECT FROM pg_catalog.pg_partitioned_table AS p WHERE p.partrelid = c.oid AND k.number = ANY (p.partattrs)))`

const IS_WHOLE = 'i.indisvalid AND i.indpred IS NULL AND i.indexprs IS NULL'

/** Is an index on an expression on something of the key at all? */
const IS_OF_KEY = `(i.indexprs IS NULL OR EXISTS (
    SELECT FROM pg_catalog.pg_depend AS d JOIN pg_catalog.pg_attribute AS a ON a.attrelid = d.refobjid AND a.attnum = d.refobjsubid
    WHERE d.classid = 'pg_catalog.pg_class'::regclass AND d.objid = i.indexrelid AND d.refobjid = c.oid
      AND a.attname::text IN (SELECT json_array_elements_text($2::json))))`

const DESCRIBE = `SELECT c.relkind::text AS "kind", EXISTS (
  SELECT FROM pg_catalog.pg_index AS i WHERE i.indrelid = c.oid AND i.indisunique AND ${IS_WHOLE} AND ${IS_WITHIN_KEY}
) AS "unique", (
  SELECT json_agg(i.indexrelid::regclass || CASE WHEN NOT i.indisvalid THEN ' is not valid'
    WHEN i.indpred IS NOT NULL THEN ' has a WHERE' ELSE ' is on an expression' END ORDER BY i.indexrelid)
  FROM pg_catalog.pg_index AS i WHERE i.indrelid = c.oid AND i.indisunique AND NOT (${IS_WHOLE}) AND ${IS_WITHIN_KEY} AND ${IS_OF_KEY}
) AS "uncounted" FROM pg_catalog.pg_class AS c WHERE c.oid = to_regclass($1)`
