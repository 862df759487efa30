import type { Clock, Random } from '@quorate/core'
import type { ClusterEvent } from '../events.ts'
import type { Account } from './account.ts'
import type { Registry } from './home.ts'

/** What every server of a cluster shares. */
export interface HostContext {
  /** Whom the servers run as; `undefined`: ourselves. */
  readonly account: Account | undefined
  /** Where things are kept that are made once. */
  readonly cache: string
  readonly registry: Registry
  readonly clock: Clock
  readonly random: Random
  readonly fsync: boolean
  /** The data outlives the cluster. */
  readonly persistent: boolean
  readonly startTimeoutMs: number
  /** Aborted when the start is given up, and when the cluster stops. */
  readonly signal: AbortSignal
  note(event: ClusterEvent): void
}
