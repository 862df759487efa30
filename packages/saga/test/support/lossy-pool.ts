import { type Random } from '@quorate/core'
import type { PgPool } from '@quorate/saga'
import type pg from 'pg'

const BROKEN = 'Connection terminated unexpectedly'

/**
 * A real pool whose statements fail as a broken connection does: some never reach the server, of others
 * the server did its work and only the reply is lost.
 */
export function lossyPool(
  real: pg.Pool,
  random: Random,
  share: number,
): PgPool<pg.PoolClient> & { lost: number } {
  const lossy = { lost: 0 }
  const broken = (): Error => {
    lossy.lost++
    return new Error(BROKEN)
  }
  const send = async <T>(query: () => Promise<T>): Promise<T> => {
    const luck = random()
    if (luck < share / 2) throw broken()
    const reply = await query()
    if (luck < share) throw broken()
    return reply
  }
  return Object.assign(lossy, {
    options: real.options,
    query: (statement: pg.QueryConfig) => send(() => real.query(statement)),
    connect: async () => {
      const client = await real.connect()
      const query = client.query.bind(client) as (...args: unknown[]) => Promise<pg.QueryResult>
      const release = client.release.bind(client)
      const own = client as unknown as { query: unknown; release: unknown }
      let isBroken = false
      own.query = async (...args: unknown[]) => {
        if (isBroken) throw new Error('Client has encountered a connection error and is not queryable')
        try {
          return await send(() => query(...args))
        } catch (error) {
          isBroken ||= (error as Error).message === BROKEN
          throw error
        }
      }
      own.release = (destroy?: boolean) => {
        own.query = query
        own.release = release
        release(destroy)
      }
      return client
    },
    on: real.on.bind(real),
    removeListener: real.removeListener.bind(real),
  })
}
