import type { Clock } from '@quorate/core'

/** A signal that is aborted at the deadline, or with the caller's. Dispose it when the call is over. */
export interface Deadline extends Disposable {
  readonly signal: AbortSignal
}

/** Starts a deadline; disposing it stops its timer and aborts what still runs under its signal. */
export function startDeadline(clock: Clock, deadlineMs: number, signal: AbortSignal | undefined): Deadline {
  const timer = new AbortController()
  const over = new AbortController()
  clock.sleep(deadlineMs, { signal: timer.signal, ref: false }).then(
    () => over.abort(new DOMException(`Deadline of ${deadlineMs} ms passed`, 'TimeoutError')),
    () => {},
  )
  return {
    signal: signal === undefined ? over.signal : AbortSignal.any([signal, over.signal]),
    [Symbol.dispose]() {
      timer.abort()
      over.abort(new DOMException('The answer is no longer wanted', 'AbortError'))
    },
  }
}
