import type { Decision } from '../machine.ts'

/** Quotes a name. */
export const name = (text: string): string => `"${text.replaceAll('"', '""')}"`
/** Quotes a text; ours have no backslash. */
export const literal = (text: string): string =>
  text.includes("'") ? `'${text.replaceAll("'", "''")}'` : `'${text}'`

/**
 * What survives must be on the standbys too: a member that fails over must still have what it had acknowledged.
 * Postgres then neither waits for the disk with `off` nor for the standbys with `local`. Others stay as they are.
 *
 * @param local until the end of the transaction; else of the session, and the answer says what it was.
 */
const waitForStandbys = (local: boolean): string =>
  `SELECT current_setting('synchronous_commit') AS was, set_config('synchronous_commit', 'on', ${local})
  WHERE current_setting('synchronous_commit') IN ('off', 'local')`

export type Isolation = 'read committed' | 'repeatable read' | 'serializable'

/** For how long a transaction may be open. */
export interface Limits {
  readonly isolation: Isolation | undefined
  /** In ms, of which the server takes whole ones, up to 24 days. */
  readonly timeoutMs: number
  readonly graceMs: number
}

/**
 * Begins. The limits are for a coordinator that vanishes without a word: its locks must not outlive it for long. None of
 * them ends the wait of a COMMIT or a PREPARE for the standbys: the server stops its clocks before that.
 *
 * @param how `ask`: and says what is worth knowing of the session. One limit on the whole costs half as much as one on
 *   each statement and one on each pause, but is not there before Postgres 17.
 */
export function beginSql({ isolation, timeoutMs, graceMs }: Limits, how: 'ask' | 'each' | 'whole'): string {
  const begin = isolation === undefined ? 'BEGIN' : `BEGIN ISOLATION LEVEL ${isolation.toUpperCase()}`
  if (how === 'whole') {
    const wholeMs = timeoutMs + Math.min(timeoutMs, graceMs)
    return `${begin}; SET LOCAL transaction_timeout = ${limit(wholeMs)}`
  }
  const asked = how === 'ask' ? '; SHOW server_version_num; SHOW synchronous_commit' : ''
  return `${begin}${asked}; SET LOCAL statement_timeout = ${limit(timeoutMs)}; SET LOCAL idle_in_transaction_session_timeout = ${limit(timeoutMs + 2 * graceMs)}`
}

/** By the server's clock. */
const ago = (ms: number): string => `clock_timestamp() - interval '${limit(ms)} ms'`

const limit = (ms: number): number => Math.min(Math.ceil(ms), 2_147_483_647)

/** Of a transaction that needs no decision. */
export const COMMIT = 'COMMIT'

export const HAS_WRITTEN = 'SELECT pg_current_xact_id_if_assigned() IS NOT NULL AS wrote'

/**
 * One message, with PREPARE as the last of it: an error is then always before it. What it prepares is to be seen nowhere
 * yet, so that `on` is enough also for a session that waits until the standbys show what they have.
 */
export const prepareSql = (gid: string): string =>
  `SET LOCAL synchronous_commit = on; PREPARE TRANSACTION ${literal(gid)}`

export const finishSql = (gid: string, decision: Decision): string =>
  `${decision === 'commit' ? 'COMMIT' : 'ROLLBACK'} PREPARED ${literal(gid)}`

/** For a session that may not wait. Cannot be in one message with COMMIT PREPARED, which takes no company. */
export const raiseSql = (): string => waitForStandbys(false)

/** Who may end it, and who this session is. */
export const ownerSql = (gid: string): string =>
  `SELECT owner, current_setting('role') AS was FROM pg_prepared_xacts WHERE gid = ${literal(gid)}`

export const setRoleSql = (role: string): string => `SET ROLE ${role === 'none' ? 'NONE' : name(role)}`

/** In a transaction that is to be waited for. */
const MARK = "SELECT pg_logical_emit_message(true, 'quorate.tpc', '')"

/** Resolves when all that was committed before is with the standbys: they confirm in the order of the log. */
export const BARRIER: string = `${waitForStandbys(true)}; ${MARK}`

/**
 * By what a transaction can be asked for when its COMMIT was not answered. A server that crashed, or took over, can give
 * the number again: so when it began, and when it began to count, which a crash does anew.
 */
const SERVER = "concat_ws('/', pg_postmaster_start_time(), (SELECT stats_reset FROM pg_stat_bgwriter))"

export const IDENTITY: string = `SELECT pg_current_xact_id_if_assigned()::text AS xid, ${SERVER} AS server`

/** What became of it, and whose answer that is. */
export const fateSql = (xid: string): string =>
  `SELECT pg_xact_status(${literal(xid)}::xid8) AS status, ${SERVER} AS server`

/** What the log's tables are called. */
export interface Tables {
  readonly schema: string
  readonly log: string
  readonly coordinators: string
  readonly signs: string
  readonly decisions: string
  readonly overrides: string
  /** Writes a record of commit. */
  readonly procedure: string
}

