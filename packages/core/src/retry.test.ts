import { expect, test } from 'vitest'
import type { Clock } from './clock.ts'
import { QuorateError, type Outcome } from './errors.ts'
import { fullJitterMs, retry, RetryExhaustedError, type RetryOptions } from './retry.ts'
import { VirtualClock } from './virtual-clock.ts'

class BusyError extends QuorateError {
  readonly code = 'QUORATE_TEST_BUSY'
  constructor(outcome: Outcome = 'not-applied') {
    super('Cannot write: busy', { outcome })
  }
}

/** Runs to the end on a virtual clock, noting when each attempt starts. */
function scene(outcomes: readonly (Error | string)[], options: RetryOptions = {}): Scene {
  const clock = new VirtualClock(0)
  const startsMs: number[] = []
  const result = retry(
    async ({ attempt }) => {
      startsMs.push(clock.monotonic())
      const outcome = outcomes[Math.min(attempt, outcomes.length) - 1]
      if (outcome instanceof Error) throw outcome
      return outcome
    },
    { clock, random: () => 0.5, ...options },
  )
  result.catch(() => {})
  return { clock, startsMs, result }
}
interface Scene {
  readonly clock: VirtualClock
  readonly startsMs: number[]
  readonly result: Promise<string | undefined>
}

test('retry() returns what the first successful attempt returned', async () => {
  const { clock, startsMs, result } = scene([new BusyError(), new BusyError(), 'saved', 'again'])
  await clock.advance(10_000)
  expect(await result).toBe('saved')
  expect(startsMs).toEqual([0, 5, 15]) // half of 10, then half of 20
})

test('retry() waits for nothing after a success, and leaves no timer', async () => {
  const { clock, result } = scene(['saved'])
  expect(await result).toBe('saved')
  expect(clock.pending).toBe(0)
})

test('retry() repeats only what is not applied, by default', async () => {
  for (const error of [new BusyError('unknown'), new TypeError('bug')]) {
    const { startsMs, result } = scene([error])
    await expect(result).rejects.toBe(error)
    expect(startsMs).toEqual([0])
  }
})

test('retry() asks shouldRetry with the error and the number of the attempt', async () => {
  const asked: unknown[] = []
  const { clock, result } = scene([new TypeError('a'), new TypeError('b'), 'saved'], {
    shouldRetry: (error, attempt) => asked.push([(error as Error).message, attempt]) > 0,
  })
  await clock.advance(1_000)
  expect(await result).toBe('saved')
  expect(asked).toEqual([
    ['a', 1],
    ['b', 2],
  ])
})

test('retry() stops after maxAttempts, with the last failure as cause', async () => {
  const last = new BusyError()
  const { clock, startsMs, result } = scene([new BusyError(), new BusyError(), last], { maxAttempts: 3 })
  await clock.advance(1_000)
  const error = await result.catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(RetryExhaustedError)
  expect(error).toMatchObject({
    code: 'QUORATE_RETRY_EXHAUSTED',
    attempts: 3,
    elapsedMs: 15,
    outcome: 'not-applied',
    cause: last,
    message:
      'Cannot finish the operation: attempt 3 failed after 15 ms, see cause; ' +
      'raise maxAttempts or deadlineMs to try longer',
  })
  expect(startsMs).toHaveLength(3)
})

test('retry() gives up at once when the next wait would end after the deadline', async () => {
  const { clock, startsMs, result } = scene([new BusyError()], { deadlineMs: 100, baseMs: 40 })
  await clock.advance(1_000)
  const error = await result.catch((reason: unknown) => reason)
  // Waits of 20 and 40 fit; the third, 80, would end at 140.
  expect(startsMs).toEqual([0, 20, 60])
  expect(error).toMatchObject({ attempts: 3, elapsedMs: 60 })
})

