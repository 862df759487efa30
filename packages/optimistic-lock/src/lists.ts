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
 * column's type but for length and scale: `column = $1` does not round `$1` either, and a key that is rounded is another
 * key. They go as text, for not every driver can send a list. The planner sees by the numbers how many rows there are;
 * without them it expects 10, and a thousand rows took 1,400 ms in place of 80.
 *
 * @param lists SQL that has their type, with the values, `count` each.
 */
export function listed(
  sql: Sql,
  shape: Shape,
  count: number,
  lists: readonly (readonly [like: string, values: readonly unknown[]])[],
): string {
  const numbers = Array.from({ length: count }, (_, index) => index + 1)
  const parts = lists.map(([like, values]) => {
    const text = `{${values.map(elementOf).join(',')}}`
    return `array_cat((SELECT array_agg(${like}) FROM ${shape.table} WHERE false), ${sql.value(text)})`
  })
  return `unnest(${[`${sql.value(`{${numbers.join(',')}}`)}::int[]`, ...parts].join(', ')})`
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
  return typeof value === 'object' ? JSON.stringify(value) : `${value as number | bigint | boolean}`
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
