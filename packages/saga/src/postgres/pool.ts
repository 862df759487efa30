import type { PgTx } from '../saga.ts'

/** A statement in the form `pg` takes it; with a name it is parsed and planned once per connection. */
export interface PgStatement {
  readonly text: string
  readonly values: unknown[]
  readonly name?: string
}

/** The part of `pg.PoolClient` this package calls. */
export interface PgClient extends PgTx {
  // oxlint-disable-next-line typescript/no-explicit-any -- as in PgTx
  query(text: string, values?: unknown[]): Promise<{ rows: any[]; rowCount: number | null }>
  // oxlint-disable-next-line typescript/no-explicit-any -- as in PgTx
  query(statement: PgStatement): Promise<{ rows: any[]; rowCount: number | null }>
  release(destroy?: boolean): void
  on(event: 'error', listener: (error: Error) => void): unknown
  removeListener(event: 'error', listener: (error: Error) => void): unknown
}

/**
 * The part of `pg.Pool` this package calls, so that the driver, its version and its lifetime stay the
 * caller's choice. `Client` is what `.tx` steps are given.
 */
export interface PgPool<Client = PgClient> {
  // oxlint-disable-next-line typescript/no-explicit-any -- each caller knows its own columns
  query(statement: PgStatement): Promise<{ rows: any[]; rowCount: number | null }>
  connect(): Promise<Client & PgClient>
  on(event: 'error', listener: (error: Error) => void): unknown
  removeListener(event: 'error', listener: (error: Error) => void): unknown
  readonly options?: { readonly max?: number | undefined } | undefined
}

/**
 * Whether the server, or the way to it, was at fault, so that the same statement may succeed later.
 * Network errors have no severity; classes by the appendix "PostgreSQL Error Codes".
 */
export function isTransient(error: unknown): boolean {
  if (!(error instanceof Error) || /after calling end/.test(error.message)) return false
  const { code, severity } = error as { code?: unknown; severity?: unknown }
  if (typeof severity !== 'string' || typeof code !== 'string') return true
  // Connection, transaction rollback, resources, operator intervention, system and internal errors,
  // read-only (an old primary during a failover), lock not available.
  return /^(?:08|40|53|57|58|XX)/.test(code) || code === '25006' || code === '55P03'
}

/** SQLSTATE of a server error. */
export function sqlState(error: unknown): string | undefined {
  const code = error instanceof Error ? (error as { code?: unknown }).code : undefined
  return typeof code === 'string' ? code : undefined
}
