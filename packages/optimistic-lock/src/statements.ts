import { HELD_BACK } from './failures.ts'
import type { Shape } from './names.ts'
import { requireColumns } from './options.ts'
import type { KeyValues } from './types.ts'

/** SQL with its parameters. */
export interface Statement {
  readonly text: string
  /** Nobody's but the statement's. */
  readonly values: unknown[]
}

type Values = Readonly<Record<string, unknown>>

/** One row by key. */
export function selectRow(shape: Shape, key: KeyValues): Statement {
  const text = textOf(shape, 'select', () => {
    const sql = new Sql(shape)
    return sql.done(`SELECT ${allOf(shape)} FROM ${shape.table} WHERE ${sql.keyIs(key)}`)
  })
  return { text, values: shape.key.map((column) => key[column]) }
}

/** Only the version, to tell a stale row from one that is gone; the whole row if that is the version. */
export function selectVersion(shape: Shape, key: KeyValues): Statement {
  const sql = new Sql(shape)
  const version = {
    number: () => `${shape.column(shape.version)} AS "version"`,
    time: () => `${shape.column(shape.version)} AS "version"`,
    xmin: () => 'xmin::text AS "version"',
    values: () => '*',
  }[shape.by ?? 'number']()
  return sql.done(`SELECT ${version} FROM ${shape.table} WHERE ${sql.keyIs(key)}`)
}

/**
 * Returns no row if the key is taken. ON CONFLICT instead of error 23505, because an error would end
 * the caller's transaction; with the key named, so that other unique columns still report theirs.
 */
export function insertRow(shape: Shape, values: Values, returning: string = allOf(shape)): Statement {
  requireColumns(`insert into ${shape.label}`, 'values must be an object such as { available: 3 }', values)
  const sql = new Sql(shape)
  const isSystem = (column: string): boolean => shape.by === 'xmin' && column === shape.version
  const row = Object.entries(values).filter(([column, value]) => value !== undefined && !isSystem(column))
  const columns = row.map(([column]) => shape.column(column))
  const parameters = row.map(([, value]) => sql.value(value))
  const first = { number: '1', time: NOW, xmin: undefined, values: undefined }[shape.by ?? 'number']
  if (first !== undefined && values[shape.version] === undefined) {
    columns.push(shape.column(shape.version))
    parameters.push(first)
  }
  const what =
    columns.length === 0 ? 'DEFAULT VALUES' : `(${columns.join(', ')}) VALUES (${parameters.join(', ')})`
  return sql.done(
    `INSERT INTO ${shape.table} ${what} ` +
      `ON CONFLICT (${shape.key.map((column) => shape.column(column)).join(', ')}) DO NOTHING RETURNING ${returning}`,
  )
}

/**
 * The check is in the WHERE: a waiting UPDATE evaluates it again on the row the winner left (PG manual, 13.2.1).
 *
 * @throws TypeError if the changes contain a column of the key, or the version, or are no object.
 */
export function updateRow(shape: Shape, row: KeyValues, changes: Values): Statement {
  requireColumns(`update a row of ${shape.label}`, CHANGES, changes)
  const values: unknown[] = []
  let columns = ''
  for (const [column, value] of Object.entries(changes)) {
    if (value === undefined) continue
    if (shape.key.includes(column) || (shape.by !== 'values' && column === shape.version)) {
      throw new TypeError(
        `Cannot update ${shape.label}: changes must not contain ${column}, which names the row or its version; give only the ` +
          `columns that change`,
      )
    }
    columns += `\0${column}`
    values.push(value)
  }
  // The rest depends on what the row carries.
  if (shape.by === 'values' || columns === '') return buildUpdate(shape, row, changes)
  for (const column of shape.key) values.push(row[column])
  values.push(row[shape.version])
  return { text: textOf(shape, `update${columns}`, () => buildUpdate(shape, row, changes)), values }
}

const CHANGES = 'changes must be an object such as { available: 3 }'

function buildUpdate(shape: Shape, row: KeyValues, changes: Values): Statement {
  const sql = new Sql(shape)
  const sets = Object.entries(changes)
    .filter(([, value]) => value !== undefined)
    .map(([column, value]) => `${shape.column(column)} = ${sql.value(value)}`)
  sets.push(...sql.raiseVersion())
  // Without a column to raise, a write that changes nothing still makes a new state of the row. The key comes last: an
  // identity column may not be set, even to what it is.
  if (sets.length === 0) {
    const [same] = [...comparedColumns(shape, row), ...shape.key].filter((name) => name !== shape.version)
    if (same !== undefined) sets.push(`${shape.column(same)} = ${shape.column(same)}`)
  }
  return sql.done(
    `UPDATE ${shape.table} SET ${sets.join(', ')} ` +
      `WHERE ${sql.keyIs(row)} AND ${sql.versionIs(row)} RETURNING ${allOf(shape)}`,
  )
}

