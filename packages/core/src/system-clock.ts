// The one file of this package that may touch the machine's clock and chance (scripts/fences.ts).
import type { Clock, SleepOptions } from './clock.ts'
import type { Random } from './random.ts'

/** Node's longest timer; a longer one would fire at once. */
const MAX_TIMER_MS = 2_147_483_647

/** The machine's clock. A sleep longer than 24.8 days is cut into several timers. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: async (ms, options = {}) => {
    let remainingMs = ms
    do {
      await sleepOnce(Math.min(remainingMs, MAX_TIMER_MS), options)
      remainingMs -= MAX_TIMER_MS
    } while (remainingMs > 0)
  },
}

/** The machine's random numbers, uniform in [0, 1). */
export const systemRandom: Random = () => Math.random()

function sleepOnce(ms: number, { signal, ref = true }: SleepOptions): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted === true) {
      reject(signal.reason)
      return
    }
    const onAbort = (): void => {
      clearTimeout(timer)
      reject(signal?.reason)
    }
    const timer = setTimeout(
      () => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      },
      Math.max(0, ms),
    )
    // Browsers hand out a number here, which keeps nothing alive.
    if (!ref && typeof timer === 'object') timer.unref()
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}
