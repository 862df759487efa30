import type { LostReason } from './errors.ts'

/**
 * Facts about locks, in the order they became known to this process.
 * - `acquired`, `timeout`: how an `acquire()` ended.
 * - `extended`, `extend-failed`: by hand or automatically; after a failure the lease runs on to its deadline.
 * - `lost`: the lock's signal is about to be aborted; not after a release.
 * - `released`: `held` says whether it was still ours. `release-failed`: the store ends the lease by itself.
 */
export type LockEvent =
  | { readonly type: 'acquired'; readonly key: string; readonly token: number; readonly waitedMs: number }
  | { readonly type: 'timeout'; readonly key: string; readonly waitedMs: number }
  | { readonly type: 'extended'; readonly key: string; readonly token: number }
  | { readonly type: 'extend-failed'; readonly key: string; readonly token: number; readonly cause: unknown }
  | {
      readonly type: 'lost'
      readonly key: string
      readonly token: number
      readonly reason: Exclude<LostReason, 'released'>
    }
  | { readonly type: 'released'; readonly key: string; readonly token: number; readonly held: boolean }
  | {
      readonly type: 'release-failed'
      readonly key: string
      /** `undefined` if the answer to the acquisition never came. */
      readonly token: number | undefined
      readonly cause: unknown
    }
