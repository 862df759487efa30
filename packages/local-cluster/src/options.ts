import type { Chaos } from '@quorate/chaos'
import type { Clock, EventListener, Random } from '@quorate/core'
import type { ClusterEvent } from './events.ts'
import type { PostgresSettings } from './postgres/settings.ts'

/** One Postgres primary and its replicas. */
export interface PostgresGroupOptions {
  /** Streaming replicas. Default 0. */
  readonly replicas?: number | undefined
  /**
   * How many replicas confirm a commit before the client hears of it; `true` is 1. Default `false`:
   * replication is asynchronous, and a failover can lose the last commits.
   */
  readonly synchronous?: boolean | number | undefined
  /** Databases to create besides `postgres`. */
  readonly databases?: readonly string[] | undefined
  /** Lines of `postgresql.conf`, for all servers of the group, for example `{ max_connections: 100 }`. */
  readonly settings?: PostgresSettings | undefined
  /** Port of the primary. Default: a free one. */
  readonly port?: number | undefined
  /**
   * Where the servers are, the primary first, as names of regions for the links between them: two
   * regions cut with {@link ClusterOptions.chaos} no longer replicate. Default: names of the servers.
   */
  readonly regions?: readonly string[] | undefined
}

/** One Redis primary and its replicas. */
export interface RedisGroupOptions {
  /** Default 0. */
  readonly replicas?: number | undefined
  /** Lines of `redis.conf`, for all servers of the group, for example `{ maxmemory: '100mb' }`. */
  readonly settings?: Readonly<Record<string, string | number>> | undefined
  /** Port of the primary. Default: a free one. */
  readonly port?: number | undefined
  /** As {@link PostgresGroupOptions.regions}. */
  readonly regions?: readonly string[] | undefined
}

/** Options of {@link localCluster}. */
export interface ClusterOptions {
  /** Groups by name: letters, digits, `-` and `_`. */
  readonly postgres?: Readonly<Record<string, PostgresGroupOptions>> | undefined
  readonly redis?: Readonly<Record<string, RedisGroupOptions>> | undefined
  /**
   * A folder that keeps the data: opened again with the same groups, it continues where it ended, also
   * after SIGKILL. Default: a temporary folder that goes away with the cluster.
   */
  readonly dataDir?: string | undefined
  /**
   * Write through to the disk, so that data survives a crash of the machine and not only of processes.
   * Slower by the disk's time for each commit. Default `false`.
   */
  readonly fsync?: boolean | undefined
  /** Put a chaos link between each primary and replica. Default `true`; without, `link()` throws. */
  readonly links?: boolean | undefined
  /** Makes the links. Default: one of the cluster's own. */
  readonly chaos?: Chaos | undefined
  /** Time for one server to get ready, ms. Default 30,000. */
  readonly startTimeoutMs?: number | undefined
  /** Gives up the start; what has started by then is ended. No effect on a cluster that is up. */
  readonly signal?: AbortSignal | undefined
  readonly onEvent?: EventListener<ClusterEvent> | undefined
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined
  /** Default: the machine's random numbers. */
  readonly random?: Random | undefined
}
