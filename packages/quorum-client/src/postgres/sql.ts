/** The part of `pg.Pool` or `pg.Client` these adapters call, so the driver stays the caller's choice. */
export interface PgQueryable {
  query(text: string, values: unknown[]): Promise<{ rows: unknown[]; rowCount: number | null }>
}

/**
 * Quotes a name; dots part a schema from a table.
 *
 * @throws TypeError for a name that Postgres cannot hold.
 */
export function quoteName(name: string): string {
  return name
    .split('.')
    .map((part) => {
      if (part === '' || part.includes('\0')) {
        throw new TypeError(`A name must be non-empty and without NUL, got ${JSON.stringify(name)}`)
      }
      return `"${part.replaceAll('"', '""')}"`
    })
    .join('.')
}
