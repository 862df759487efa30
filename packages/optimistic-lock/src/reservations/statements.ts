import { lockOrder } from '../names.ts'
import type { KeyValues } from '../types.ts'
import { hasCount, type Statement } from '../statements.ts'

/** What the statements need to know of both tables. */
export interface HoldShape {
  /** The items' table as the caller named it; reservations of several tables can share one. */
  readonly label: string
  /** The items' table in SQL, quoted. */
  readonly items: string
  readonly key: readonly string[]
  readonly counter: string
  readonly version: string | undefined
  readonly min: number
  /** The reservations' table in SQL, quoted. */
  readonly reservations: string
  readonly column: (name: string) => string
}

/** A reservation as {@link COLUMNS} gives it. */
export interface ReservationRow {
  readonly id: string
  /** JSON, as text: a number in it may be more than JavaScript holds. */
  readonly item: string
  readonly quantity: string
  readonly state: 'held' | 'confirmed' | 'released' | 'expired'
  readonly expiresAtMs: number
  readonly isDue: boolean
}

/** What {@link hold} answers: a reservation or, where all is NULL, whether units of this item were due. */
export type HoldRow =
  | (ReservationRow & { readonly isAnyDue: false })
  | { readonly id: null; readonly isAnyDue: boolean }

const columnsOf = (alias: string): string =>
  `${alias}.id, ${alias}.item::text AS item, ${alias}.quantity::text AS quantity, ${alias}.state, ` +
  `extract(epoch FROM ${alias}.expires_at)::float8 * 1000 AS "expiresAtMs", ` +
  `${isDue(alias)} AS "isDue"`

function isDue(alias: string): string {
  return `${alias}.state = 'held' AND ${alias}.expires_at <= statement_timestamp()`
}

/**
 * Takes the units and notes who has them, or neither. The row is locked first and judged on its latest state; an id that
 * is taken, also by a hold under way, changes nothing. It fails if a trigger kept the item as it was: a note without units
 * would sell what somebody else has. What is due is told as of the snapshot that the units were judged by, or a sweep in
 * between could hide both.
 */
export function hold(
  shape: HoldShape,
  { id, key, quantity, ttlMs }: { id: string; key: KeyValues; quantity: number; ttlMs: number },
): Statement {
  const values: unknown[] = [id, shape.label, quantity, shape.min, ttlMs]
  const counter = shape.column(shape.counter)
  const parameters = shape.key.map((name) => [shape.column(name), `$${values.push(key[name])}`] as const)
  const keyIs = (alias: string): string =>
    parameters.map(([column, parameter]) => `${alias}.${column} = ${parameter}`).join(' AND ')
  return {
    text: `WITH held AS MATERIALIZED (
  SELECT ${itemColumns(shape, 't')} FROM ${shape.items} AS t
  WHERE ${keyIs('t')} AND t.${counter} - $3::bigint >= $4::bigint
    AND NOT EXISTS (SELECT FROM ${shape.reservations} WHERE id = $1)
  FOR UPDATE OF t
), made AS (
  INSERT INTO ${shape.reservations} AS r (id, item_table, item, quantity, state, held_at, expires_at)
  SELECT $1, $2, ${itemJson(shape, 'held')}, $3::bigint, 'held', clock_timestamp(),
    clock_timestamp() + $5::float8 * interval '1 millisecond' FROM held
  ON CONFLICT (id) DO NOTHING RETURNING ${columnsOf('r')}
), taken AS (
  UPDATE ${shape.items} AS t SET ${writes(shape, '- $3::bigint')} FROM held, made
  WHERE ${same(shape, 't', 'held')} RETURNING 1
)
SELECT made.*, CASE WHEN made.id IS NULL THEN EXISTS (
  SELECT FROM ${shape.reservations} AS r, LATERAL jsonb_populate_record(NULL::${shape.items}, r.item) AS k
  WHERE r.item_table = $2 AND ${isDue('r')} AND ${keyIs('k')}
) ELSE false END AS "isAnyDue"
FROM (SELECT 1) AS quorateone LEFT JOIN made ON true WHERE ${hasCount('taken', '(SELECT count(*) FROM made)')}`,
    values,
  }
}

/** One reservation, and whether it is one of this item. */
export function find(shape: HoldShape, id: string, key: KeyValues | undefined): Statement {
  const values: unknown[] = [id, shape.label]
  const isSame =
    key === undefined
      ? 'true'
      : `EXISTS (SELECT FROM jsonb_populate_record(NULL::${shape.items}, r.item) AS k WHERE ${shape.key
          .map((name) => `k.${shape.column(name)} = $${values.push(key[name])}`)
          .join(' AND ')})`
  return {
    text: `SELECT ${columnsOf('r')}, r.item_table = $2 AND ${isSame} AS "isSame" FROM ${shape.reservations} AS r WHERE r.id = $1${key === undefined ? ' AND r.item_table = $2' : ''}`,
    values,
  }
}

/** The units are sold: the note is closed, and they stay taken. */
export function confirm(shape: HoldShape, id: string): Statement {
  return {
    text: `UPDATE ${shape.reservations} AS r SET state = 'confirmed', closed_at = statement_timestamp()
WHERE id = $1 AND item_table = $2 AND state = 'held' AND expires_at > statement_timestamp() RETURNING ${columnsOf('r')}`,
    values: [id, shape.label],
  }
}

