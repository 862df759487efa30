/**
 * What a failure says about the server, and where to run the read instead:
 * - `wrote`: it needs a server that can write, or has what only a primary has.
 * - `conflict`: replay needed what the read was looking at; the primary has no replay. If that has closed the
 *   connection as well, it is `lost`.
 * - `lost`: the server or the way to it is gone.
 * - `other`: it would fail anywhere.
 */
export type ServerFailure = 'wrote' | 'conflict' | 'lost' | 'other'

/**
 * 25006 is a write. 0A000 is an unlogged table, which replicas do not have, and 55000 a function of the log, or a strong
 * lock; both also mean what no server can do, which the primary says then.
 */
const NEEDS_PRIMARY = new Set(['25006', '0A000', '55000'])

export function serverFailure(error: unknown): ServerFailure {
  const state = sqlState(error)
  if (state === undefined) return isDriverError(error) ? 'lost' : 'other'
  if (NEEDS_PRIMARY.has(state)) return 'wrote'
  // A replica has no serializable transactions: here these codes only come from replay.
  if (state === '40001' || state === '40P01') return isFatal(error) ? 'lost' : 'conflict'
  return isConnectionState(state) && !isOfStatement(error) ? 'lost' : 'other'
}

/** Has the pool given up, by its `connectionTimeoutMillis`? Whether it waited for the server or for others, it does not say. */
export function isPoolTimeout(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('timeout exceeded when trying to connect')
}

/** Has the driver given up, by the `query_timeout` of its caller? */
export function isQueryTimeout(error: unknown): boolean {
  return error instanceof Error && error.message.startsWith('Query read timeout')
}

/** Had the driver noticed before that the connection is gone, so that nothing was sent? */
export function wasNotSent(error: unknown): boolean {
  return error instanceof Error && /^Client .* is not queryable$/.test(error.message)
}

/**
 * Did COMMIT itself fail, so that all is rolled back? By the classes of what constraints and triggers that are
 * deferred to it say. Otherwise the answer was lost, or came after it.
 */
export function isRolledBack(error: unknown): boolean {
  const state = sqlState(error)
  return state !== undefined && state !== '40003' && /^(22|23|25|27|38|39|40|44|P0)/.test(state)
}

/** 25P02: the transaction had failed before. */
export function isAbortedTransaction(error: unknown): boolean {
  return sqlState(error) === '25P02'
}

/** Connection class, a server that shuts down or starts, or one that takes no more connections. */
const isConnectionState = (state: string): boolean =>
  state.startsWith('08') || state === '53300' || /^57P0[1-5]$/.test(state)

/**
 * Class 08 is also what a statement fails with: more values than it has parameters (08P01), or a foreign server
 * that is away (08001). Postgres tells then where in its source it failed, which poolers that close a connection do
 * not, and goes on, which FATAL does not.
 */
function isOfStatement(error: unknown): boolean {
  const { routine } = error as { readonly routine?: unknown }
  return sqlState(error)?.startsWith('08') === true && typeof routine === 'string' && !isFatal(error)
}

/** Has the server closed the connection after it? */
function isFatal(error: unknown): boolean {
  return (error as { readonly severity?: unknown }).severity === 'FATAL'
}

/** Did the server itself say this, so that it is there? */
export function isServerAnswer(error: unknown): boolean {
  return sqlState(error) !== undefined
}

function sqlState(error: unknown): string | undefined {
  const code = codeOf(error)
  return code !== undefined && /^[0-9A-Z]{5}$/.test(code) && 'severity' in (error as object)
    ? code
    : undefined
}

/** Errors of sockets have a code with a syscall; what `pg` says itself has neither, only these words. */
function isDriverError(error: unknown): boolean {
  if (!(error instanceof Error)) return false
  if (codeOf(error) !== undefined && /^(E[A-Z]+|EAI_AGAIN)$/.test(codeOf(error) ?? '')) return true
  return /^(Connection terminated|Client has encountered a connection error|timeout exceeded when trying to connect|Client was closed|Query read timeout)/.test(
    error.message,
  )
}

function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined
  return typeof error.code === 'string' ? error.code : undefined
}
