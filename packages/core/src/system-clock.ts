// The one file of this package that may touch the machine's clock and chance (scripts/fences.ts).
import type { Clock, SleepOptions } from './clock.ts'
import type { Random } from './random.ts'

/** Node's longest timer; a longer one would fire at once. */
const MAX_TIMER_MS = 2_147_483_647
/** A timer that fires so much too late was kept waiting by this process. */
const BUSY_MS = 5

/**
 * The machine's clock. A sleep longer than 24.8 days is cut into several timers; none ends early. One that ends late,
 * because the process was busy, ends after what has arrived meanwhile was heard: Node's timers come before its sockets,
 * and an answer that was there in time would be counted as missing.
 */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: async (ms, options = {}) => {
    const endMs = performance.now() + (ms > 0 ? ms : 0)
    let leftMs = ms > 0 ? ms : 0
    do {
      await sleepOnce(Math.min(leftMs, MAX_TIMER_MS), options)
      // Node counts a timer from its cached loop time, so it can fire up to a ms before its time.
      leftMs = endMs - performance.now()
    } while (leftMs > 0)
    if (options.urgent === true || leftMs > -BUSY_MS) return
    await promisesSettled() // and so what sockets had received is heard
    options.signal?.throwIfAborted()
  },
}

/** The machine's random numbers, uniform in [0, 1). */
export const systemRandom: Random = () => Math.random()

/** Taken at load, so that a test's fake timers do not stop a virtual clock. */
const later: (callback: () => void) => unknown =
  typeof setImmediate === 'function' ? setImmediate : (callback) => setTimeout(callback, 0)

/** Resolves when every promise chain that can go on without I/O or time has run dry. */
export function promisesSettled(): Promise<void> {
  return new Promise((resolve) => {
    later(resolve)
  })
}

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
    const timer = setTimeout(() => {
      signal?.removeEventListener('abort', onAbort)
      resolve()
    }, Math.ceil(ms)) // timers drop fractions
    // Browsers hand out a number here, which keeps nothing alive.
    if (!ref && typeof timer === 'object') timer.unref()
    signal?.addEventListener('abort', onAbort, { once: true })
  })
}
