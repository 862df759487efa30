import type { TokenRejection } from '../signed-bytes.ts'
import type { WindowLevel } from './options.ts'

/** Why the primary served a read. */
export type WindowReason =
  | 'strong'
  /** There is no session, so nobody knows what it must see. */
  | 'no-session'
  /** The session has written, or may have, within the window. */
  | 'recent-write'
  /** There is no replica with weight above 0. */
  | 'no-replica'
  /** Replicas that should have served are away. */
  | 'replica-failed'

/** What the router reports to `onEvent`. */
export type WindowEvent =
  | {
      readonly type: 'read'
      readonly level: WindowLevel
      /** Id of the replica, or `primary`. */
      readonly target: string
      /** Why the primary; `undefined` for a replica. */
      readonly reason: WindowReason | undefined
    }
  | { readonly type: 'write' }
  /** It counts as one of a write just now. */
  | { readonly type: 'token-rejected'; readonly rejection: TokenRejection | 'from-the-future' }
  /** The token moved after the headers had gone: the client does not learn of it. */
  | { readonly type: 'token-late' }
