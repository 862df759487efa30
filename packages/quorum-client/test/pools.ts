import pg from 'pg'

/** Pools that end with the scope: `await using pools = new Pools()`. */
export class Pools implements AsyncDisposable {
  readonly #pools: pg.Pool[] = []

  of(connectionString: string, max = 4): pg.Pool {
    const pool = new pg.Pool({ connectionString, max, connectionTimeoutMillis: 2_000 })
    // A server that is killed reports on idle connections here; the next query says so too.
    pool.on('error', () => {})
    this.#pools.push(pool)
    return pool
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#pools.map((pool) => pool.end()))
  }
}
