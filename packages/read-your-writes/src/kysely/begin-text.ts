import type { TransactionSettings } from 'kysely'

/** What Postgres has; it takes the first for the second. */
const ISOLATION: readonly string[] = ['read uncommitted', 'read committed', 'repeatable read', 'serializable']

/** @throws TypeError for an isolation level that Postgres has not; it would become part of a statement. */
export function beginText({ isolationLevel, accessMode }: TransactionSettings): string {
  let text = 'BEGIN'
  if (isolationLevel !== undefined) {
    if (!ISOLATION.includes(isolationLevel)) {
      throw new TypeError(
        `Cannot begin the transaction: Postgres has no isolation level ${isolationLevel}; ` +
          `use ${ISOLATION.slice(1).join(', ')}`,
      )
    }
    text += ` ISOLATION LEVEL ${isolationLevel.toUpperCase()}`
  }
  return accessMode === undefined
    ? text
    : `${text} ${accessMode === 'read only' ? 'READ ONLY' : 'READ WRITE'}`
}
