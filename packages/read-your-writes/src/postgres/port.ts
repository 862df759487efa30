/** What a query gives back. */
export interface PgResult<Row = Record<string, unknown>> {
  readonly rows: Row[]
  readonly rowCount: number | null
  /** What the server did, for example `SELECT`. */
  readonly command: string
}

/** A statement as `pg` takes it, for query builders: with what the driver is to do about it. */
export interface PgStatement {
  readonly text: string
  readonly values?: readonly unknown[]
  /** Prepared under that name, once for each connection. */
  readonly name?: string | undefined
  /** Rows as arrays of their columns. Default: as objects. */
  readonly rowMode?: string | undefined
  /** Parsers of columns, as `pg` takes them. */
  readonly types?: object | undefined
}

/** The part of a checked-out `pg` client that the router calls. */
export interface PgPoolClient {
  query(text: string, values?: unknown[]): Promise<unknown>
  /** @param destroy the connection must not be used again. */
  release(destroy?: boolean): void
  /** `I` if it is in no transaction, as the server has last said; `null` if it has not. */
  getTransactionStatus?(): string | null
  on(event: 'error', listener: (error: Error) => void): unknown
  removeListener(event: 'error', listener: (error: Error) => void): unknown
}

/** The part of `pg.Pool` that the router calls, so the driver stays the caller's choice. */
export interface PgPool {
  connect(): Promise<PgPoolClient>
  /** Told of connections that break while nobody uses them, which ends the process if nobody listens. */
  on?(event: 'error', listener: (error: Error) => void): unknown
  removeListener?(event: 'error', listener: (error: Error) => void): unknown
  /** Connections that it has, in use or not. */
  readonly totalCount?: number
  /** Those that nobody uses. */
  readonly idleCount?: number
  /** Those who wait for a connection. */
  readonly waitingCount?: number
  readonly options?: { readonly max?: number | undefined }
}

/** Does who asks for a connection wait for others to give theirs back, as far as the pool tells? */
export function isFull({ totalCount = 0, idleCount = 0, options: { max = Infinity } = {} }: PgPool): boolean {
  return totalCount >= max && idleCount === 0
}

/**
 * Is there a connection for one more, or room for it, as far as the pool tells? What is idle may be for those who wait:
 * `pg` gives it to them in the next tick.
 */
export function hasRoom({
  totalCount = 0,
  idleCount = 0,
  waitingCount = 0,
  options: { max = Infinity } = {},
}: PgPool): boolean {
  return idleCount + max - totalCount > waitingCount
}

/** What a callback gets to ask its questions with; useless after the callback has ended. */
export interface Queryable {
  query<Row = Record<string, unknown>>(
    statement: string | PgStatement,
    values?: readonly unknown[],
  ): Promise<PgResult<Row>>
}
