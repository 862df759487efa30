import { fullJitterMs } from '@quorate/core'
import type { Granted, LockRequest, LockStore, Taken, Waiting } from './store.ts'

/**
 * Asks again and again, with full jitter, for stores without a queue: no order among those who wait.
 * The waits stay short, because a lock that is free and unused is the cost.
 */
export async function retryAcquire(
  store: LockStore,
  request: LockRequest,
  { deadlineMs, signal, clock, random }: Waiting,
): Promise<Granted | Taken> {
  for (let attempt = 1; ; attempt++) {
    const sinceMs = clock.monotonic()
    const answer = await store.tryAcquire(request)
    if (answer.granted) return { ...answer, sinceMs }
    const leftMs = deadlineMs - clock.monotonic()
    if (leftMs <= 0) return answer
    const delayMs = 2 + fullJitterMs(attempt, random, { baseMs: 5, maxMs: 100 })
    // The last attempt is at the deadline, not shortly before it.
    await clock.sleep(Math.min(delayMs, answer.freeInMs ?? delayMs, leftMs), { signal })
  }
}