export const DECISIONS = 'tpc_decisions'

export function tablesOf(schema: string): Tables {
  const of = (table: string): string => `${name(schema)}.${table}`
  return {
    schema,
    log: of('tpc_log'),
    coordinators: of('tpc_coordinators'),
    signs: of('tpc_signs_of_life'),
    decisions: of(DECISIONS),
    overrides: of('tpc_overrides'),
    procedure: of('tpc_record'),
  }
}

/** Idempotent, also if several run at once. */
export function migrateSql(tables: Tables): string {
  const { schema, log, coordinators, signs, decisions, overrides } = tables
  return `
BEGIN; ${waitForStandbys(true)};
SELECT pg_advisory_xact_lock(hashtextextended('quorate.tpc.migrate', 0));
CREATE SCHEMA IF NOT EXISTS ${name(schema)};
-- The name of this log is part of every gid, so that recovery never touches the transactions of another one.
CREATE TABLE IF NOT EXISTS ${log} (
  only_one boolean PRIMARY KEY DEFAULT true CHECK (only_one),
  name text NOT NULL DEFAULT substr(replace(gen_random_uuid()::text, '-', ''), 1, 12)
);
INSERT INTO ${log} DEFAULT VALUES ON CONFLICT DO NOTHING;
-- Its rows are there as long as a coordinator may write commit: each decision locks the one of its slot, so that many at
-- once need not share a lock. Never updated, since decisions in REPEATABLE READ would fail.
CREATE TABLE IF NOT EXISTS ${coordinators} (
  epoch bigint,
  slot int,
  PRIMARY KEY (epoch, slot)
);
CREATE TABLE IF NOT EXISTS ${signs} (
  epoch bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
  name text NOT NULL,
  seen_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
-- First writer wins. No foreign key: a record outlives its coordinator.
CREATE TABLE IF NOT EXISTS ${decisions} (
  id text PRIMARY KEY,
  epoch bigint NOT NULL,
  decision text NOT NULL CHECK (decision IN ('commit', 'abort')),
  members text[] NOT NULL,
  decided_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  times_read int NOT NULL DEFAULT 0
);
CREATE TABLE IF NOT EXISTS ${overrides} (
  id text NOT NULL,
  decision text NOT NULL,
  recorded text,
  forced boolean NOT NULL,
  note text,
  decided_at timestamptz NOT NULL DEFAULT clock_timestamp()
);
${procedureSql(tables)};
COMMIT`
}

/** Rows of a coordinator. More than it runs transactions at once: then two seldom lock the same. */
const SLOTS = 64

const slotOf = (id: string): number => Number(id.slice(id.lastIndexOf('.') + 1)) % SLOTS

/** Must survive: two lives of one epoch would give two transactions one name. */
export const openEpochSql = (
  { coordinators, signs }: Tables,
  coordinator: string,
): string => `${waitForStandbys(true)};
WITH opened AS (INSERT INTO ${signs} (name) VALUES (${literal(coordinator)}) RETURNING epoch),
slots AS (INSERT INTO ${coordinators} (epoch, slot) SELECT epoch, generate_series(0, ${SLOTS - 1}) FROM opened)
SELECT epoch::text FROM opened`

/**
 * Writes `commit`, as the last act of the transaction it is in. Fails if `abort` is there (23505), and if the epoch is
 * closed (23502); the lock keeps it open until the end. A procedure, whose plan the server keeps: the INSERT in the
 * message itself costs it half as much again as the rest of the commit. So would PERFORM, for which it runs a query.
 */
const procedureSql = ({ procedure, decisions, coordinators }: Tables): string => `
CREATE OR REPLACE PROCEDURE ${procedure} (of_id text, of_epoch bigint, of_slot int, of_members text[])
LANGUAGE plpgsql AS $record$
DECLARE
  raised text;
BEGIN
  IF pg_catalog.current_setting('synchronous_commit') IN ('off', 'local') THEN
    raised := pg_catalog.set_config('synchronous_commit', 'on', true);
  END IF;
  INSERT INTO ${decisions} (id, epoch, decision, members) VALUES (
    of_id,
    (SELECT epoch FROM ${coordinators} WHERE epoch = of_epoch AND slot = of_slot FOR KEY SHARE),
    'commit',
    of_members
  );
END
$record$`

/** In the open transaction of the participant that keeps the decisions. */
export const commitWithRecordSql = (
  { procedure }: Tables,
  id: string,
  epoch: string,
  members: readonly string[],
): string =>
  `CALL ${procedure}(${literal(id)}, ${epoch}, ${slotOf(id)}, ${literal(`{${members.join(',')}}`)}); COMMIT`

/** In a transaction of its own. */
export const commitRecordSql = (...record: Parameters<typeof commitWithRecordSql>): string =>
  `BEGIN; ${commitWithRecordSql(...record)}`

