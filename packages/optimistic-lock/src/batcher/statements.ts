import { jsonKey } from '../adjust.ts'
import type { Shape } from '../names.ts'
import { Sql, type Statement } from '../statements.ts'
import { summarize } from './plan.ts'
import type { BatchItem } from './store.ts'

/** What a batcher needs to know of its table. */
export interface CounterShape {
  readonly label: string
  readonly table: string
  readonly key: readonly string[]
  /** The column of every request. */
  readonly counter: string
  /** Raised by one with each statement that changes a row, if there is one. */
  readonly version: string | undefined
  readonly min: number
  readonly column: (name: string) => string
}

/** A row of {@link foldRows}. */
export interface FoldedRow {
  readonly quorateitem: number
  /** Another item of this statement names the same row. */
  readonly quoratetwin: boolean
  /** The counter before and after, as text; `null` for a row that does not exist. */
  readonly quoratebefore: string | null
  readonly quorateafter: string | null
  readonly quoratedone: boolean
}

const MAX = String(Number.MAX_SAFE_INTEGER)

/**
 * All requests for one row, if the bound allows all of them: a plain conditional UPDATE, which costs a fraction of
 * {@link foldRows}. No row comes back if it does not, or if the row is not there: nothing was changed then.
 */
export function addTotal(shape: CounterShape, { key, deltas }: BatchItem): Statement {
  const sql = new Sql(asShape(shape))
  const { total, lowest } = summarize(deltas)
  const counter = shape.column(shape.counter)
  const totalSql = `${sql.value(total)}::bigint`
  const sets = [`${counter} = ${counter} + ${totalSql}`, ...raise(shape, '')]
  const lowestSql = `${sql.value(lowest)}::bigint`
  return sql.done(
    `UPDATE ${shape.table} SET ${sets.join(', ')} WHERE ${sql.keyIs(key)} ` +
      `AND ${counter} + ${lowestSql} >= ${sql.value(lowest === 0 ? -Number.MAX_SAFE_INTEGER : shape.min)}::bigint ` +
      `AND ${isExact(counter)} RETURNING ${counter}::text AS "quorateafter"`,
  )
}

/**
 * Each row's requests folded one by one, in one statement: `held` locks the rows in key order, so that two such
 * statements cannot deadlock, and has their latest committed state; `folded` is `fold()` of `plan.ts`, and walks the
 * requests only if some are granted and some are not; `done` writes. It computes from `held` for the reason given at
 * `adjustAllRows()`. `want` numbers the items of one row, because only the database knows that two keys are equal: an
 * UPDATE would take one of the two, and the callers of the other would be granted what nobody took.
 */
export function foldRows(shape: CounterShape, items: readonly BatchItem[]): Statement {
  const sql = new Sql(asShape(shape))
  const counter = shape.column(shape.counter)
  const key = shape.key.map((column) => shape.column(column))
  const same = (a: string, b: string): string =>
    key.map((column) => `${a}.${column} = ${b}.${column}`).join(' AND ')
  const of = (alias: string): string => key.map((column) => `${alias}.${column}`).join(', ')

  const summaries = items.map(({ deltas }) => summarize(deltas))
  const json = sql.value(JSON.stringify(items.map((item) => jsonKey(asShape(shape), item.key))))
  const lists = [
    `${sql.value(items.map(({ deltas }) => `{${deltas.join(',')}}`))}::text[]`,
    `${sql.value(summaries.map(({ total }) => total))}::bigint[]`,
    `${sql.value(summaries.map(({ lowest }) => lowest))}::bigint[]`,
    `${sql.value(summaries.map(({ easiest }) => easiest ?? null))}::bigint[]`,
  ]
  const min = `${sql.value(shape.min)}::bigint`
  // For the planner, as in adjustAllRows().
  const limit = 2 ** Math.ceil(Math.log2(items.length))
  const sets = [`${counter} = folded.quorateafter`, ...raise(shape, 'folded.')]

  return sql.done(
    `WITH want AS MATERIALIZED (
  SELECT w.ordinality - 1 AS quorateitem, d.deltas AS quoratedeltas, d.total AS quoratetotal,
    d.lowest AS quoratelowest, d.easiest AS quorateeasiest,
    row_number() OVER (PARTITION BY ${of('w')} ORDER BY w.ordinality) > 1 AS quoratetwin, ${of('w')}
  FROM (SELECT * FROM json_populate_recordset(NULL::${shape.table}, ${json}::json) WITH ORDINALITY LIMIT ${limit}) AS w
  JOIN unnest(${lists.join(', ')}) WITH ORDINALITY AS d(deltas, total, lowest, easiest, ordinality) ON d.ordinality = w.ordinality
), held AS MATERIALIZED (
  SELECT want.quorateitem, want.quoratedeltas, want.quoratetotal, want.quoratelowest, want.quorateeasiest,
    t.${counter} AS quoratebefore, ${isExact(`t.${counter}`)} AS quorateexact, ${of('t')}${shape.version === undefined ? '' : `, t.${shape.column(shape.version)} AS quorateversion`}
  FROM want JOIN ${shape.table} AS t ON ${same('t', 'want')} WHERE NOT want.quoratetwin
  ORDER BY ${of('t')} FOR UPDATE OF t
), folded AS MATERIALIZED (
  SELECT held.*, CASE
    WHEN NOT quorateexact THEN quoratebefore
    WHEN quoratelowest = 0 OR quoratebefore + quoratelowest >= ${min} THEN quoratebefore + quoratetotal
    WHEN quoratebefore + quorateeasiest < ${min} THEN quoratebefore
    ELSE (
      WITH RECURSIVE deltas AS MATERIALIZED (SELECT held.quoratedeltas::bigint[] AS list),
      walk(step, units) AS (
        SELECT 0, held.quoratebefore::numeric
        UNION ALL
        SELECT step + 1, CASE WHEN list[step + 1] >= 0 OR units + list[step + 1] >= ${min} THEN units + list[step + 1] ELSE units END
        FROM walk, deltas WHERE step < cardinality(list)
      )
      SELECT units FROM walk ORDER BY step DESC LIMIT 1
    ) END AS quorateafter
  FROM held
), done AS (
  UPDATE ${shape.table} AS t SET ${sets.join(', ')}
  FROM folded WHERE ${same('t', 'folded')} AND folded.quorateafter <> folded.quoratebefore
  RETURNING folded.quorateitem
)
SELECT want.quorateitem::int, want.quoratetwin, folded.quoratebefore::text, folded.quorateafter::text,
  done.quorateitem IS NOT NULL AS quoratedone
FROM want LEFT JOIN folded USING (quorateitem) LEFT JOIN done USING (quorateitem) ORDER BY 1`,
  )
}

function isExact(counter: string): string {
  return `(${counter} % 1 = 0 AND ${counter} BETWEEN -${MAX} AND ${MAX})`
}

function raise({ version, column }: CounterShape, alias: string): string[] {
  if (version === undefined) return []
  const name = column(version)
  return [`${name} = ${alias === '' ? name : `${alias}quorateversion`} + 1`]
}

/** The parts of a repository's shape that are used here. */
function asShape(shape: CounterShape): Shape {
  return { ...shape, version: shape.version ?? '' }
}
