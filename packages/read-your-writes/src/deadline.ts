import type { Clock } from '@quorate/core'

/** A signal that is aborted after `ms`, and what takes the timer away. */
export function deadline(
  clock: Clock,
  ms: number,
  what: string,
): { signal: AbortSignal; [Symbol.dispose](): void } {
  const done = new AbortController()
  const late = new AbortController()
  const abort = (): void => late.abort(new DOMException(`${what} took longer than ${ms} ms`, 'TimeoutError'))
  clock.sleep(ms, { signal: done.signal, ref: false }).then(abort, () => {})
  return { signal: late.signal, [Symbol.dispose]: () => done.abort() }
}
