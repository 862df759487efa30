import type { Clock } from '@quorate/core'

/**
 * A signal that is aborted after `ms`, and what takes the timer away. A process that was busy for longer hears
 * first what has arrived meanwhile: timers come before that.
 */
export function deadline(
  clock: Clock,
  ms: number,
  what: string,
): { signal: AbortSignal; [Symbol.dispose](): void } {
  const done = new AbortController()
  const late = new AbortController()
  const abort = (): void => late.abort(new DOMException(`${what} took longer than ${ms} ms`, 'TimeoutError'))
  const options = { signal: done.signal, ref: false }
  const oneTurn = (): Promise<void> => clock.sleep(0, options)
  clock
    .sleep(ms, options)
    .then(oneTurn)
    .then(abort, () => {})
  return { signal: late.signal, [Symbol.dispose]: () => done.abort() }
}
