/** The part of a checked-out client that is called here. */
interface Listening {
  on?(event: 'error', listener: (error: Error) => void): unknown
}

/**
 * Takes a connection out of a pool of `pg`, with somebody who listens to its errors from the first moment. A server that
 * shuts down can end a connection in the very bytes that open it: `pg` reports that before the promise of `connect()`
 * is heard, and an `error` event without a listener ends the process.
 *
 * @param pool also one of another make, that knows only promises.
 * @param onError is listening already when the promise resolves; remove it when the connection is given back.
 * @throws what the pool says.
 */
export function takeConnection<Client extends Listening>(
  pool: { connect(): Promise<Client> },
  onError: (error: Error) => void,
): Promise<Client> {
  return new Promise((resolve, reject) => {
    const taken = (error: unknown, client?: Client): void => {
      if (client === undefined) return reject(error)
      client.on?.('error', onError)
      resolve(client)
    }
    const connect = pool.connect.bind(pool) as (callback: typeof taken) => Promise<Client> | undefined
    connect(taken)?.then((client) => taken(undefined, client), reject)
  })
}
