import type { Tag } from './replica.ts'

/** What a quorum reports to `onEvent`, as it happens. */
export type QuorumEvent =
  /** A replica failed a call, or had too many pending. */
  | {
      readonly type: 'replica-failed'
      readonly replica: string
      readonly operation: 'read' | 'write' | 'repair'
      readonly error: unknown
    }
  /** A read found a replica stale and brought it up to date. */
  | {
      readonly type: 'repaired'
      readonly replica: string
      readonly key: string
      /** What it had; `undefined` for nothing. */
      readonly from: Tag | undefined
      readonly to: Tag
    }
  /** A write missed W: it may have happened. */
  | {
      readonly type: 'write-indeterminate'
      readonly key: string
      readonly tag: Tag
      readonly acks: readonly string[]
      readonly needed: number
    }