export function deleteRow(shape: Shape, row: KeyValues): Statement {
  const sql = new Sql(shape)
  return sql.done(
    `DELETE FROM ${shape.table} WHERE ${sql.keyIs(row)} AND ${sql.versionIs(row)} RETURNING 1 AS "deleted"`,
  )
}

/** Keeps the row from being written until the transaction ends, if it has the version still. */
export function shareRow(shape: Shape, row: KeyValues): Statement {
  const sql = new Sql(shape)
  return sql.done(
    `SELECT 1 AS "valid" FROM ${shape.table} WHERE ${sql.keyIs(row)} AND ${sql.versionIs(row)} FOR SHARE`,
  )
}

/**
 * The text of a statement, made once for each `name` of it: a text that is put together anew costs a tenth of a call, most
 * of it in the driver, which has it in pieces.
 *
 * @param name says all that the text depends on.
 * @param build makes it; its values are in the order of the caller's.
 */
export function textOf(shape: Shape, name: string, build: () => Statement): string {
  let texts = textsOf.get(shape)
  if (texts === undefined) textsOf.set(shape, (texts = new Map()))
  let text = texts.get(name)
  if (text === undefined) {
    text = build().text
    if (texts.size < MAX_TEXTS) texts.set(name, text)
  }
  return text
}

/** A bound, because the names of columns may come from outside. */
const MAX_TEXTS = 1_000
const textsOf = new WeakMap<Shape, Map<string, string>>()

/** Every column of the row, and what else its version is. */
export function allOf(shape: Shape, alias = ''): string {
  return shape.by === 'xmin' ? `${alias}*, ${alias}xmin::text AS "xmin"` : `${alias}*`
}

/**
 * True if `done`, a name of the statement, has one of these numbers of rows; else the statement fails, and all that it
 * wrote with it. A cast that fails, since SQL has no word for it: the count keeps the planner from making it beforehand.
 *
 * @param counts in SQL.
 */
export function hasCount(done: string, ...counts: readonly string[]): string {
  return `(SELECT CASE WHEN count(*) IN (${counts.join(', ')}) THEN 1 ELSE ('${HELD_BACK} ' || count(*))::int END FROM ${done}) = 1`
}

/** As precise as a `Date`. */
const NOW = "date_trunc('milliseconds', clock_timestamp())"

/** Collects parameters while the text is written. */
export class Sql {
  readonly #shape: Shape
  readonly #values: unknown[] = []

  constructor(shape: Shape) {
    this.#shape = shape
  }

  /** Of values so far. */
  get count(): number {
    return this.#values.length
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
    const { version, by = 'number' } = this.#shape
    switch (by) {
      case 'number':
        return `${this.#shape.column(version)} = ${this.value(row[version])}`
      case 'xmin':
        return `xmin::text = ${this.value(row[version])}`
      case 'time':
        return this.#isTime(this.#shape.column(version), row[version])
      case 'values':
        return comparedColumns(this.#shape, row)
          .map((column) => this.#isStill(this.#shape.column(column), row[column]))
          .join(' AND ')
      default:
        return by satisfies never
    }
  }

  /** What a write does to the version, if it does not change by itself. */
  raiseVersion(alias = ''): string[] {
    const { version, by = 'number' } = this.#shape
    if (by !== 'number' && by !== 'time') return []
    const column = this.#shape.column(version)
    if (by === 'number') return [`${column} = ${alias}${column} + 1`]
    const next = `date_trunc('milliseconds', ${alias}${column}) + interval '1 millisecond'`
    return [`${column} = GREATEST(${NOW}, ${next})`]
  }

  done(text: string): Statement {
    return { text, values: this.#values }
  }

  #isTime(column: string, value: unknown): string {
    // Untyped, so that it is read as the column's own type: a `timestamp` knows no zone.
    const time = this.value(value)
    return `(${column} = ${time} OR date_trunc('milliseconds', ${column}) = ${time})`
  }

  #isStill(column: string, value: unknown): string {
    if (value === null) return `${column} IS NULL`
    if (value instanceof Date) return this.#isTime(column, value)
    if (typeof value !== 'object' || ArrayBuffer.isView(value)) return `${column} = ${this.value(value)}`
    return `to_jsonb(${column}) = ${this.value(JSON.stringify(value))}::jsonb`
  }
}

/** The columns whose old values are the version: all that the row carries, but for its key. */
export function comparedColumns({ key }: Shape, row: KeyValues): string[] {
  return Object.keys(row).filter((column) => row[column] !== undefined && !key.includes(column))
}
