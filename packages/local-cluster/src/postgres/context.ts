import type { Clock, Random } from '@quorate/core'
import type { ClusterEvent } from '../events.ts'
import type { Account } from '../host/account.ts'
import type { Registry } from '../host/home.ts'
import type { PostgresBinaries } from './binaries.ts'

/** What every Postgres node of a cluster shares. */
export interface PostgresContext {
  readonly binaries: PostgresBinaries
  readonly cache: string
  readonly account: Account | undefined
  readonly registry: Registry
  readonly clock: Clock
  readonly random: Random
  readonly fsync: boolean
  readonly startTimeoutMs: number
  /** Aborted when the start of the cluster is given up. */
  readonly signal: AbortSignal | undefined
  note(event: ClusterEvent): void
}
