import { SqlScanner, type SqlTokenKind } from './sql-scanner.ts'
import { isWritingFunction } from './writing-functions.ts'

/** Statements that only read, unless something in them does not. */
const READS = new Set(['select', 'with', 'values', 'table', 'show', 'explain'])
/** Anywhere in a statement: a CTE that writes, `SELECT INTO`, `FOR UPDATE`. */
const WRITES = new Set(['insert', 'update', 'delete', 'merge', 'into'])
/** After FOR: the weaker row locks. */
const LOCKS = new Set(['share', 'key', 'no'])
/** What EXPLAIN ANALYZE runs besides. */
const EXPLAINED = new Set(['create', 'refresh', 'execute', 'declare'])

const NONE: ReadonlySet<string> = new Set()

/**
 * Does this SQL need a server that can write? Pure: looks at the text alone, past comments, literals and
 * quoted names, and answers `true` when in doubt. So `false` means that it reads, as far as text can tell:
 * a view or a function of your own may still write, and is told by the server, or by you.
 *
 * `true` for any statement but SELECT, WITH, VALUES, TABLE, SHOW and EXPLAIN; for several statements; for
 * CTEs that write, `SELECT INTO` and row locks; for functions of Postgres that write, lock, run SQL or mean
 * one server, as `nextval`, `set_config`, `pg_advisory_lock`, `pg_notify`, `pg_current_wal_lsn`; for text that
 * does not end, or has Unicode escapes or a backslash before a quote, which the server's settings explain.
 *
 * @param functions functions of your own that write: names in lower case, without schema.
 *
 * @example
 * ```ts
 * mayWrite('select * from note where body = $1') // false
 * mayWrite('with gone as (delete from note returning *) select * from gone') // true
 * mayWrite(`select 'delete' from note -- for update`) // false
 * ```
 */
export function mayWrite(sql: string, functions: ReadonlySet<string> = NONE): boolean {
  const scanner = new SqlScanner(sql)
  let kind = scanner.next()
  while (kind === 'other' && scanner.text === '(') kind = scanner.next()
  const first = scanner.text
  if (kind !== 'word' || !READS.has(first)) return true
  let name = ''
  let ended = false
  for (;;) {
    kind = scanner.next()
    if (kind === 'end') return false
    const { text } = scanner
    if (kind === 'unclear' || (ended && text !== ';')) return true
    if (kind === 'word') {
      if (WRITES.has(text) || (name === 'for' && LOCKS.has(text))) return true
      if (first === 'explain' && EXPLAINED.has(text)) return true
    } else if (kind === 'other') {
      if (text === ';') ended = true
      if (text === '(' && (isWritingFunction(name) || functions.has(name))) return true
    }
    name = kind === 'other' ? '' : text
  }
}

const ENDS = new Set(['begin', 'commit', 'end', 'abort'])

/**
 * Does this SQL begin or end a transaction? By the first words of each of its statements. A savepoint, and ROLLBACK to one,
 * does not; nor does the body of a function, which may be several statements and an END.
 */
export function endsTransaction(sql: string): boolean {
  const scanner = new SqlScanner(sql)
  let kind: SqlTokenKind
  do {
    kind = scanner.next()
    if (kind === 'word' && endsHere(scanner)) return true
    if (!sql.includes(';')) return false
    while (kind !== 'end' && kind !== 'unclear' && !(kind === 'other' && scanner.text === ';')) {
      if (kind === 'word' && scanner.text === 'atomic') return false
      kind = scanner.next()
    }
  } while (kind === 'other')
  return false
}

/** Of the statement whose first word this is. */
function endsHere(scanner: SqlScanner): boolean {
  const first = scanner.text
  if (ENDS.has(first)) return true
  if (first !== 'start' && first !== 'prepare' && first !== 'rollback') return false
  let isWord = scanner.next() === 'word'
  if (first !== 'rollback') return isWord && scanner.text === 'transaction'
  if (isWord && (scanner.text === 'work' || scanner.text === 'transaction'))
    isWord = scanner.next() === 'word'
  return !isWord || scanner.text !== 'to'
}
