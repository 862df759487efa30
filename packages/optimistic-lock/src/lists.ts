import type { Shape } from './names.ts'
import { allOf, Sql, type Statement } from './statements.ts'
import type { KeyValues } from './types.ts'

/** Most keys one statement reads. */
export const MAX_KEYS = 10_000

/** A row of {@link selectRows}, besides its own columns. */
export interface PlaceColumn {
  /** The place of its key in the list, 1 first. */
  readonly quorateitem: number
}

/** The rows of many keys; one row for each key that has one. */
export function selectRows(shape: Shape, keys: readonly KeyValues[]): Statement {
  const sql = new Sql(shape)
  const lists = shape.key.map((name) => [shape.column(name), keys.map((key) => key[name])] as const)
  const columns = shape.key.map((_, index) => `quoratekey${index}`).join(', ')
  const same = shape.key.map((name, index) => `t.${shape.column(name)} = want.quoratekey${index}`)
  return sql.done(
    `SELECT want.quorateitem, ${allOf(shape, 't.')}
FROM ${listed(sql, shape, keys.length, lists)} AS want(quorateitem, ${columns})
JOIN ${shape.table} AS t ON ${same.join(' AND ')}`,
  )
}

/**
 * Lists of values, one for each column, as rows; before them a column of their numbers, 1 first. Each list is of its
 * column's type but for length, scale and domain: `column = $1` does not round or check `$1` either, and a key that is
 * rounded is another key. They go as one text each, for not every driver can send a list. The planner sees by the numbers
 * how many rows there are; without them it expects 10, and a thousand rows took 1,400 ms in place of 80.
 *
 * @param lists SQL that has their type, with the values, `count` each.
 * @throws RangeError for values that must go one by one, and are more than a statement has parameters.
 */
export function listed(
  sql: Sql,
  shape: Shape,
  count: number,
  lists: readonly (readonly [like: string, values: readonly unknown[]])[],
): string {
  if (!lists.every(([, values]) => values.every(canBeListed))) return listedOneByOne(sql, shape, count, lists)
  const numbers = Array.from({ length: count }, (_, index) => index + 1)
  const parts = lists.map(([like, values]) =>
    typedList(shape.table, like, sql.value(`{${values.map(elementOf).join(',')}}`)),
  )
  return `unnest(${[`${sql.value(`{${numbers.join(',')}}`)}::int[]`, ...parts].join(', ')})`
}

/**
 * A parameter as a list of values of a column's type. Beside a NULL without a type, COALESCE takes a domain for the type
 * that it is made of (PG manual, 10.5), as `=` does; the list of a type has neither its length nor its scale.
 */
export function typedList(table: string, like: string, parameter: string): string {
  return `array_cat((SELECT array_agg(COALESCE(${like}, NULL)) FROM ${table} WHERE false), ${parameter})`
}

/**
 * Is this surely no array of Postgres? Lists of lists would be flattened: a value that may be one goes as a parameter of
 * its own, as it does where a row is named alone. So does an object, of which only the driver knows what it is.
 */
export function canBeListed(value: unknown): boolean {
  if (typeof value === 'string') return !/^\s*[[{]/.test(value)
  return typeof value !== 'object' || value === null || value instanceof Date || ArrayBuffer.isView(value)
}

/** The same rows as {@link listed}, with a parameter for each value: twice the work, and right for every type. */
function listedOneByOne(
  sql: Sql,
  { table, label }: Shape,
  count: number,
  lists: readonly (readonly [like: string, values: readonly unknown[]])[],
): string {
  const free = MAX_PARAMETERS - sql.count
  if (count * lists.length > free) {
    throw new RangeError(
      `Cannot name ${count} rows of ${label} in one statement: ${count * lists.length} values that may be arrays or JSON are ` +
        `parameters each, and there can be ${free}; name at most ${Math.floor(free / lists.length)} rows`,
    )
  }
  const rows = Array.from({ length: count }, (_, index) =>
    lists.map(([, values]) => sql.value(values[index])),
  )
  return typedRows(
    table,
    lists.map(([like]) => like),
    rows,
  )
}

/** Most parameters of a statement: their number goes as 16 bits. */
export const MAX_PARAMETERS = 65_535

/**
 * Rows of parameters, numbered from 1, in columns of these types. They are those of a first row, which is not one of them:
 * it is no NULL without a type, so beside parameters its domains are taken for what they are made of, as in {@link typedList}.
 */
export function typedRows(
  table: string,
  like: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const types = like.map((column) => `(SELECT ${column} FROM ${table} WHERE false)`)
  const all = [
    `(NULL::int, ${types.join(', ')})`,
    ...rows.map((row, index) => `(${index + 1}, ${row.join(', ')})`),
  ]
  // Neither OFFSET, which promises no order, nor > 0, of which the planner expects a third of the rows.
  return `(SELECT * FROM (VALUES ${all.join(', ')}) AS quorateall WHERE column1 IS NOT NULL)`
}

function elementOf(value: unknown): string {
  if (value === undefined || value === null) return 'NULL'
  return `"${textOf(value).replaceAll('\\', '\\\\').replaceAll('"', '\\"')}"`
}

function textOf(value: unknown): string {
  if (typeof value === 'string') return value
  if (value instanceof Date) return localText(value)
  if (ArrayBuffer.isView(value)) {
    const { buffer, byteOffset, byteLength } = value
    const hex = Array.from(new Uint8Array(buffer, byteOffset, byteLength), (byte) =>
      byte.toString(16).padStart(2, '0'),
    )
    return `\\x${hex.join('')}` // as bytea reads it
  }
  return `${value as number | bigint | boolean}`
}

/**
 * A time as `pg` sends it when it is a parameter: on the clock of this process, with its zone. In UTC, as JSON has it, a
 * `date` could be the day before, which is another row.
 */
function localText(time: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0')
  const year = time.getFullYear()
  const east = -time.getTimezoneOffset()
  const zone = `${east < 0 ? '-' : '+'}${two(Math.floor(Math.abs(east) / 60))}:${two(Math.abs(east) % 60)}`
  const date = `${String(year > 0 ? year : 1 - year).padStart(4, '0')}-${two(time.getMonth() + 1)}-${two(time.getDate())}`
  const clock = `${two(time.getHours())}:${two(time.getMinutes())}:${two(time.getSeconds())}`
  const ms = String(time.getMilliseconds()).padStart(3, '0')
  return `${date}T${clock}.${ms}${zone}${year > 0 ? '' : ' BC'}`
}
