import type { Fault } from './faults.ts'

/** One of the workload's operations. */
export interface PlannedOperation {
  /** Its place in what `workload` returns for this seed. */
  readonly index: number
  /** Its wait, if not the one that `workload` gave it. */
  readonly afterMs?: number | undefined
}

/**
 * All that decides a run. A seed alone is a plan; shrinking names the operations and faults that are left, and
 * tries other salts, which reroll the delays and losses of messages.
 */
export interface Plan {
  readonly seed: number
  /** Default 0. */
  readonly salt?: number | undefined
  /** Default: all that the seed's workload has. */
  readonly operations?: readonly PlannedOperation[] | undefined
  /** Default: those that the seed draws. */
  readonly faults?: readonly Fault[] | undefined
}
