import { canBeListed, typedList, typedRows } from '../lists.ts'
import { lockOrder } from '../names.ts'
import type { Statement } from '../statements.ts'
import { summarize, type Summary } from './plan.ts'
import type { BatchItem } from './store.ts'

/** What a batcher needs to know of its table. */
export interface CounterShape {
  /** The table as the caller named it, for messages. */
  readonly label: string
  /** In SQL, quoted. */
  readonly table: string
  /** Names of the columns as in the rows; `column` quotes one. */
  readonly key: readonly string[]
  /** The column of every request. */
  readonly counter: string
  /** Raised by one with each statement that changes a row, if there is one. */
  readonly version: string | undefined
  readonly min: number
  readonly column: (name: string) => string
}

/** A row of {@link CounterStatements.foldRows}. */
export interface FoldedRow {
  /** Another item of this statement names the same row. */
  readonly quoratetwin: boolean
  /** The counter before and after, as text, `NULL` in capitals if it is that; `null` for a row that does not exist. */
  readonly quoratebefore: string | null
  readonly quorateafter: string | null
  readonly quoratedone: boolean
}

const MAX = String(Number.MAX_SAFE_INTEGER)

/** A statement that is of a few texts, so that the server can prepare it, or of its own. */
export interface BatchStatement extends Statement {
  readonly isOneOfFew: boolean
}

/** The two statements of one table. */
export class CounterStatements {
  readonly #shape: CounterShape
  readonly #addTotal: string
  readonly #foldRows = new Map<number, string>()

  constructor(shape: CounterShape) {
    this.#shape = shape
    this.#addTotal = addTotal(shape)
  }

