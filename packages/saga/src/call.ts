import { waitOrAbort } from '@quorate/core'
import type { Deadlines } from './deadlines.ts'
import { StepTimeoutError } from './errors.ts'

/** One call of a user's function, with its time-out; `abort` gives it up from outside. */
export interface Call<T> {
  readonly signal: AbortSignal
  readonly abort: (reason: unknown) => void
  /** Settles with the function, or with the reason of the abort. */
  readonly start: (run: (signal: AbortSignal) => unknown) => Promise<T>
}

/** Prepares a call. The clock runs from `start`. */
export function prepareCall<T>(deadlines: Deadlines, step: string, deadlineMs: number): Call<T> {
  const controller = new AbortController()
  const { signal } = controller
  return {
    signal,
    abort: (reason) => controller.abort(reason),
    start: async (run) => {
      signal.throwIfAborted()
      const clear = deadlines.set(deadlineMs, () => controller.abort(new StepTimeoutError(step, deadlineMs)))
      try {
        return await waitOrAbort((async () => (await run(signal)) as T)(), signal)
      } finally {
        clear()
      }
    },
  }
}
