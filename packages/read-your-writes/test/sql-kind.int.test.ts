import pg from 'pg'
import { afterAll, expect, test } from 'vitest'
import { testDatabase } from '@quorate/local-cluster/vitest'
import { mayWrite } from '@quorate/read-your-writes'

const database = await testDatabase()
const pool = new pg.Pool({ connectionString: database.url })
afterAll(() => pool.end())

/** Volatile, and as good on a replica: what they give changes by itself, or tells of the server that answers. */
const HARMLESS = [
  /^(random|random_normal|array_sample|array_shuffle|setseed|gen_random_uuid|uuidv[47])$/,
  /^(clock_timestamp|timeofday|current_query|amvalidate|currtid2|txid_status)$/,
  /^pg_sleep/,
  /^pg_(stat_get|stat_have|stat_file|stat_clear_snapshot|stat_force_next_flush|ls_|read_|get_|show_|control_)/,
  /^pg_(is_|last_|blocking_pids|safe_snapshot|lock_status|isolation_test|xact_|prepared_xact|notification_queue)/,
  /^pg_(database_|relation_|table_|tablespace_|indexes_|total_relation_)?size$/,
  /^pg_(database_|relation_|table_|tablespace_|indexes_|total_relation_)size$/,
  /^pg_(database_)?collation_actual_version$/,
  /^pg_(partition_|hba_|ident_|jit_available|current_logfile|sequence_last_value|available_wal|wal_summary)/,
  /^plpgsql_/, // cannot be called
]

test('every volatile function of the server is known to write, or known not to', async () => {
  const { rows } = await pool.query<{ name: string }>(`
    SELECT DISTINCT proname AS name FROM pg_proc
    WHERE provolatile = 'v' AND pronamespace = 'pg_catalog'::regnamespace
      AND prorettype NOT IN ('trigger'::regtype, 'event_trigger'::regtype)
      AND NOT 'internal'::regtype = ANY (proargtypes::oid[]) ORDER BY 1`)
  expect(rows.length).toBeGreaterThan(200)
  const isHarmless = (name: string): boolean => HARMLESS.some((pattern) => pattern.test(name))
  const writes = rows.filter(({ name }) => mayWrite(`SELECT ${name}(1)`)).map(({ name }) => name)
  const unknown = rows.filter(({ name }) => !mayWrite(`SELECT ${name}(1)`) && !isHarmless(name))
  expect(unknown.map(({ name }) => name)).toEqual([])
  expect(writes.filter(isHarmless)).toEqual([])
})

test.each([
  `SELECT 'delete', E'it\\'s', $q$ update $q$, U&"id" FROM (SELECT 1 AS id) AS one`,
  'SELECT /* /* nested */ delete */ 1 -- for update',
  'SELECT a$b FROM (SELECT 1 AS a$b) AS "insert into x"',
  '(SELECT 1) UNION (VALUES (2)) ORDER BY 1',
  `EXPLAIN (ANALYZE, COSTS off) SELECT $$;delete from x$$`,
  `WITH RECURSIVE a (n) AS (VALUES (1) UNION ALL SELECT n + 1 FROM a WHERE n < 3) TABLE a`,
])('the server reads it as we do: %s', async (text) => {
  // All but what is unclear on purpose.
  expect(mayWrite(text)).toBe(text.includes('U&'))
  const client = await pool.connect()
  try {
    await client.query('BEGIN READ ONLY')
    const { command } = await client.query(text)
    expect(['SELECT', 'EXPLAIN']).toContain(command)
    await client.query('COMMIT')
  } finally {
    client.release()
  }
})
