/** The part of `pg.Pool` or `pg.Client` this adapter calls, so the driver stays the caller's choice. */
export interface PgQueryable {
  query(text: string, values: unknown[]): Promise<{ rows: unknown[] }>
}

/** A query as Kysely compiles it. */
interface CompiledQueryLike {
  readonly sql: string
  readonly parameters: readonly unknown[]
  readonly query: {
    readonly kind: 'RawNode'
    readonly sqlFragments: readonly string[]
    readonly parameters: readonly never[]
  }
  readonly queryId: { readonly queryId: string }
}

/** The part of `Kysely` or its `Transaction` the guard calls. */
export interface KyselyQueryable {
  executeQuery(query: CompiledQueryLike): Promise<{ rows: unknown[] }>
}

/**
 * @throws TypeError for a pool or a client that is certainly outside a transaction. What cannot tell is believed.
 */
export function assertInTransaction(action: string, db: PgQueryable | KyselyQueryable): void {
  const { totalCount, isTransaction, getTransactionStatus } = db as {
    readonly totalCount?: unknown
    readonly isTransaction?: unknown
    readonly getTransactionStatus?: () => string | null
  }
  const outside =
    totalCount !== undefined || isTransaction === false || getTransactionStatus?.call(db) === 'I'
  if (!outside) return
  throw new TypeError(
    `Cannot ${action} outside a transaction: the check would end before the write; pass the transaction's client`,
  )
}

/** Runs one statement through either. */
export async function runQuery<Row>(
  db: PgQueryable | KyselyQueryable,
  text: string,
  values: readonly unknown[],
): Promise<Row[]> {
  if ('query' in db) return (await db.query(text, [...values])).rows as Row[]
  const { rows } = await db.executeQuery({
    sql: text,
    parameters: values,
    query: { kind: 'RawNode', sqlFragments: [text], parameters: [] },
    queryId: { queryId: 'quorate-fenced-lock' },
  })
  return rows as Row[]
}

/**
 * Quotes one identifier.
 *
 * @throws TypeError for one that Postgres cannot hold.
 */
export function quoteIdentifier(name: string): string {
  if (name === '' || name.includes('\0')) {
    throw new TypeError(`Cannot quote an identifier: it must be non-empty and without NUL, got ${name}`)
  }
  return `"${name.replaceAll('"', '""')}"`
}

/**
 * SQL that runs `create` in turn with others that do: IF NOT EXISTS alone fails when two processes
 * start at once. Sent without parameters, several statements are one transaction.
 */
export function migration(schema: string, create: string): string {
  return `SELECT pg_advisory_xact_lock(hashtextextended('quorate.fenced-lock', 0));
CREATE SCHEMA IF NOT EXISTS ${schema};
${create}`
}
