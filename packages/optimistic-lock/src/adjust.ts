import { listed } from './lists.ts'
import { lockOrder, type Shape } from './names.ts'
import { requireColumns, show } from './options.ts'
import { allOf, hasCount, Sql, type Statement, textOf } from './statements.ts'
import type { Amount, KeyValues } from './types.ts'

/** Signed amounts by column. */
export type Deltas = Readonly<Record<string, Amount>>

/** Bounds by column: numbers, or names of the columns that hold them. */
export interface Bounds {
  readonly min?: Readonly<Record<string, Amount | string | undefined>> | undefined
  readonly max?: Readonly<Record<string, Amount | string | undefined>> | undefined
}

/** Most rows one statement adjusts. */
export const MAX_ITEMS = 1_000

/** One row of an all-or-nothing adjustment. */
export interface Item {
  readonly key: KeyValues
  readonly deltas: Deltas
}

/** What {@link adjustAllRows} answers for each row it found, besides the row's own columns. */
export interface ItemColumns {
  /** Indices of the items that name this row, with commas. */
  readonly quorateitems: string
  /** Was it changed? */
  readonly quoratedone: boolean
  /** Would this row alone have been granted? */
  readonly quorateenough: boolean
}

/** Checks and signs amounts: `undefined` columns drop out. */
export function toDeltas(method: string, amounts: object, sign: 1 | -1 | 'signed'): Deltas {
  requireColumns(method, 'amounts must be an object such as { available: 1 }', amounts)
  const deltas: Record<string, Amount> = {}
  for (const [column, amount] of Object.entries(amounts) as [string, unknown][]) {
    if (amount === undefined) continue
    if (typeof amount !== 'bigint' && !(typeof amount === 'number' && Number.isFinite(amount))) {
      throw new RangeError(
        `Cannot ${method}: amount of ${column} must be a finite number, got ${show(amount)}`,
      )
    }
    if (sign !== 'signed' && amount < 0) {
      throw new RangeError(
        `Cannot ${method}: amount of ${column} must be 0 or more, got ${amount}; use adjustIf()`,
      )
    }
    deltas[column] = sign === -1 ? -amount : amount
  }
  if (Object.keys(deltas).length === 0) {
    throw new TypeError(`Cannot ${method}: at least one column needs an amount`)
  }
  return deltas
}

/** One conditional UPDATE; no row comes back if a bound forbids it or there is no such row. */
export function adjustRow(shape: Shape, key: KeyValues, deltas: Deltas, bounds: Bounds): Statement {
  if (bounds.min !== undefined || bounds.max !== undefined) return buildAdjust(shape, key, deltas, bounds)
  const values: unknown[] = []
  const zeros: string[] = []
  let name = 'adjust'
  for (const column of Object.keys(deltas)) {
    const delta = deltas[column] ?? 0
    values.push(String(delta))
    name += delta < 0 ? `\0-${column}` : `\0+${column}`
    if (delta < 0) zeros.push('0')
  }
  for (const column of shape.key) values.push(key[column])
  values.push(...zeros)
  return { text: textOf(shape, name, () => buildAdjust(shape, key, deltas, bounds)), values }
}

function buildAdjust(shape: Shape, key: KeyValues, deltas: Deltas, bounds: Bounds): Statement {
  const sql = new Sql(shape)
  const after = new Map(
    Object.entries(deltas).map(([column, delta]) => [
      column,
      `${shape.column(column)} + ${sql.value(String(delta))}`,
    ]),
  )
  const sets = [...after].map(([column, value]) => `${shape.column(column)} = ${value}`)
  const falling = Object.keys(deltas).filter((column) => (deltas[column] ?? 0) < 0)
  const lower = new Map(falling.map((column) => [column, '']))
  const conditions = [sql.keyIs(key), ...boundConditions(sql, shape, after, lower, bounds, '')]
  // Nothing can be added to NULL: the amount would be lost. A bound refuses it as it is.
  for (const [column, value] of after) {
    const isBounded = conditions.some((condition) => condition.startsWith(`${value} `))
    if (!isBounded) conditions.push(`${shape.column(column)} IS NOT NULL`)
  }
  return sql.done(
    `UPDATE ${shape.table} SET ${[...sets, ...sql.raiseVersion()].join(', ')} ` +
      `WHERE ${conditions.join(' AND ')} RETURNING ${allOf(shape)}`,
  )
}

/**
 * All rows or none, in one statement. `want` adds up the items of one row: the database does, because only it
 * knows that two keys are equal (a uuid in capitals, a citext). `held` locks the rows in key order, so that two such calls
 * cannot deadlock, and judges each on its latest committed state; `done` changes them if every row
 * was found and had enough. It computes from `held`, not from `t`: of a row that was changed while we
 * waited, `t` is first the old one, and a CHECK of the table would fail on a value nobody will write
 * (Postgres checks constraints before it notices that the row has moved on). The items travel as a list for each column, so the text depends only on the
 * columns. If a trigger
 * keeps a part of the rows as they were, the statement fails.
 */
