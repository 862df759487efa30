/** What a query gives back. */
export interface PgResult<Row = Record<string, unknown>> {
  readonly rows: Row[]
  readonly rowCount: number | null
  /** What the server says it did, for example `INSERT`. */
  readonly command: string
}

/** The part of a checked-out `pg` client that a coordinator calls. */
export interface PgPoolClient {
  query(text: string, values?: unknown[]): Promise<unknown>
  /** @param destroy the connection must not be used again. */
  release(destroy?: boolean): void
  on(event: 'error', listener: (error: Error) => void): unknown
  on(event: 'notice', listener: (notice: PgNotice) => void): unknown
  removeListener(event: 'error', listener: (error: Error) => void): unknown
  removeListener(event: 'notice', listener: (notice: PgNotice) => void): unknown
}

/** What a server remarks beside its answer. */
export interface PgNotice {
  readonly code?: string | undefined
  readonly message?: string | undefined
  /** In which function. */
  readonly where?: string | undefined
}

/**
 * The part of `pg.Pool` that a coordinator calls, so the driver stays the caller's choice. It must lead straight to
 * the primary, or through a proxy that gives each client a session of its own.
 */
export interface PgPool {
  connect(): Promise<PgPoolClient>
}

/** What `work` asks its questions with; useless after it has ended. */
export interface Queryable {
  query<Row = Record<string, unknown>>(text: string, values?: readonly unknown[]): Promise<PgResult<Row>>
}
