import type pg from 'pg'

const MARK = "SELECT pg_logical_emit_message(true, 'quorate.test', '')"

/** What waits for the standby, but for the mark of {@link standbyAway}. */
const WAITING = `FROM pg_stat_activity WHERE wait_event = 'SyncRep' AND query NOT LIKE '%quorate.test%'`

/** Looks again and again. @returns whether it was found before `end` came. */
export async function isFoundBefore(end: Promise<unknown>, look: () => Promise<boolean>): Promise<boolean> {
  const state = { isOver: false }
  const over = (): void => void (state.isOver = true)
  end.then(over, over)
  while (!state.isOver) if (await look()) return true
  return false
}

/** Texts of what waits for the standby. */
export async function waiting(pool: pg.Pool): Promise<readonly string[]> {
  const { rows } = await pool.query<{ query: string }>(`SELECT query ${WAITING}`)
  return rows.map(({ query }) => query)
}

/** Does to what waits for the standby what a person would. */
export async function strikeWaiting(
  pool: pg.Pool,
  how: 'pg_cancel_backend' | 'pg_terminate_backend',
): Promise<void> {
  await pool.query(`SELECT ${how}(pid) ${WAITING}`)
}

/**
 * Lets commits wait for a standby that is not there; resolves when they do.
 *
 * @returns ends that, once; resolves when nothing waits and nothing is at work any more.
 */
export async function standbyAway(pool: pg.Pool): Promise<() => Promise<void>> {
  await pool.query("ALTER SYSTEM SET synchronous_standby_names = 'nobody'")
  await pool.query('SELECT pg_reload_conf()') // answers before it is done
  const marks = 'SELECT FROM pg_stat_activity WHERE wait_event = $1 AND query = $2'
  const isWaiting = async (): Promise<boolean> => (await pool.query(marks, ['SyncRep', MARK])).rowCount === 1
  let mark: Promise<unknown>
  do mark = pool.query(MARK)
  while (!(await isFoundBefore(mark, isWaiting)))
  let ended: Promise<void> | undefined
  return () => (ended ??= standbyOfNoImportance(pool, mark))
}

async function standbyOfNoImportance(pool: pg.Pool, mark: Promise<unknown>): Promise<void> {
  await pool.query('ALTER SYSTEM RESET synchronous_standby_names')
  await pool.query('SELECT pg_reload_conf()')
  await mark
  const others = `SELECT FROM pg_stat_activity
    WHERE state = 'active' AND backend_type = 'client backend' AND pid <> pg_backend_pid()`
  while ((await pool.query(others)).rowCount !== 0);
}
