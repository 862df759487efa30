/** How one repository's table and columns are spelled in SQL. */
export interface Shape {
  /** The table as the caller named it, for messages. */
  readonly label: string
  /** The table in SQL, quoted. */
  readonly table: string
  /** Names of the key columns, as the caller spells them. */
  readonly key: readonly string[]
  /** Name of the version column, as the caller spells it; empty if old values are compared. */
  readonly version: string
  /** What the version is. Default `number`. */
  readonly by?: 'number' | 'xmin' | 'time' | 'values' | undefined
  /** A column in SQL, quoted. */
  column(name: string): string
}

/**
 * Quotes one identifier for Postgres: whatever it contains, it stays one identifier.
 *
 * @throws TypeError for an empty name or one with a NUL character, which Postgres cannot hold.
 */
export function quoteIdentifier(name: string): string {
  if (typeof name !== 'string' || name === '' || name.includes('\0')) {
    throw new TypeError(`Cannot quote an identifier: it must be a non-empty string without NUL, got ${name}`)
  }
  return `"${name.replaceAll('"', '""')}"`
}

/** The name inside quotes: the inverse of {@link quoteIdentifier}. */
export function unquoteIdentifier(quoted: string): string {
  return quoted.slice(1, -1).replaceAll('""', '"')
}

/**
 * Quotes `table` or `schema.table`.
 *
 * @throws TypeError for more than one dot.
 */
export function quoteTable(table: string): string {
  const parts = table.split('.')
  if (parts.length > 2) {
    throw new TypeError(`Cannot use table ${table}: it must be 'table' or 'schema.table'`)
  }
  return parts.map(quoteIdentifier).join('.')
}

/**
 * The order in which a statement locks its rows: that of the columns' names, so that two who list the key's columns in
 * another order do not wait for each other.
 *
 * @param columns quoted.
 */
export function lockOrder(columns: readonly string[], alias: string): string {
  return columns
    .toSorted()
    .map((column) => `${alias}.${column}`)
    .join(', ')
}

/** Checks the names a repository is made with, once. */
export function checkShape(shape: Shape): Shape {
  const { label, key } = shape
  const version = shape.by === 'values' ? [] : [shape.version]
  if (key.length === 0) {
    throw new TypeError(`Cannot make a repository of ${label}: key must name at least one column`)
  }
  if (new Set(key).size < key.length || key.some((column) => version.includes(column))) {
    throw new TypeError(
      `Cannot make a repository of ${label}: key and version must be different columns, got ${[...key, ...version].join(', ')}`,
    )
  }
  for (const column of [...key, ...version]) shape.column(column)
  return shape
}
