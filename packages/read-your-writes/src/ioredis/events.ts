import type { ReadYourWritesEvent } from '../events.ts'

/** What the router reports to `onEvent`, in the order it happens. */
export type RedisReadYourWritesEvent =
  | Exclude<ReadYourWritesEvent, { readonly type: 'write' | 'timeline' }>
  /** The position is `undefined` if it is not known; the session then reads from the primary. */
  | { readonly type: 'write'; readonly replid: string | undefined; readonly offset: bigint | undefined }
  /** A failover, or a primary that began a new history; writes of the old one from `end` on are lost. */
  | {
      readonly type: 'history'
      readonly replid: string
      readonly was: string
      readonly end: bigint | undefined
    }