test('retry() starts no attempt after the deadline, even when the machine slept too long', async () => {
  let nowMs = 0
  const clock: Clock = {
    now: () => nowMs,
    monotonic: () => nowMs,
    sleep: async () => {
      nowMs += 5_000 // a suspended laptop
    },
  }
  let calls = 0
  const operation = async (): Promise<never> => {
    calls++
    throw new BusyError()
  }
  await expect(retry(operation, { clock, random: () => 0.5, deadlineMs: 1_000 })).rejects.toMatchObject({
    attempts: 1,
    elapsedMs: 5_000,
  })
  expect(calls).toBe(1)
})

test('retry() aborts the attempt in flight at the deadline, with an unknown outcome', async () => {
  const clock = new VirtualClock()
  const result = retry(
    ({ signal }) =>
      new Promise((_resolve, reject) => signal.addEventListener('abort', () => reject(signal.reason))),
    { clock, deadlineMs: 300 },
  )
  result.catch(() => {})
  await clock.advance(299)
  expect(clock.pending).toBe(1)
  await clock.advance(1)
  const error = await result.catch((reason: unknown) => reason)
  expect(error).toBeInstanceOf(RetryExhaustedError)
  expect(error).toMatchObject({ attempts: 1, elapsedMs: 300, outcome: 'unknown' })
  expect((error as Error).cause).toMatchObject({ name: 'TimeoutError', message: 'Deadline of 300 ms passed' })
  expect(clock.pending).toBe(0)
})

test('retry() hands each attempt one signal, whose deadline counts from the start', async () => {
  const clock = new VirtualClock()
  const signals = new Set<AbortSignal>()
  const result = retry(
    async ({ attempt, signal }) => {
      signals.add(signal)
      if (attempt < 3) throw new BusyError()
      await clock.sleep(1_000, { signal })
    },
    { clock, random: () => 0.5, deadlineMs: 200 },
  )
  result.catch(() => {})
  await clock.advance(200)
  await expect(result).rejects.toMatchObject({ attempts: 3, elapsedMs: 200 })
  expect(signals.size).toBe(1)
})

test('retry() does not call the operation when aborted before', async () => {
  const reason = new Error('caller left')
  const { startsMs, result } = scene(['saved'], { signal: AbortSignal.abort(reason) })
  await expect(result).rejects.toBe(reason)
  expect(startsMs).toEqual([])
})

test('retry() ends a wait at once when aborted, with the reason of the abort', async () => {
  const controller = new AbortController()
  const { clock, startsMs, result } = scene([new BusyError()], { baseMs: 1_000, signal: controller.signal })
  await clock.advance(100)
  const reason = new Error('caller left')
  controller.abort(reason)
  await expect(result).rejects.toBe(reason)
  expect([startsMs.length, clock.pending]).toEqual([1, 0])
})

test('retry() passes on the error of an attempt that was in flight at the abort: it knows its outcome', async () => {
  const controller = new AbortController()
  const inFlight = new BusyError('unknown')
  const seen: unknown[] = []
  const result = retry(
    ({ signal }) =>
      new Promise((_resolve, reject) =>
        signal.addEventListener('abort', () => {
          seen.push(signal.reason)
          reject(inFlight)
        }),
      ),
    { signal: controller.signal, clock: new VirtualClock(), shouldRetry: () => true },
  )
  const reason = new Error('caller left')
  controller.abort(reason)
  await expect(result).rejects.toBe(inFlight)
  expect(seen).toEqual([reason])
})

test('retry() returns the value of an attempt that succeeded in spite of the abort', async () => {
  const controller = new AbortController()
  const result = retry(
    async () => {
      controller.abort()
      return 'committed'
    },
    { signal: controller.signal },
  )
  expect(await result).toBe('committed')
})

test('retry() is unknown as soon as one attempt was', async () => {
  const { clock, result } = scene([new BusyError(), new BusyError('unknown'), new BusyError()], {
    maxAttempts: 3,
    shouldRetry: () => true,
  })
  await clock.advance(1_000)
  await expect(result).rejects.toMatchObject({
    outcome: 'unknown',
    message: expect.stringContaining('an attempt may have been applied, read back before you repeat it'),
  })
})

