import type { CloseReason } from './connection.ts'
import type { InitialFaults, PartitionOptions } from './faults.ts'

/**
 * What chaos reports to `onEvent`, in the order it happens. `atMs` is the wall time of the clock
 * handed in.
 */
export type ChaosEvent =
  | { readonly type: 'link-opened'; readonly atMs: number; readonly link: string; readonly port: number }
  | { readonly type: 'link-closed'; readonly atMs: number; readonly link: string }
  | {
      readonly type: 'fault'
      readonly atMs: number
      readonly link: string
      readonly fault: InitialFaults
      /** Set by {@link Link.layer} under this name. */
      readonly layer?: string | undefined
    }
  | { readonly type: 'layer-removed'; readonly atMs: number; readonly link: string; readonly layer: string }
  | { readonly type: 'healed'; readonly atMs: number; readonly link: string }
  | { readonly type: 'retargeted'; readonly atMs: number; readonly link: string; readonly port: number }
  | {
      readonly type: 'connection-opened' | 'connection-held'
      readonly atMs: number
      readonly link: string
      readonly connection: number
    }
  | {
      readonly type: 'connection-closed'
      readonly atMs: number
      readonly link: string
      readonly connection: number
      readonly reason: CloseReason
      readonly bytesTo: number
      readonly bytesFrom: number
    }
  | {
      readonly type: 'regions-cut'
      readonly atMs: number
      readonly from: string
      readonly to: string
      readonly partition: PartitionOptions
    }
  | { readonly type: 'regions-healed'; readonly atMs: number; readonly from: string; readonly to: string }
  | {
      readonly type: 'process-paused' | 'process-resumed' | 'process-killed'
      readonly atMs: number
      /** All processes that were signalled, the given one first. */
      readonly pids: readonly number[]
    }
  /** `schedule` on one line repeats the run. */
  | { readonly type: 'nemesis-started'; readonly atMs: number; readonly schedule: string }
  | ({ readonly type: 'nemesis-fault' | 'nemesis-healed'; readonly atMs: number } & NemesisFaultFacts)
  /** It could not be caused, or not be healed; `error` says why. */
  | ({
      readonly type: 'nemesis-fault-failed' | 'nemesis-not-healed'
      readonly atMs: number
      readonly error: unknown
    } & NemesisFaultFacts)
  | { readonly type: 'nemesis-ended'; readonly atMs: number; readonly caused: number }

interface NemesisFaultFacts {
  /** `partition`, `kill`, `pause` … */
  readonly name: string
  /** Names of nodes, or `from→to` of links. */
  readonly targets: readonly string[]
  readonly detail: string | undefined
}
