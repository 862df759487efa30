import { type Many, type PostgresGroup, postgresGroup, type RedisGroup, redisGroup } from './groups.ts'
import type { ClusterOptions } from './options.ts'
import type { PostgresReplica } from './postgres/server.ts'
import type { RedisReplica } from './redis/server.ts'
import { startCluster } from './start-cluster.ts'

type ReplicasOf<G, T> = G extends { readonly replicas: infer N } ? Many<T, N> : readonly []

/** Running servers, by the names that the options gave them. */
export interface LocalCluster<O extends ClusterOptions = ClusterOptions> extends AsyncDisposable {
  readonly postgres: {
    readonly [K in keyof NonNullable<O['postgres']>]: PostgresGroup<
      ReplicasOf<NonNullable<O['postgres']>[K], PostgresReplica>
    >
  }
  readonly redis: {
    readonly [K in keyof NonNullable<O['redis']>]: RedisGroup<
      ReplicasOf<NonNullable<O['redis']>[K], RedisReplica>
    >
  }
  /** Where data and logs are. */
  readonly dir: string
  /** Ends all servers and removes what is temporary. Same as disposing; may be called again. */
  stop(): Promise<void>
}

/**
 * Starts real Postgres and Redis servers with replicas on free ports of 127.0.0.1, and resolves when all
 * of them take connections and replicate. Nothing of it outlives this process, not even its SIGKILL.
 *
 * @throws PostgresUnavailableError, RedisUnavailableError, NoUnprivilegedAccountError, FolderUnusableError
 *   if this machine cannot run them.
 * @throws PortTakenError, ServerExitedError, NotReadyInTimeError if one does not start.
 * @throws DataDirLockedError, DataDirMismatchError if `dataDir` cannot be opened.
 * @throws TypeError, RangeError for a wrong option; `signal.reason` when aborted.
 *   In all cases nothing is left running.
 *
 * @example
 * ```ts
 * await using cluster = await localCluster({
 *   postgres: { orders: { replicas: 2 } },
 *   redis: { cart: { replicas: 1 } },
 * })
 * cluster.postgres.orders.primary.url // postgres://postgres@127.0.0.1:…
 * ```
 */
export async function localCluster<const O extends ClusterOptions>(options: O): Promise<LocalCluster<O>> {
  const run = await startCluster(options)
  const postgres = [...run.postgres].map(([name, members]) => [name, postgresGroup(members)])
  const redis = [...run.redis].map(([name, members]) => [name, redisGroup(members)])
  return {
    postgres: Object.fromEntries(postgres),
    redis: Object.fromEntries(redis),
    dir: run.home.root,
    stop: () => run.stop(),
    [Symbol.asyncDispose]: () => run.stop(),
  }
}