test('retry() does not let a later refusal hide that an earlier attempt may have been applied', async () => {
  // The classic: attempt 1 is applied but times out, attempt 2 finds its own write and reports a conflict.
  const conflict = new BusyError('not-applied')
  const { clock, result } = scene([new BusyError('unknown'), conflict], {
    shouldRetry: (error) => error !== conflict,
  })
  await clock.advance(1_000)
  await expect(result).rejects.toMatchObject({
    code: 'QUORATE_RETRY_EXHAUSTED',
    outcome: 'unknown',
    cause: conflict,
  })
})

test('retry() does not let an abort in a wait hide it either', async () => {
  const controller = new AbortController()
  const { clock, result } = scene([new BusyError('unknown')], {
    baseMs: 1_000,
    signal: controller.signal,
    shouldRetry: () => true,
  })
  await clock.advance(100)
  const reason = new Error('caller left')
  controller.abort(reason)
  await expect(result).rejects.toMatchObject({ outcome: 'unknown', cause: reason })
})

test('retry() leaves no listener on a signal that lives long', async () => {
  const { signal } = new AbortController()
  let listeners = 0
  const add = signal.addEventListener.bind(signal)
  const remove = signal.removeEventListener.bind(signal)
  signal.addEventListener = (...args: Parameters<typeof add>): void => {
    listeners++
    add(...args)
  }
  signal.removeEventListener = (...args: Parameters<typeof remove>): void => {
    listeners--
    remove(...args)
  }
  const saved = await retry(
    async (context) => {
      context.signal.throwIfAborted()
      if (context.attempt < 3) throw new BusyError()
      return 'saved'
    },
    { signal, baseMs: 0 },
  )
  expect([saved, listeners]).toEqual(['saved', 0])
})

test.each([
  [{ maxAttempts: 0 }, 'maxAttempts must be a whole number from 1, got 0'],
  [{ maxAttempts: 1.5 }, 'maxAttempts must be a whole number from 1, got 1.5'],
  [{ deadlineMs: 0 }, 'deadlineMs must be above 0, got 0'],
  [{ deadlineMs: Number.NaN }, 'deadlineMs must be above 0, got NaN'],
  [{ baseMs: -1 }, 'baseMs must be a finite number from 0, got -1'],
  [{ maxMs: Infinity }, 'maxMs must be a finite number from 0, got Infinity'],
])('retry() refuses %o before the first attempt', async (options, message) => {
  const { startsMs, result } = scene(['saved'], options)
  await expect(result).rejects.toThrow(RangeError)
  await expect(result).rejects.toThrow(message)
  expect(startsMs).toEqual([])
})

test('retry() refuses a misspelt option, by name, before the first attempt', async () => {
  const { startsMs, result } = scene(['saved'], { maxAttemps: 3 } as object)
  await expect(result).rejects.toThrow(TypeError)
  await expect(result).rejects.toThrow(
    /^Cannot retry: unknown option maxAttemps; known are maxAttempts, deadlineMs, baseMs, maxMs, /,
  )
  expect(startsMs).toEqual([])
})

test('fullJitterMs() doubles its bound up to maxMs, and no attempt is too high for it', () => {
  const bounds = [0, 1, 2, 6, 7, 5_000].map((attempt) => fullJitterMs(attempt, () => 1))
  expect(bounds).toEqual([10, 20, 40, 640, 1_000, 1_000])
  expect(fullJitterMs(5_000, () => 1, { baseMs: 0 })).toBe(0)
})

test.each([{ deadlineMs: '5' }, { baseMs: '5' }, { maxAttempts: '5' }])(
  'retry() refuses a text for a number: %j',
  async (options) => {
    await expect(retry(async () => 1, options as never)).rejects.toThrow(RangeError)
  },
)
