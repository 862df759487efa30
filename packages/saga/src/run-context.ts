import type { Clock, EventListener, Random } from '@quorate/core'
import type { Committer } from './committer.ts'
import type { Deadlines } from './deadlines.ts'
import type { SagaEvent } from './events.ts'
import type { SagaStep } from './saga.ts'
import type { SagaStore } from './store.ts'

/** What runs a saga needs of its engine. */
export interface RunnerContext {
  readonly store: SagaStore<unknown>
  readonly committer: Committer
  readonly deadlines: Deadlines
  readonly clock: Clock
  readonly random: Random
  readonly onEvent: EventListener<SagaEvent> | undefined
  /** True once no further step may begin. */
  readonly draining: () => boolean
  /** Tells that a lease is gone. */
  readonly lost: (worker: string) => void
  /** Limits transactions to the connections there are. */
  readonly txSlots: { acquire(signal: AbortSignal): Promise<() => void> }
}

/** The steps of a definition and what the protocol sees of them. */
export interface Definition {
  readonly name: string
  readonly version: number
  readonly steps: readonly SagaStep[]
}
