// The one file of the stores and of sync that may touch the machine's clock and chance (scripts/fences.ts).
import type { StoreClock } from '../store.ts'

/** The machine's timers. */
export const systemClock: StoreClock = {
  sleep: (ms, { signal } = {}) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason)
        return
      }
      const onAbort = (): void => {
        clearTimeout(timer)
        reject(signal?.reason)
      }
      const timer = setTimeout(() => {
        signal?.removeEventListener('abort', onAbort)
        resolve()
      }, ms)
      signal?.addEventListener('abort', onAbort, { once: true })
    }),
}

/** Wall time, ms. */
export const systemNow = (): number => Date.now()

/** Uniform in [0, 1). */
export const systemRandom = (): number => Math.random()
