import type { Kysely } from 'kysely'
import type { Shape } from '../names.ts'

/** Far more than a table has columns; a bound, because changes may carry names from outside. */
const MAX_CACHED = 1_000

/**
 * Asks Kysely how it would spell the table and its columns, so that plugins and `withSchema()` have
 * their say once per name and not once per query.
 */
export function shapeOf<DB>(
  db: Kysely<DB>,
  { table, key }: { readonly table: string; readonly key: readonly string[] },
): Omit<Shape, 'version'> {
  // The caller's types were checked at the public function; here names are only names.
  const any = db as unknown as Kysely<Record<string, Record<string, unknown>>>
  const quotedTable = after('delete from ', any.deleteFrom(table).compile().sql)
  const columns = new Map<string, string>()
  return {
    label: table,
    table: quotedTable,
    key,
    column(name) {
      let quoted = columns.get(name)
      if (quoted === undefined) {
        const { sql } = any
          .updateTable(table)
          .set({ [name]: null })
          .compile()
        quoted = after(`update ${quotedTable} set `, sql.slice(0, sql.lastIndexOf(' = ')))
        if (columns.size < MAX_CACHED) columns.set(name, quoted)
      }
      return quoted
    },
  }
}

function after(mark: string, sql: string): string {
  if (!sql.startsWith(mark))
    throw new TypeError(`Cannot read the name Kysely gives: got ${sql}; is its dialect Postgres?`)
  return sql.slice(mark.length)
}
