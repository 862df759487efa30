import type { Clock, Random } from '@quorate/core'
import type { ClusterEvent } from '../events.ts'
import type { Account } from '../host/account.ts'
import type { Registry } from '../host/home.ts'
import type { RedisBinary } from './find.ts'

/** What every Redis node of a cluster shares. */
export interface RedisContext {
  readonly binary: RedisBinary
  readonly account: Account | undefined
  readonly registry: Registry
  readonly clock: Clock
  readonly random: Random
  readonly fsync: boolean
  /** Keep data in an append-only file. */
  readonly persistent: boolean
  readonly startTimeoutMs: number
  /** Aborted when the start of the cluster is given up. */
  readonly signal: AbortSignal | undefined
  note(event: ClusterEvent): void
}
