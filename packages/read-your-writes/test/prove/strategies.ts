import { rendezvous, type Clock } from '@quorate/core'
import {
  readYourWrites,
  type Queryable,
  type ReadYourWrites,
  type ReadYourWritesEvent,
} from '@quorate/read-your-writes'
import pg from 'pg'

/** The pools of one shop: each leads to one server. */
export interface Pools {
  readonly primary: pg.Pool
  readonly replicas: readonly pg.Pool[]
}

/** A way to decide where the reads of a visitor go. */
export interface Strategy {
  /** With tokens? Then the site gives each request a session of `db`. */
  readonly db?: ReadYourWrites | undefined
  read<T>(visitor: string, work: (q: Queryable) => Promise<T>): Promise<T>
  write<T>(visitor: string, work: (tx: Queryable) => Promise<T>): Promise<T>
  stop(): Promise<void>
}

/** What is compared. */
export const STRATEGIES = {
  quorate: 'tokens: a replica that has what the visitor wrote and saw, or the primary',
  'any replica': 'no router: one replica after the other',
  'sticky replica': 'each visitor keeps to one replica; to the other while that does not answer',
  'primary for 2 s': 'the primary for 2 s after a write, then any replica',
} as const

export type StrategyName = keyof typeof STRATEGIES

/** @param count tells of each read whether the primary served it. */
export function strategy(
  name: StrategyName,
  { primary, replicas }: Pools,
  clock: Clock,
  count: (isPrimary: boolean) => void,
): Strategy {
  const plain: Pick<Strategy, 'write' | 'stop'> = {
    write: async (_visitor, work) => work(await queryable(primary)),
    stop: async () => {},
  }
  const onAny = async <T>(order: readonly pg.Pool[], work: (q: Queryable) => Promise<T>): Promise<T> => {
    let lastError: unknown
    for (const pool of order) {
      try {
        count(false)
        return await work(await queryable(pool))
      } catch (error) {
        lastError = error // the next one, as a load balancer does
      }
    }
    throw lastError
  }
  let turn = 0
  const inTurn = (): readonly pg.Pool[] => {
    const first = turn++ % replicas.length
    return [...replicas.slice(first), ...replicas.slice(0, first)]
  }
  switch (name) {
    case 'any replica':
      return { ...plain, read: (_visitor, work) => onAny(inTurn(), work) }
    case 'sticky replica': {
      const ranking = rendezvous(replicas.map((pool, at) => ({ id: `r${at + 1}`, pool })))
      return {
        ...plain,
        read: (visitor, work) =>
          onAny(
            ranking.rank(visitor).map(({ pool }) => pool),
            work,
          ),
      }
    }
    case 'primary for 2 s': {
      const until = new Map<string, number>()
      return {
        stop: plain.stop,
        read: async (visitor, work) => {
          if ((until.get(visitor) ?? 0) <= clock.monotonic()) return onAny(inTurn(), work)
          count(true)
          return work(await queryable(primary))
        },
        write: async (_visitor, work) => {
          const result = await work(await queryable(primary))
          until.set(_visitor, clock.monotonic() + 2_000)
          return result
        },
      }
    }
    case 'quorate': {
      const onEvent = (event: ReadYourWritesEvent): void => {
        if (event.type === 'read') count(event.target === 'primary')
      }
      const db = readYourWrites({
        primary,
        replicas: replicas.map((pool, at) => ({ id: `r${at + 1}`, pool })),
        secret: 'known to this proof only',
        level: 'monotonic',
        probeDeadlineMs: 1_000, // two cores for four servers and the load
        deadlineMs: 3_000,
        onEvent,
      })
      return {
        db,
        read: (_visitor, work) => db.read(work),
        write: (_visitor, work) => db.write(work),
        stop: () => db.stop(),
      }
    }
    default:
      return name satisfies never
  }
}

/** Two seconds are enough for a connection in one machine: nobody shall wait for a server that is cut off. */
export function poolTo(port: number): pg.Pool {
  const pool = new pg.Pool({
    host: '127.0.0.1',
    port,
    user: 'postgres',
    database: 'postgres',
    max: 24,
    connectionTimeoutMillis: 2_000,
    query_timeout: 5_000,
  })
  pool.on('error', () => {})
  return pool
}

async function queryable(pool: pg.Pool): Promise<Queryable> {
  return {
    query: async (text, values = []) => {
      const { rows, rowCount, command } = await pool.query(text as string, [...values])
      return { rows, rowCount, command }
    },
  }
}
