import type { Shape } from './names.ts'
import type { KeyValues } from './types.ts'

/** SQL with its parameters. */
export interface Statement {
  readonly text: string
  readonly values: readonly unknown[]
}

type Values = Readonly<Record<string, unknown>>

/** One row by key. */
export function selectRow(shape: Shape, key: KeyValues): Statement {
  const sql = new Sql(shape)
  return sql.done(`SELECT * FROM ${shape.table} WHERE ${sql.keyIs(key)}`)
}

/** Only the version, to tell a stale row from one that is gone. */
export function selectVersion(shape: Shape, key: KeyValues): Statement {
  const sql = new Sql(shape)
  return sql.done(
    `SELECT ${shape.column(shape.version)} AS "version" FROM ${shape.table} WHERE ${sql.keyIs(key)}`,
  )
}

/**
 * Returns no row if the key is taken. ON CONFLICT instead of error 23505, because an error would end
 * the caller's transaction; with the key named, so that other unique columns still report theirs.
 */
export function insertRow(shape: Shape, values: Values): Statement {
  const sql = new Sql(shape)
  const row = Object.entries(values).filter(([, value]) => value !== undefined)
  const columns = row.map(([column]) => shape.column(column))
  const parameters = row.map(([, value]) => sql.value(value))
  if (values[shape.version] === undefined) {
    columns.push(shape.column(shape.version))
    parameters.push('1')
  }
  return sql.done(
    `INSERT INTO ${shape.table} (${columns.join(', ')}) VALUES (${parameters.join(', ')}) ` +
      `ON CONFLICT (${shape.key.map((column) => shape.column(column)).join(', ')}) DO NOTHING RETURNING *`,
  )
}

/** The check is in the WHERE: a waiting UPDATE evaluates it again on the row the winner left (PG manual, 13.2.1). */
export function updateRow(shape: Shape, row: KeyValues, changes: Values): Statement {
  const sql = new Sql(shape)
  const sets = Object.entries(changes)
    .filter(([, value]) => value !== undefined)
    .map(([column, value]) => `${shape.column(column)} = ${sql.value(value)}`)
  return sql.done(
    `UPDATE ${shape.table} SET ${[...sets, sql.raiseVersion()].join(', ')} ` +
      `WHERE ${sql.keyIs(row)} AND ${sql.versionIs(row)} RETURNING *`,
  )
}

export function deleteRow(shape: Shape, row: KeyValues): Statement {
  const sql = new Sql(shape)
  return sql.done(
    `DELETE FROM ${shape.table} WHERE ${sql.keyIs(row)} AND ${sql.versionIs(row)} RETURNING 1 AS "deleted"`,
  )
}

/** Collects parameters while the text is written. */
export class Sql {
  readonly #shape: Shape
  readonly #values: unknown[] = []

  constructor(shape: Shape) {
    this.#shape = shape
  }

  value(value: unknown): string {
    return `$${this.#values.push(value)}`
  }

  keyIs(key: KeyValues): string {
    return this.#shape.key
      .map((column) => `${this.#shape.column(column)} = ${this.value(key[column])}`)
      .join(' AND ')
  }

  versionIs(row: KeyValues): string {
    const { version } = this.#shape
    return `${this.#shape.column(version)} = ${this.value(row[version])}`
  }

  raiseVersion(alias = ''): string {
    const column = this.#shape.column(this.#shape.version)
    return `${column} = ${alias}${column} + 1`
  }

  done(text: string): Statement {
    return { text, values: this.#values }
  }
}
