import { isRefusal } from '../failures.ts'
import type { Remedy } from './store.ts'

/** What the server says when it refuses a statement. */
export interface ServerError {
  /** SQLSTATE. */
  readonly code: string
  readonly severity: string
  readonly where?: unknown
  readonly routine?: unknown
}

/** Did the server refuse the statement, so that nothing of it is applied? By the rule of all this package. */
export function isServerRefusal(error: unknown): error is ServerError {
  return isRefusal(error) && typeof (error as Partial<ServerError>).severity === 'string'
}

/** By class of SQLSTATE, Postgres manual, appendix A. */
export function remedyFor({ code, where, routine }: ServerError): Remedy {
  // Serialization and deadlock; a lock that was not available; cancelled, as by statement_timeout.
  if (/^(40|55P03|57014)/.test(code)) return 'yield'
  // No resources; a standby that was not yet promoted.
  if (/^(53|25006)/.test(code)) return 'retry'
  // The statement as such: no such table, no such column, no right to it. Not a trigger's own mistake, and not a policy
  // of the table, which are about a row.
  if (/^(42|0A|28|3[DF])/.test(code) && where === undefined && !isPolicy(code, routine)) return 'fail'
  // Data, constraints, triggers that raise, with any code they like: perhaps the fault of one request.
  return 'split'
}

/** "new row violates row-level security policy" has the code of a missing right. */
function isPolicy(code: string, routine: unknown): boolean {
  return code === '42501' && routine !== 'aclcheck_error'
}

/** A prepared statement that is not there, or is there already: sessions are shared by a pooler. */
export function isLostStatement({ code }: ServerError): boolean {
  return code === '26000' || code === '42P05'
}
