/** Options of calls that wait for a server. */
export interface WaitOptions {
  /** Longest wait, ms. */
  readonly deadlineMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}
