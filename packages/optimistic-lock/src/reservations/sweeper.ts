import { checkNames, type Clock, emit } from '@quorate/core'

/** Options of a sweeper. */
export interface SweeperOptions {
  /** Wait between two sweeps, ms; a full sweep is followed by the next at once. Default 5,000. */
  readonly everyMs?: number | undefined
  /** Most reservations in one statement. Default 500. */
  readonly limit?: number | undefined
  /** Told what went wrong; the sweeper goes on. */
  readonly onError?: ((error: unknown) => void) | undefined
  /** Told after each sweep that gave something back. */
  readonly onExpired?: ((count: number) => void) | undefined
}

/** Gives back what was held for too long, in the background. */
export interface Sweeper extends AsyncDisposable {
  /** Resolves when nothing is left running. */
  stop(): Promise<void>
}

/** @param sweep one statement; how many it gave back. */
export function startSweeper(
  sweep: (limit: number) => Promise<{ readonly length: number }>,
  clock: Clock,
  options: SweeperOptions,
): Sweeper {
  checkNames('start a sweeper', options, ['everyMs', 'limit', 'onError', 'onExpired'])
  const { everyMs = 5_000, limit = 500, onError, onExpired } = options
  if (!(everyMs > 0)) throw new RangeError(`Cannot start a sweeper: everyMs must be above 0, got ${everyMs}`)
  const stopping = new AbortController()
  const { signal } = stopping

  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      let count = 0
      try {
        // Not aborted by stop(), which waits for it: an abandoned statement would run on.
        count = (await sweep(limit)).length
      } catch (error) {
        emit(onError, () => error)
      }
      if (count > 0) emit(onExpired, () => count)
      if (count < limit) await clock.sleep(everyMs, { signal, ref: false }).catch(() => {})
    }
  }
  const running = run()
  const stop = (): Promise<void> => {
    stopping.abort(new DOMException('The sweeper was stopped', 'AbortError'))
    return running
  }
  return { stop, [Symbol.asyncDispose]: stop }
}
