import { takeConnection, waitOrAbort } from '@quorate/core'
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
  return prepared(await waitOrAbort(connectTo(pool), signal, giveBack), signal)
}

/** A connection of a pool; its errors are heard, and do not end the process. */
export function connectTo(pool: PgPool): Promise<PgPoolClient> {
  return takeConnection(pool, ignore)
}

/** For one of {@link connectTo} that nobody has used. */
export function giveBack(client: PgPoolClient): void {
  putBack(client, false)
}

/**
 * What {@link connectTo} gave, as a checkout; if that fails it goes back.
 *
 * @returns no promise if its server is known already.
 * @throws what the server says; `signal.reason` when aborted.
 */
export function prepared(
  client: PgPoolClient,
  signal: AbortSignal | undefined,
): Checkout | Promise<Checkout> {
  const facts = known.get(client)
  return facts === undefined ? introduced(client, signal) : new PooledCheckout(client, facts)
}

async function introduced(client: PgPoolClient, signal: AbortSignal | undefined): Promise<Checkout> {
  try {
    const facts = await waitOrAbort(readFacts(client), signal)
    known.set(client, facts)
    return new PooledCheckout(client, facts)
  } catch (error) {
    putBack(client, true)
    throw error
  }
}

class PooledCheckout implements Checkout {
  readonly client: PgPoolClient
  readonly facts: ConnectionFacts
  #isOut = true

  constructor(client: PgPoolClient, facts: ConnectionFacts) {
    this.client = client
    this.facts = facts
  }

  release(destroy = false): void {
    if (!this.#isOut) return
    this.#isOut = false
    putBack(this.client, destroy)
  }
}

function putBack(client: PgPoolClient, destroy: boolean): void {
  client.removeListener('error', ignore)
  // Who comes next would work in the transaction that somebody has left open, and nobody would commit it.
  const ends = destroy || (client.getTransactionStatus?.() ?? 'I') !== 'I'
  if (ends) client.on('error', ignore) // its death throes come later
  client.release(ends)
}

function ignore(): void {}