  /**
   * All requests for one row, if the bounds allow all of them: a plain conditional UPDATE, which costs a fraction of
   * {@link foldRows}. No row comes back if they do not, or if the row is not there: nothing was changed then.
   *
   * @returns `undefined` for sums that a number cannot hold.
   */
  addTotal({ key, deltas }: BatchItem): BatchStatement | undefined {
    const { sums } = summarize(deltas)
    if (sums === undefined) return undefined
    const { total, lowest, highest } = sums
    // Nothing goes below where it was, so the bound does not matter.
    const min = lowest === 0 ? -Number.MAX_SAFE_INTEGER : this.#shape.min
    return {
      text: this.#addTotal,
      isOneOfFew: true,
      values: [total, lowest, highest, min, ...this.#shape.key.map((name) => key[name])],
    }
  }

  /**
   * Each row's requests folded one by one, in one statement: `held` locks the rows in key order, so that two such
   * statements cannot deadlock, and has their latest committed state; `folded` is `fold()` of `plan.ts`, and walks the
   * requests only if some are granted and some are not; `done` writes. It computes from `held` for the reason given at
   * `adjustAllRows()`. `want` numbers the items of one row, because only the database knows that two keys are equal: an
   * UPDATE would take one of the two, and the callers of the other would be granted what nobody took.
   */
  foldRows(items: readonly BatchItem[]): BatchStatement {
    const { key, min } = this.#shape
    const summaries = items.map(({ deltas }) => summarize(deltas))
    const sums = (of: keyof NonNullable<Summary['sums']>): (number | null)[] =>
      summaries.map((summary) => summary.sums?.[of] ?? null)
    const values: unknown[] = [
      min,
      items.map(({ deltas }) => `{${deltas.join(',')}}`),
      sums('total'),
      sums('lowest'),
      sums('highest'),
      summaries.map(({ easiest }) => easiest ?? null),
    ]
    const keys = key.map((name) => items.map((item) => item.key[name]))
    if (keys.every((list) => list.every(canBeListed))) {
      return { text: this.#textFor(items.length), values: [...values, ...keys], isOneOfFew: true }
    }
    const before = values.length + 1
    const rows = items.map((_, row) => key.map((__, index) => `$${row * key.length + index + before}`))
    const text = foldRows(this.#shape, wantedOneByOne(this.#shape, rows))
    for (const item of items) for (const name of key) values.push(item.key[name])
    return { text, values, isOneOfFew: false }
  }

  /** For the planner, which expects 10 rows of a list: few keys are looked up by index, no table is read for them. */
  #textFor(count: number): string {
    const limit = count > 8 ? 0 : 2 ** Math.ceil(Math.log2(count))
    let text = this.#foldRows.get(limit)
    if (text === undefined) {
      this.#foldRows.set(limit, (text = foldRows(this.#shape, wantedAsLists(this.#shape, limit))))
    }
    return text
  }
}

function addTotal(shape: CounterShape): string {
  const counter = shape.column(shape.counter)
  const sets = [`${counter} = ${counter} + $1::bigint`, ...raise(shape, '')]
  const key = shape.key.map((name, index) => `${shape.column(name)} = $${index + 5}`)
  return (
    `UPDATE ${shape.table} SET ${sets.join(', ')} WHERE ${key.join(' AND ')} ` +
    `AND ${counter} + $2::bigint >= $4::bigint AND ${counter} + $3::bigint <= ${MAX} ` +
    `AND ${isExact(counter)} RETURNING ${counter}::text AS "quorateafter"`
  )
}

const LISTS = '$2::text[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[]'
const OF_LISTS = 'quoratedeltas, quoratetotal, quoratelowest, quoratehighest, quorateeasiest'

/** @param limit as many rows at most; 0: no limit. */
function wantedAsLists({ table, key, column }: CounterShape, limit: number): string {
  const lists = key.map((name, index) => typedList(table, column(name), `$${index + 7}`))
  return `(SELECT * FROM unnest(${LISTS}, ${lists.join(', ')})
    WITH ORDINALITY${limit === 0 ? '' : ` LIMIT ${limit}`})
    AS w(${OF_LISTS}, ${keyNames(key)}, quorateitem)`
}

/** The same, where a key may be an array: see {@link canBeListed}. */
function wantedOneByOne(shape: CounterShape, rows: readonly (readonly string[])[]): string {
  const { table, key, column } = shape
  return `(SELECT * FROM unnest(${LISTS}) WITH ORDINALITY AS sums(${OF_LISTS}, quorateitem)
    JOIN ${typedRows(table, key.map(column), rows)} AS keys(quorateitem, ${keyNames(key)}) USING (quorateitem)) AS w`
}

function keyNames(key: readonly string[]): string {
  return key.map((_, index) => `quoratekey${index}`).join(', ')
}

/** @param wanted the items as rows, called `w`. */
function foldRows(shape: CounterShape, wanted: string): string {
  const { table } = shape
  const counter = shape.column(shape.counter)
  const key = shape.key.map((name) => shape.column(name))
  const of = (alias: string): string => key.map((_, index) => `${alias}.quoratekey${index}`).join(', ')
  const same = (alias: string): string =>
    key.map((column, index) => `t.${column} = ${alias}.quoratekey${index}`).join(' AND ')
  const sets = [`${counter} = folded.quorateafter`, ...raise(shape, 'folded.')]
  const version = shape.version === undefined ? '' : `, t.${shape.column(shape.version)} AS quorateversion`

  return `WITH want AS MATERIALIZED (
  SELECT w.*, row_number() OVER (PARTITION BY ${of('w')} ORDER BY w.quorateitem) > 1 AS quoratetwin
  FROM ${wanted}
), held AS MATERIALIZED (
  SELECT want.*, t.${counter} AS quoratebefore, ${isExact(`t.${counter}`)} AS quorateexact${version}
  FROM want JOIN ${table} AS t ON ${same('want')} WHERE NOT want.quoratetwin
  ORDER BY ${lockOrder(key, 't')} FOR UPDATE OF t
), folded AS MATERIALIZED (
  SELECT held.*, CASE
    WHEN quorateexact IS NOT TRUE THEN quoratebefore
    WHEN (quoratelowest = 0 OR quoratebefore + quoratelowest >= $1::bigint) AND quoratebefore + quoratehighest <= ${MAX}
      THEN quoratebefore + quoratetotal
    WHEN quoratebefore + quorateeasiest < $1::bigint THEN quoratebefore
    ELSE (
      WITH RECURSIVE deltas AS MATERIALIZED (SELECT held.quoratedeltas::bigint[] AS list),
      walk(step, units) AS (
        SELECT 0, held.quoratebefore::numeric
        UNION ALL
        SELECT step + 1, CASE
          WHEN list[step + 1] < 0 AND units + list[step + 1] < $1::bigint THEN units
          WHEN list[step + 1] > 0 AND units + list[step + 1] > ${MAX} THEN units
          ELSE units + list[step + 1] END
        FROM walk, deltas WHERE step < cardinality(list)
      )
      SELECT units FROM walk ORDER BY step DESC LIMIT 1
    ) END AS quorateafter
  FROM held
), done AS (
  UPDATE ${table} AS t SET ${sets.join(', ')}
  FROM folded WHERE ${same('folded')} AND folded.quorateafter <> folded.quoratebefore
  RETURNING folded.quorateitem
)
SELECT want.quoratetwin, CASE WHEN folded.quorateitem IS NOT NULL THEN COALESCE(folded.quoratebefore::text, 'NULL') END AS quoratebefore,
  folded.quorateafter::text, done.quorateitem IS NOT NULL AS quoratedone
FROM want LEFT JOIN folded USING (quorateitem) LEFT JOIN done USING (quorateitem) ORDER BY want.quorateitem`
}

function isExact(counter: string): string {
  return `(${counter} % 1 = 0 AND ${counter} BETWEEN -${MAX} AND ${MAX})`
}

function raise({ version, column }: CounterShape, alias: string): string[] {
  if (version === undefined) return []
  const name = column(version)
  return [`${name} = ${alias === '' ? name : `${alias}quorateversion`} + 1`]
}
