/** The part of `pg.Pool` or `pg.Client` this adapter calls, so the driver stays the caller's choice. */
export interface PgQueryable {
  query(text: string, values: unknown[]): Promise<{ rows: unknown[]; rowCount?: number | null }>
}

/**
 * Whether a statement that was refused may have been committed all the same. A server that ends, or a connection that
 * breaks, may do so after the commit; network errors have no severity. Classes by the appendix "PostgreSQL Error Codes".
 */
export function isUnknown(error: unknown): boolean {
  const { code, severity } = (error ?? {}) as { code?: unknown; severity?: unknown }
  if (typeof severity !== 'string' || typeof code !== 'string') return true
  return /^(?:08|57P|58|XX)/.test(code) || code === '40003'
}

/**
 * Quotes one identifier.
 *
 * @throws TypeError for one that Postgres cannot hold.
 */
export function quoteIdentifier(name: string): string {
  if (typeof name !== 'string' || name === '' || name.includes('\0')) {
    throw new TypeError(`Cannot quote an identifier: it must be non-empty and without NUL, got ${name}`)
  }
  return `"${name.replaceAll('"', '""')}"`
}
