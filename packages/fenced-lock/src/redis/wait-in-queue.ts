import { waitOrAbort } from '@quorate/core'
import type { Granted, LockRequest, Taken, Waiting } from '../store.ts'
import type { Answer } from './store.ts'
import type { HandOver, Subscriber } from './subscriber.ts'

/** What a waiter can do. */
export interface QueueAccess {
  readonly subscriber: Subscriber
  /** Asks for the lock; with `waitMs` above 0, takes a place in the queue if it has none. */
  readonly ask: (waitMs: number) => Promise<Answer>
  /** Gives up the place, and the lock if it was given meanwhile. */
  readonly leave: () => Promise<void>
}

/** Slack for the drift between the server's clock and ours while waiting. */
const DRIFT = 0.999

/**
 * Waits for a hand-over. One command asks, and takes a place in the queue if the lock is taken (two
 * commands the first time, when this process does not listen yet). Then nothing is sent until the lock comes, or
 * until the holder's lease should have ended without anybody noticing: a timer, and a look.
 */
export async function waitInQueue(
  { subscriber, ask, leave }: QueueAccess,
  { holder, ttlMs }: LockRequest,
  { deadlineMs, signal, clock, random }: Waiting,
): Promise<Granted | Taken> {
  if (!subscriber.isOpen) {
    const sinceMs = clock.monotonic()
    const first = await ask(0)
    if (first.granted) return { ...first, sinceMs }
  }
  const listening = await waitOrAbort(subscriber.open(), signal)

  let handOver: HandOver | undefined
  let woken = new AbortController()
  const stopListening = subscriber.listen(holder, (message) => {
    handOver ??= message
    woken.abort()
  })
  // Server and local time of one moment: what was on the server's clock after `baseMs` on ours.
  let baseMs = 0
  let baseUs: number | undefined
  let queued = false
  let keep = false
  try {
    while (true) {
      signal.throwIfAborted()
      const nowMs = clock.monotonic()
      if (handOver !== undefined && baseUs !== undefined) {
        // The lease started when the server freed the lock, before we heard of it. Its clock tells how
        // long after our question that was; never later than now, should that clock have jumped.
        const sinceMs = baseMs + Math.max(0, (handOver.serverUs - baseUs) / 1_000) * DRIFT
        if (nowMs - sinceMs < ttlMs) {
          keep = true
          return { granted: true, token: handOver.token, sinceMs: Math.min(nowMs, sinceMs) }
        }
        handOver = undefined // too late to be of use: ask again
      }
      if (nowMs >= deadlineMs) return { granted: false }
      woken = new AbortController()
      queued = true
      const answer = await ask(listening ? deadlineMs - nowMs : 0)
      if (answer.granted) {
        keep = true
        return { ...answer, sinceMs: nowMs }
      }
      if (baseUs === undefined) {
        baseMs = nowMs
        baseUs = answer.serverUs
      }
      if (handOver !== undefined) continue
      // Nobody announces that a lease just ended. The first in the queue looks first, the rest later.
      const lookMs = answer.leaseLeftMs + 2 + Math.min(1_000, answer.place * 25) + random() * 10
      // Without a connection to hear on, there is no place in the queue, only asking.
      const pauseMs = listening ? lookMs : 20 + random() * 80
      const sleepMs = Math.min(pauseMs, deadlineMs - clock.monotonic())
      await clock.sleep(sleepMs, { signal: AbortSignal.any([signal, woken.signal]) }).catch(() => {})
    }
  } finally {
    stopListening()
    if (queued && !keep) leave().catch(() => {}) // its place ends with the deadline it gave
  }
}
