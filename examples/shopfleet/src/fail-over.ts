/** A primary is lost for good, and one of its standbys takes over. */
import { systemClock } from '@quorate/core'
import pg from 'pg'
import { keepDistance, type ShopCluster } from './databases.ts'

/** Who has a standby to take over. */
export const FAIL_OVERS = ['payments', 'orders', 'inventory', 'profiles', 'cart'] as const
export type FailOver = (typeof FAIL_OVERS)[number]

export interface FailOverOptions {
  /** How long nobody notices: whoever watches has to be sure first that the primary is gone. Default 0. */
  readonly noticedAfterMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/**
 * Kills the primary by SIGKILL and promotes its standby. Resolves when the standby is in charge and the old primary
 * follows it, as a fresh clone. The shop's own connections follow by themselves, as after any promotion.
 *
 * @throws what the cluster says if no standby can take over; `signal.reason` when aborted while nobody notices.
 */
export async function failOver(
  cluster: ShopCluster,
  of: FailOver,
  { noticedAfterMs = 0, signal }: FailOverOptions = {},
): Promise<void> {
  const group = of === 'cart' ? cluster.redis.cart : cluster.postgres[of]
  await group.primary.kill()
  await systemClock.sleep(noticedAfterMs, { signal })
  // The cart's Redis has one replica, which is as far as it is.
  await group.promote(of === 'cart' ? 0 : await furthest(group.replicas.map(({ url }) => url)))
  if (of === 'profiles') await keepDistance(cluster)
}

/**
 * Which standby has received most. A commit waits for any one of them, so this one has all that was acknowledged, and
 * another may not: all must be asked.
 */
async function furthest(urls: readonly string[]): Promise<number> {
  if (urls.length === 1) return 0
  const received = await Promise.all(urls.map(receivedBytes))
  return received.indexOf(received.reduce((most, bytes) => (bytes > most ? bytes : most)))
}

async function receivedBytes(connectionString: string): Promise<bigint> {
  const client = new pg.Client({ connectionString, connectionTimeoutMillis: 2_000, query_timeout: 2_000 })
  await client.connect()
  try {
    const { rows } = await client.query<{ bytes: string }>(
      `select greatest(pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()) - '0/0'::pg_lsn as bytes`,
    )
    return BigInt(rows[0]?.bytes ?? '0')
  } finally {
    await client.end()
  }
}