/** Gives the units back, once. */
export function release(shape: HoldShape, id: string): Statement {
  return giveBack(
    shape,
    'released',
    `SELECT id FROM ${shape.reservations} WHERE id = $1 AND item_table = $2 AND state = 'held' FOR UPDATE`,
    [id, shape.label],
  )
}

/** Gives back what was held for too long. Those that another sweeper, or a confirm, has in hand are passed over. */
export function expire(shape: HoldShape, limit: number, key: KeyValues | undefined): Statement {
  const values: unknown[] = [shape.label, limit]
  const ofItem =
    key === undefined
      ? ''
      : ` AND EXISTS (SELECT FROM jsonb_populate_record(NULL::${shape.items}, item) AS k WHERE ${shape.key
          .map((name) => `k.${shape.column(name)} = $${values.push(key[name])}`)
          .join(' AND ')})`
  return giveBack(
    shape,
    'expired',
    `SELECT id FROM ${shape.reservations} AS r WHERE item_table = $1 AND ${isDue('r')}${ofItem}
  ORDER BY expires_at LIMIT $2 FOR UPDATE SKIP LOCKED`,
    values,
  )
}

/** The ids that {@link expire} would take. */
export function due(shape: HoldShape, limit: number): Statement {
  return {
    text: `SELECT id FROM ${shape.reservations} AS r WHERE item_table = $1 AND ${isDue('r')} ORDER BY expires_at LIMIT $2`,
    values: [shape.label, limit],
  }
}

/**
 * {@link expire} for one of them. Waits for it: the statement for all, which has just failed, may not have let go of it yet,
 * as a server answers before it rolls back.
 */
export function expireOne(shape: HoldShape, id: string): Statement {
  return giveBack(
    shape,
    'expired',
    `SELECT id FROM ${shape.reservations} AS r WHERE id = $1 AND item_table = $2 AND ${isDue('r')} FOR UPDATE`,
    [id, shape.label],
  )
}

/** Forgets closed reservations; their ids are free again. */
export function purge(shape: HoldShape, olderThanMs: number, limit: number): Statement {
  return {
    text: `DELETE FROM ${shape.reservations} WHERE id IN (
  SELECT id FROM ${shape.reservations} WHERE item_table = $1 AND state <> 'held'
    AND closed_at < statement_timestamp() - $2::float8 * interval '1 millisecond' LIMIT $3 FOR UPDATE SKIP LOCKED
) RETURNING 1`,
    values: [shape.label, olderThanMs, limit],
  }
}

/**
 * Items are locked in key order, as in `adjustAllRows()`; and always after the reservations that are there. It fails if a
 * trigger kept an item as it was: its units would be nobody's.
 */
function giveBack(shape: HoldShape, state: string, ids: string, values: unknown[]): Statement {
  const key = shape.key.map((name) => shape.column(name))
  const of = (alias: string): string => key.map((name) => `${alias}.${name}`).join(', ')
  return {
    text: `WITH due AS MATERIALIZED (
  ${ids}
), closed AS (
  UPDATE ${shape.reservations} AS r SET state = '${state}', closed_at = statement_timestamp()
  FROM due WHERE r.id = due.id AND r.state = 'held' RETURNING ${columnsOf('r')}
), sums AS MATERIALIZED (
  SELECT ${of('k')}, sum(closed.quantity::bigint) AS quorateunits
  FROM closed, LATERAL jsonb_populate_record(NULL::${shape.items}, closed.item::jsonb) AS k GROUP BY ${of('k')}
), held AS MATERIALIZED (
  SELECT ${itemColumns(shape, 't')}, sums.quorateunits FROM sums JOIN ${shape.items} AS t ON ${same(shape, 't', 'sums')}
  ORDER BY ${lockOrder(key, 't')} FOR UPDATE OF t
), back AS (
  UPDATE ${shape.items} AS t SET ${writes(shape, '+ held.quorateunits')} FROM held WHERE ${same(shape, 't', 'held')} RETURNING 1
)
SELECT * FROM closed WHERE ${hasCount('back', '(SELECT count(*) FROM held)')}`,
    values,
  }
}

function itemColumns(shape: HoldShape, alias: string): string {
  const key = shape.key.map((name) => `${alias}.${shape.column(name)}`)
  const version =
    shape.version === undefined ? [] : [`${alias}.${shape.column(shape.version)} AS quorateversion`]
  return [...key, `${alias}.${shape.column(shape.counter)} AS quoratebefore`, ...version].join(', ')
}

/** Under the names of the columns in SQL, which `jsonb_populate_record()` reads. */
function itemJson(shape: HoldShape, alias: string): string {
  const pairs = shape.key.map((name) => {
    const column = shape.column(name)
    return `'${column.slice(1, -1).replaceAll('""', '"').replaceAll("'", "''")}', ${alias}.${column}`
  })
  return `jsonb_build_object(${pairs.join(', ')})`
}

/** From `held`, for the reason given at `adjustAllRows()`. */
function writes(shape: HoldShape, change: string): string {
  const counter = `${shape.column(shape.counter)} = held.quoratebefore ${change}`
  if (shape.version === undefined) return counter
  return `${counter}, ${shape.column(shape.version)} = held.quorateversion + 1`
}

function same(shape: HoldShape, a: string, b: string): string {
  return shape.key.map((name) => `${a}.${shape.column(name)} = ${b}.${shape.column(name)}`).join(' AND ')
}
