import type { Statement } from '../statements.ts'

/**
 * The SQL that creates the table of striped counters. It may be run again.
 *
 * @param quoted the table in SQL.
 */
export function createTable(quoted: string): string {
  return `CREATE TABLE IF NOT EXISTS ${quoted} (
  counter text NOT NULL,
  stripe int NOT NULL,
  units bigint NOT NULL CHECK (units >= 0),
  PRIMARY KEY (counter, stripe)
) WITH (fillfactor = 50);
`
}

/**
 * Makes the stripes of a counter that has none, with the units spread evenly. Who makes the first makes them all: another
 * who creates the counter at the same time, with more stripes, would add those that are missing, and units with them.
 */
export function create(table: string, counter: string, units: number, stripes: number): Statement {
  return {
    text: `WITH first AS (
  INSERT INTO ${table} (counter, stripe, units) VALUES ($1, 0, $2::bigint / $3::int + LEAST($2::bigint % $3::int, 1))
  ON CONFLICT DO NOTHING RETURNING 1
), rest AS (
  INSERT INTO ${table} (counter, stripe, units)
  SELECT $1, s, $2::bigint / $3::int + CASE WHEN s < $2::bigint % $3::int THEN 1 ELSE 0 END
  FROM first, generate_series(1, $3::int - 1) AS s
)
SELECT FROM first`,
    values: [counter, units, stripes],
  }
}

/**
 * Takes from, or adds to, a stripe that nobody has locked and that has enough, beginning anywhere. `rich` are all that
 * have enough, locked or not.
 */
export function adjustFree(table: string, counter: string, delta: number, from: number): Statement {
  return {
    text: `WITH free AS MATERIALIZED (
  SELECT stripe FROM ${table} WHERE counter = $1 AND units + $2::bigint >= 0
  ORDER BY stripe < $3::int, stripe LIMIT 1 FOR UPDATE SKIP LOCKED
), done AS (
  UPDATE ${table} AS t SET units = t.units + $2::bigint FROM free WHERE t.counter = $1 AND t.stripe = free.stripe RETURNING 1
)
SELECT (SELECT count(*) FROM done)::int AS done,
  ARRAY(SELECT stripe FROM ${table} WHERE counter = $1 AND units + $2::bigint >= 0) AS rich`,
    values: [counter, delta, from],
  }
}

/** Takes from, or adds to, one stripe, if it has enough; waits for who has it locked. */
export function adjust(table: string, counter: string, stripe: number, delta: number): Statement {
  return {
    text: `UPDATE ${table} SET units = units + $3::bigint WHERE counter = $1 AND stripe = $2 AND units + $3::bigint >= 0 RETURNING 1`,
    values: [counter, stripe, delta],
  }
}

/**
 * Takes from all stripes together, if they have enough, and spreads the rest evenly, so that the next callers find
 * something in theirs. All stripes are locked in order, so the sum is exact: nobody is refused while units are there.
 */
export function borrow(table: string, counter: string, units: number): Statement {
  return {
    text: `WITH held AS MATERIALIZED (
  SELECT stripe, units FROM ${table} WHERE counter = $1 ORDER BY stripe FOR UPDATE
), total AS MATERIALIZED (
  SELECT sum(units)::bigint AS units, count(*)::bigint AS stripes FROM held
), shares AS (
  SELECT stripe, row_number() OVER (ORDER BY stripe) - 1 AS place, total.stripes, total.units - $2::bigint AS left
  FROM held, total WHERE total.units >= $2::bigint
), done AS (
  UPDATE ${table} AS t SET units = shares.left / shares.stripes + CASE WHEN shares.place < shares.left % shares.stripes THEN 1 ELSE 0 END
  FROM shares WHERE t.counter = $1 AND t.stripe = shares.stripe RETURNING 1
)
SELECT total.stripes::int AS stripes, (SELECT count(*) FROM done)::int AS done FROM total`,
    values: [counter, units],
  }
}

/** What {@link sum} answers; no units if there are no stripes. */
export interface Sum {
  readonly units: string | null
  readonly stripes: number
}

/** The sum of one moment: one statement sees one snapshot. */
export function sum(table: string, counter: string): Statement {
  return {
    text: `SELECT sum(units)::text AS units, count(*)::int AS stripes FROM ${table} WHERE counter = $1`,
    values: [counter],
  }
}