export function adjustAllRows(shape: Shape, items: readonly Item[], bounds: Bounds): Statement {
  const sql = new Sql(shape)
  const columns = [...new Set(items.flatMap(({ deltas }) => Object.keys(deltas)))]
  const key = shape.key.map((column) => shape.column(column))
  const lists = [
    ...shape.key.map((name) => [shape.column(name), items.map((item) => item.key[name])] as const),
    // What is added to a value of a domain need not be one: only the sum must be.
    ...columns.map(
      (name) => [`-${shape.column(name)}`, items.map(({ deltas }) => textOrNull(deltas[name]))] as const,
    ),
  ]
  const names = [...key, ...columns.map((_, index) => `quorateby${index}`)].join(', ')
  const wantedKey = key.map((column) => `w.${column}`).join(', ')
  const wanted = columns.map((_, index) => `sum(COALESCE(w.quorateby${index}, 0)) AS quorated${index}`)
  const after = new Map(
    columns.map((column, index) => [column, `t.${shape.column(column)} + want.quorated${index}`]),
  )
  // Which columns go down differs from row to row, and only those are bounded by 0.
  const lower = new Map(
    columns.flatMap((column, index) =>
      items.some(({ deltas }) => (deltas[column] ?? 0) < 0)
        ? [[column, `want.quorated${index} >= 0 OR `] as const]
        : [],
    ),
  )
  const conditions = [
    ...boundConditions(sql, shape, after, lower, bounds, 't.'),
    ...columns.map((column, index) => `(want.quorated${index} = 0 OR t.${shape.column(column)} IS NOT NULL)`),
  ]
  const sets = columns.map((column, index) => {
    const name = shape.column(column)
    return `${name} = held.${name} + want.quorated${index}`
  })
  const same = (a: string, b: string): string =>
    key.map((column) => `${a}.${column} = ${b}.${column}`).join(' AND ')

  return sql.done(
    `WITH want AS MATERIALIZED (
  SELECT string_agg((w.quorateitem - 1)::text, ',') AS quorateitems, ${[wantedKey, ...wanted].join(', ')}
  FROM ${listed(sql, shape, items.length, lists)} AS w(quorateitem, ${names})
  GROUP BY ${wantedKey}
), held AS MATERIALIZED (
  SELECT want.quorateitems, false AS quoratedone, (${conditions.join(' AND ')}) AS quorateenough, ${allOf(shape, 't.')}
  FROM want JOIN ${shape.table} AS t ON ${same('t', 'want')}
  ORDER BY ${lockOrder(key, 't')} FOR UPDATE OF t
), done AS (
  UPDATE ${shape.table} AS t SET ${[...sets, ...sql.raiseVersion('held.')].join(', ')}
  FROM want JOIN held ON held.quorateitems = want.quorateitems
  WHERE ${same('t', 'held')} AND (SELECT count(*) FROM held WHERE quorateenough) = (SELECT count(*) FROM want)
  RETURNING held.quorateitems, true AS quoratedone, held.quorateenough, ${allOf(shape, 't.')}
)
SELECT * FROM done WHERE ${hasCount('done', '0', '(SELECT count(*) FROM want)')} UNION ALL SELECT * FROM held WHERE NOT EXISTS (SELECT FROM done)`,
  )
}

function textOrNull(amount: Amount | undefined): string | null {
  return amount === undefined ? null : String(amount)
}

/**
 * `after` maps each adjusted column to the SQL of its value after the change, `falling` each column that
 * goes down, so that 0 is its bound unless the caller gives another, to the SQL of an exception.
 */
function boundConditions(
  sql: Sql,
  shape: Shape,
  after: ReadonlyMap<string, string>,
  falling: ReadonlyMap<string, string>,
  { min = {}, max = {} }: Bounds,
  alias: string,
): string[] {
  const value = (column: string): string => after.get(column) ?? `${alias}${shape.column(column)}`
  const lower: Record<string, Amount | string | undefined> = {}
  for (const column of falling.keys()) lower[column] = 0
  for (const [column, bound] of Object.entries(min)) if (bound !== undefined) lower[column] = bound

  const conditions: string[] = []
  const compare = (operator: '>=' | '<=', unbounded: number, bounds: typeof lower): void => {
    for (const [column, bound] of Object.entries(bounds)) {
      if (bound === undefined || bound === unbounded) continue
      if (typeof bound !== 'string' && Number.isNaN(bound)) {
        throw new RangeError(`Cannot adjust ${shape.label}: bound of ${column} must be a number, got NaN`)
      }
      const limit = typeof bound === 'string' ? value(bound) : sql.value(String(bound))
      const except = operator === '>=' && min[column] === undefined ? falling.get(column) : undefined
      const condition = `${value(column)} ${operator} ${limit}`
      conditions.push(except ? `(${except}${condition})` : condition)
    }
  }
  compare('>=', -Infinity, lower)
  compare('<=', Infinity, max)
  return conditions
}
