// #region code
import { isQuorateError } from '@quorate/core'

/** What a request handler does with a failed write. */
export function statusOf(error: unknown): { status: number; body: { code: string; tryAgain: boolean } } {
  if (!isQuorateError(error)) throw error // not ours: a bug, or the driver's
  switch (error.code) {
    case 'QUORATE_STALE_VERSION': // somebody else was faster: show what is there now
      return { status: 412, body: { code: error.code, tryAgain: true } }
    case 'QUORATE_ROW_GONE':
      return { status: 410, body: { code: error.code, tryAgain: false } }
    default: {
      // Nothing was written: asking again is safe. Unknown: only the caller can find out, by reading.
      const tryAgain = error.outcome === 'not-applied'
      return { status: tryAgain ? 503 : 504, body: { code: error.code, tryAgain } }
    }
  }
}
// #endregion code
