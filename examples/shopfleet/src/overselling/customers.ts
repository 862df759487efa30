/** Customers who want a thing: each reserves, pays for a while, and gets it or an apology. */
import { fullJitterMs, systemClock, systemRandom } from '@quorate/core'
import { isProblem } from '../shared/problem.ts'
import type { ServiceClient } from '../shared/http-client.ts'
import { commitAnswer, reservationAnswer } from '../services/inventory/contract.ts'

export type End = 'sold' | 'refused' | 'apology'

export interface Shopping {
  readonly inventory: ServiceClient
  readonly sku: string
  /** Between the yes and the sale, ms. */
  readonly payMs: number
  readonly signal: AbortSignal
  /** Of the first answer, yes or no, ms. */
  readonly onAnswer: (isYes: boolean, ms: number) => void
  /** The service was too busy, and is asked again. */
  readonly onRepeat: () => void
}

const DEADLINE_MS = 30_000
const GIVE_UP_MS = 60_000

/** One customer wants one unit. The id is the order's. */
export async function shop(shopping: Shopping, id: string): Promise<End> {
  const { inventory, sku, payMs, signal, onAnswer } = shopping
  const startMs = performance.now()
  const body = { id, lines: [{ sku, quantity: 1 }] }
  try {
    await stubborn(shopping, () =>
      inventory.call('POST', '/reservations', {
        body,
        answer: reservationAnswer,
        signal,
        deadlineMs: DEADLINE_MS,
      }),
    )
  } catch (error) {
    if (!isProblem(error, 'out-of-stock')) throw error
    onAnswer(false, performance.now() - startMs)
    return 'refused'
  }
  onAnswer(true, performance.now() - startMs)
  if (payMs > 0) await systemClock.sleep(payMs, { signal })
  const { status } = await stubborn(shopping, () =>
    inventory.call('POST', `/reservations/${id}/commit`, {
      answer: commitAnswer,
      signal,
      deadlineMs: DEADLINE_MS,
    }),
  )
  return status === 'committed' ? 'sold' : 'apology'
}

/** What a saga does with a 503, as when no connection comes free: the same again, with the same id. */
async function stubborn<T>({ signal, onRepeat }: Shopping, call: () => Promise<T>): Promise<T> {
  const giveUpMs = performance.now() + GIVE_UP_MS
  for (let attempt = 0; ; attempt++) {
    try {
      return await call()
    } catch (error) {
      if (!isProblem(error, 'unavailable') || performance.now() > giveUpMs) throw error
      onRepeat()
      await systemClock.sleep(fullJitterMs(attempt, systemRandom, { baseMs: 100, maxMs: 1_000 }), { signal })
    }
  }
}

/** So many at once, one after the other each, until `next` gives no more. */
export async function crowd<T>(
  atOnce: number,
  next: () => string | undefined,
  visit: (id: string) => Promise<T>,
): Promise<T[]> {
  const ends: T[] = []
  await Promise.all(
    Array.from({ length: atOnce }, async () => {
      for (let id = next(); id !== undefined; id = next()) ends.push(await visit(id))
    }),
  )
  return ends
}
