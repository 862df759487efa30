import type { HealthStatus } from './health.ts'
import type { Lag } from './lag.ts'
import type { Level } from './level.ts'
import type { TokenRejection } from './signed-bytes.ts'

/** Why the primary served a read. */
export type PrimaryReason =
  | 'strong'
  /** There is no session, so nobody knows what it must see. */
  | 'no-session'
  /** The token is malformed, tampered with, expired, of an unknown key, or of other clusters only. */
  | 'token-rejected'
  /** The token is older than the last promotion. */
  | 'old-timeline'
  /** No replica is fit to serve. */
  | 'no-replica'
  /** No replica is as fresh as the read wants it, nor became so within the wait. */
  | 'behind'
  /** Replicas that should have served failed, or their pools gave no connection. */
  | 'replica-failed'
  /** The read tried to write on a replica. */
  | 'wrote'

/** What the router reports to `onEvent`, in the order it happens. */
export type ReadYourWritesEvent =
  | {
      readonly type: 'read'
      readonly level: Level
      /** Id of the replica, or `primary`. */
      readonly target: string
      /** Why the primary; `undefined` for a replica. */
      readonly reason: PrimaryReason | undefined
      /** How long the read waited for a replica to catch up, ms. */
      readonly waitedMs: number
      /**
       * What it saw is at most that much older than the primary, ms, as far as the probes can tell: the
       * age of the last look at the primary that showed nothing newer. `undefined` if they cannot; 0 for
       * the primary.
       */
      readonly stalenessMs: number | undefined
    }
  | { readonly type: 'write'; readonly lsn: string; readonly timeline: number }
  /** A replica's standing has changed: an alert if it is not `healthy`. */
  | {
      readonly type: 'replica'
      readonly id: string
      readonly status: HealthStatus
      readonly was: HealthStatus
      readonly lag: Lag | undefined
      /** What the probe failed with, if it is `down`. */
      readonly cause?: unknown
    }
  | {
      readonly type: 'primary'
      readonly reachable: boolean
      /** What the probe failed with, if it is not reachable: a wrong host or password shows here. */
      readonly cause?: unknown
    }
  /** A promotion was noticed. */
  | { readonly type: 'timeline'; readonly timeline: number; readonly was: number }
  | { readonly type: 'token-rejected'; readonly rejection: TokenRejection }
  /** The token moved after the headers had gone: the client does not learn of it. */
  | { readonly type: 'token-late' }
  /** A replica hides `pg_stat_wal_receiver`; grant `pg_monitor`, or it serves only eventual reads. */
  | { readonly type: 'missing-privilege'; readonly id: string }
