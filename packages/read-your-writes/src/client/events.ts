/**
 * Why the token of an answer is not known:
 * - `no-answer`: the request failed or was aborted after it may have been sent.
 * - `server-error`: 500 or above without a token, which a gateway may have made.
 * - `redirected`: a write was answered by a redirect, whose headers no script can read.
 * - `too-many`: more tokens came at once than the header carries.
 */
export type LostReason = 'no-answer' | 'server-error' | 'redirected' | 'too-many'

/** What the client reports to `onEvent`. */
export type ClientEvent =
  /**
   * A server of another origin has answered a write, and its token cannot be read: name the header in
   * `Access-Control-Expose-Headers` there. Once per key.
   */
  | { readonly type: 'token-unreadable'; readonly key: string; readonly url: string }
  /** The next read is served by the primary, so that it misses nothing. */
  | { readonly type: 'token-lost'; readonly key: string; readonly reason: LostReason }
  /** The storage failed, for example because it is full: tokens live in memory, and in other tabs by the channel. */
  | { readonly type: 'storage-failed'; readonly cause: unknown }
