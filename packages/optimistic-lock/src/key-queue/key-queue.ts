import { checkNames, type Clock, QuorateError, systemClock } from '@quorate/core'

/** As many wait for this key as may; the function was not called. */
export class KeyQueueFullError extends QuorateError {
  readonly code = 'QUORATE_KEY_QUEUE_FULL'
  readonly key: string
  /** How many wait, which is the most that may. */
  readonly waiting: number

  constructor({ key, waiting }: { key: string; waiting: number }) {
    super(`Cannot queue for ${key}: ${waiting} are waiting, as many as may; try later, or raise maxWaiting`, {
      outcome: 'not-applied',
    })
    this.key = key
    this.waiting = waiting
  }
}

/** The deadline passed before the function's turn came; it was not called. */
export class KeyQueueTimeoutError extends QuorateError {
  readonly code = 'QUORATE_KEY_QUEUE_TIMEOUT'
  readonly key: string
  readonly deadlineMs: number

  constructor({ key, deadlineMs }: { key: string; deadlineMs: number }) {
    super(
      `Cannot run for ${key}: its turn did not come within ${deadlineMs} ms; try later, or raise deadlineMs`,
      {
        outcome: 'not-applied',
      },
    )
    this.key = key
    this.deadlineMs = deadlineMs
  }
}

/** Options of {@link keyQueue}. */
export interface KeyQueueOptions {
  /** Who may wait for one key, besides the one that runs. Default 10,000. */
  readonly maxWaiting?: number | undefined
  /** Time until a function is called, ms. Default 10,000. */
  readonly deadlineMs?: number | undefined
  /** Default: the system's. */
  readonly clock?: Clock | undefined
}

/** Options of `run()`. */
export interface KeyQueueRunOptions {
  /** Time until the function is called, ms. Default: that of the queue. */
  readonly deadlineMs?: number | undefined
  /** Gives up waiting with `signal.reason`. A function that was called runs to its end. */
  readonly signal?: AbortSignal | undefined
}

/** Runs functions one at a time for each key. */
export interface KeyQueue {
  /**
   * Calls `fn` when all that came before it for this key are over; other keys do not wait.
   *
   * @returns what `fn` returns; a `fn` that fails does not stop the queue.
   * @throws KeyQueueFullError if too many wait for the key.
   * @throws KeyQueueTimeoutError if its turn does not come in time.
   */
  run<T>(key: string, fn: () => T | Promise<T>, options?: KeyQueueRunOptions): Promise<T>
  /** How many wait for a key, besides the one that runs. */
  waiting(key: string): number
}

interface Waiter {
  readonly start: () => void
}

/**
 * A queue for each key within this process: of a hundred callers that would fight over one row by `mutate()`, one at a
 * time reaches the database, and none of them has to be repeated for the sake of another of this process. It is an
 * economy, not a lock: other processes are held off by the version, or by `withRowLock()`.
 *
 * @throws TypeError for an unknown option.
 * @throws RangeError for a `maxWaiting` that is no whole number from 0, or a deadline that is not above 0.
 *
 * @example
 * ```ts
 * const queue = keyQueue()
 * await queue.run('mug', () => stock.mutate({ sku: 'mug' }, (row) => ({ available: row.available - 1 })))
 * ```
 */
export function keyQueue(options: KeyQueueOptions = {}): KeyQueue {
  checkNames('make a key queue', options, ['maxWaiting', 'deadlineMs', 'clock'])
  const { maxWaiting = 10_000, deadlineMs: usualMs = 10_000, clock = systemClock } = options
  if (!Number.isSafeInteger(maxWaiting) || maxWaiting < 0) {
    throw new RangeError(
      `Cannot make a key queue: maxWaiting must be a whole number from 0, got ${maxWaiting}`,
    )
  }
  checkDeadline('make a key queue', usualMs)

  // A key is here while somebody runs; the set is who waits, in order.
  const lanes = new Map<string, Set<Waiter>>()

  const next = (key: string, waiting: Set<Waiter>): void => {
    const [first] = waiting
    if (first === undefined) {
      lanes.delete(key)
      return
    }
    waiting.delete(first)
    first.start()
  }

  const turn = (
    key: string,
    waiting: Set<Waiter>,
    deadlineMs: number,
    signal: AbortSignal | undefined,
  ): Promise<void> =>
    new Promise((resolve, reject) => {
      const off = new AbortController()
      const leave = (reason: unknown): void => {
        if (!waiting.delete(waiter)) return // it was called already
        settle()
        reject(reason)
      }
      const onAbort = (): void => leave(signal?.reason)
      const settle = (): void => {
        off.abort()
        signal?.removeEventListener('abort', onAbort)
      }
      const waiter: Waiter = {
        start: () => {
          settle()
          resolve()
        },
      }
      waiting.add(waiter)
      signal?.addEventListener('abort', onAbort, { once: true })
      clock.sleep(deadlineMs, { signal: off.signal }).then(
        () => leave(new KeyQueueTimeoutError({ key, deadlineMs })),
        () => {},
      )
    })

  return {
    waiting: (key) => lanes.get(key)?.size ?? 0,
    async run(key, fn, runOptions = {}) {
      checkNames('run', runOptions, ['deadlineMs', 'signal'])
      const { signal, deadlineMs = usualMs } = runOptions
      checkDeadline('run', deadlineMs)
      signal?.throwIfAborted()
      let waiting = lanes.get(key)
      if (waiting === undefined) lanes.set(key, (waiting = new Set()))
      else if (waiting.size >= maxWaiting) throw new KeyQueueFullError({ key, waiting: waiting.size })
      else await turn(key, waiting, deadlineMs, signal)
      try {
        return await fn()
      } finally {
        next(key, waiting)
      }
    },
  }
}

function checkDeadline(action: string, deadlineMs: number): void {
  if (typeof deadlineMs === 'number' && deadlineMs > 0) return
  throw new RangeError(`Cannot ${action}: deadlineMs must be above 0, got ${deadlineMs}`)
}