/**
 * Reads the decision, and writes `abort` if there is none. It writes in any case, and so waits until the standbys have
 * what it read: a commit that was cancelled while it waited for them can be read, and be gone after a failover.
 * No row: the epoch is closed.
 */
export const settleSql = (
  { decisions, coordinators }: Tables,
  id: string,
  epoch: string,
  lockMs: number,
): string => `SELECT set_config('lock_timeout', '${limit(lockMs)}', true); ${waitForStandbys(true)};
INSERT INTO ${decisions} AS d (id, epoch, decision, members)
  SELECT ${literal(id)}, epoch, 'abort', '{}' FROM ${coordinators}
  WHERE epoch = ${epoch} AND slot = ${slotOf(id)} FOR KEY SHARE
  ON CONFLICT (id) DO UPDATE SET times_read = d.times_read + 1
  RETURNING decision, members`

/**
 * Reads the decision, and writes none. For one whose epoch is closed, the mark waits for what closed it: a failover that
 * forgets that would let the coordinator write again.
 */
export const readDurablySql = ({ decisions }: Tables, id: string, lockMs: number): string =>
  `SELECT set_config('lock_timeout', '${limit(lockMs)}', true); ${waitForStandbys(true)}; ${MARK};
UPDATE ${decisions} SET times_read = times_read + 1 WHERE id = ${literal(id)} RETURNING decision, members`

/** Need not survive: what comes back is deleted again. */
export const forgetSql = ({ decisions }: Tables, ids: readonly string[]): string =>
  `SELECT set_config('synchronous_commit', 'off', true);
DELETE FROM ${decisions} WHERE id IN (${ids.map(literal).join(', ')})`

export const signSql = ({ signs }: Tables, epoch: string): string =>
  `UPDATE ${signs} SET seen_at = clock_timestamp() WHERE epoch = ${epoch}`

/** @param ageMs `undefined`: this one epoch, which is the caller's own. */
export const closeEpochsSql = (
  { coordinators, signs }: Tables,
  which: { epoch: string } | { ageMs: number },
): string => `${waitForStandbys(true)};
WITH silent AS (
  DELETE FROM ${signs} WHERE ${'epoch' in which ? `epoch = ${which.epoch}` : `seen_at < ${ago(which.ageMs)}`}
  RETURNING epoch, name
), closed AS (
  DELETE FROM ${coordinators} WHERE epoch IN (SELECT epoch FROM silent)
)
SELECT epoch::text, name FROM silent`

/** Nobody can write commit over them any more. */
export const forgetAbortsSql = ({ decisions, coordinators }: Tables, ageMs: number): string =>
  `DELETE FROM ${decisions} d WHERE decision = 'abort' AND decided_at <= ${ago(ageMs)}
  AND NOT EXISTS (SELECT FROM ${coordinators} c WHERE c.epoch = d.epoch)`

/** The row of each decision, with what is known of its coordinator. */
export const recordsSql = ({ decisions, coordinators }: Tables): string =>
  `SELECT d.id, d.decision, d.members, NOT EXISTS (SELECT FROM ${coordinators} c WHERE c.epoch = d.epoch) AS closed,
  (extract(epoch FROM clock_timestamp() - d.decided_at) * 1000)::float8 AS age_ms
  FROM ${decisions} d`

/** Only of this database, and only those whose names begin as ours do. */
export const preparedSql = (log: string): string =>
  `SELECT gid, (extract(epoch FROM clock_timestamp() - prepared) * 1000)::float8 AS age_ms FROM pg_prepared_xacts
  WHERE database = current_database() AND starts_with(gid, ${literal(`quorate:${log}:`)})`

/**
 * Those that are prepared, and then the {@link BARRIER}, in one session: what it does not name is ended for good. The
 * answer of another session could come from a server that has taken over in between, and has them prepared still.
 */
export const preparedForGoodSql = (log: string): string => `${preparedSql(log)}; ${BARRIER}`

export const lockSql = (log: string): string =>
  `SELECT pg_try_advisory_lock(hashtextextended(${literal(`quorate.tpc:${log}`)}, 0)) AS locked`
export const unlockSql = (log: string): string =>
  `SELECT pg_advisory_unlock(hashtextextended(${literal(`quorate.tpc:${log}`)}, 0))`

/** Does the session hide the warning that a COMMIT does not wait for its standbys any more? */
const QUIET = "current_setting('client_min_messages') IN ('error', 'fatal', 'panic')"

export const LOG_FACTS: string = `SELECT pg_is_in_recovery() AS recovery, ${QUIET} AS quiet`

/** A server is told from its clones, which share its identifier, by when it was started. */
export const FACTS: string = `SELECT pg_is_in_recovery() AS recovery, current_setting('max_prepared_transactions')::int AS prepared,
  ${QUIET} AS quiet,
  concat_ws('/', (SELECT system_identifier FROM pg_control_system()), pg_postmaster_start_time(), current_database()) AS database`
