import { waitOrAbort } from '@quorate/core'
import type { PgPool, PgPoolClient } from './port.ts'
import { readFacts, type ConnectionFacts } from './sql.ts'

/** A connection in use, with what is known about its server. */
export interface Checkout {
  readonly client: PgPoolClient
  readonly facts: ConnectionFacts
  /** Gives it back, once; later calls do nothing. */
  release(destroy?: boolean): void
}

/**
 * Facts of connections that pools keep for later, asked for once per connection. A server in recovery may
 * be promoted meanwhile, which the monitor notices; the other way needs a restart, and a new connection.
 */
const known = new WeakMap<PgPoolClient, ConnectionFacts>()

/**
 * Takes a connection out of a pool. A connection that comes after the signal goes straight back.
 *
 * @throws whatever the pool or the server says; `signal.reason` when aborted.
 */
export async function checkOut(pool: PgPool, signal: AbortSignal | undefined): Promise<Checkout> {
  signal?.throwIfAborted()
  return prepared(await waitOrAbort(pool.connect(), signal, (late) => late.release()), signal)
}

/**
 * A connection that was taken out of its pool, as a checkout; if that fails it goes back.
 *
 * @throws what the server says; `signal.reason` when aborted.
 */
export async function prepared(client: PgPoolClient, signal: AbortSignal | undefined): Promise<Checkout> {
  // A connection that breaks while it is out tells it by an event, which without a listener is fatal.
  client.on('error', ignore)
  let out = true
  const release = (destroy = false): void => {
    if (!out) return
    out = false
    client.removeListener('error', ignore)
    // Who comes next would work in the transaction that somebody has left open, and nobody would commit it.
    const ends = destroy || (client.getTransactionStatus?.() ?? 'I') !== 'I'
    if (ends) client.on('error', ignore) // its death throes come later
    client.release(ends)
  }
  try {
    let facts = known.get(client)
    if (facts === undefined) {
      facts = await waitOrAbort(readFacts(client), signal)
      known.set(client, facts)
    }
    return { client, facts, release }
  } catch (error) {
    release(true)
    throw error
  }
}

function ignore(): void {}
