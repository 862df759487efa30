import { takeConnection, waitOrAbort } from '@quorate/core'

/** The part of `pg.Pool` that is used where a connection is needed for more than one statement. */
export interface PgPool {
  connect(): Promise<PgPoolClient>
}

/** The part of a pool's client that is used here. */
export interface PgPoolClient {
  /** `command` is the server's word for what it did: for a `COMMIT` of a transaction that had failed, `ROLLBACK`. */
  query(text: string, values?: unknown[]): Promise<{ rows: unknown[]; command?: string | undefined }>
  /** @param destroy true: close the connection, whatever it is doing. */
  release(destroy?: boolean): void
  on?(event: 'error', listener: (error: Error) => void): unknown
  on?(event: 'notice', listener: (notice: { readonly code?: string | undefined }) => void): unknown
  /** `I` outside a transaction; newer versions of `pg` have it. */
  getTransactionStatus?(): string | null
  removeListener?(event: 'error', listener: (error: Error) => void): unknown
  removeListener?(
    event: 'notice',
    listener: (notice: { readonly code?: string | undefined }) => void,
  ): unknown
}

/**
 * A `pg.Client` has a `connect()` too, but what it resolves with cannot be given back.
 *
 * @throws TypeError for what is no pool.
 */
export function requirePool(action: string, pool: PgPool): void {
  const { connect, escapeIdentifier } = Object(pool) as { connect?: unknown; escapeIdentifier?: unknown }
  if (typeof connect === 'function' && typeof escapeIdentifier !== 'function') return
  const got = typeof connect === 'function' ? 'a client' : typeof pool
  throw new TypeError(`Cannot ${action}: pool must be a pg.Pool, got ${got}`)
}

/**
 * A connection whose death does not end the process: `pg` reports it to the statement under way, and besides as an
 * `error` event, to which a pool listens only while the connection is idle.
 *
 * @param signal a connection that comes after it goes straight back.
 */
export async function connectTo<Client extends PgPoolClient>(
  pool: { connect(): Promise<Client> },
  signal?: AbortSignal,
): Promise<Client> {
  return waitOrAbort(takeConnection(pool, ignore), signal, (late) => guard(late)(false))
}

/**
 * For one of {@link connectTo}.
 *
 * @returns gives the connection back. Only the first call counts.
 */
export function guard(client: PgPoolClient): (destroy: boolean) => void {
  let isReleased = false
  return (destroy) => {
    if (isReleased) return
    isReleased = true
    client.release(destroy)
    // One that is closed reports its end later, and is never used again: there the listener stays.
    if (!destroy) client.removeListener?.('error', ignore)
  }
}

function ignore(): void {}
