import { expect, test } from 'vitest'
import { NonRetryableError, saga } from '../index.ts'
import type { MemoryTx } from '../memory/index.ts'
import { everyCrashPoint } from './index.ts'

/** A payment service with idempotency keys, as seen by a saga. */
function shop() {
  const charges = new Map<string, 'charged' | 'refunded'>()
  let calls = 0
  const checkout = (declines: boolean) =>
    saga<{ sku: string }, MemoryTx>('checkout', { version: 1 })
      .tx({
        name: 'reserve',
        run: ({ tx }) => tx.set('reserved', ((tx.get('reserved') as number | undefined) ?? 0) + 1),
        compensate: ({ tx }) => tx.set('reserved', (tx.get('reserved') as number) - 1),
      })
      .step({
        name: 'charge',
        run: ({ key }) => {
          calls++
          charges.set(key, 'charged')
          return { id: key }
        },
        compensate: ({ key }) => {
          if (charges.has(key)) charges.set(key, 'refunded')
        },
      })
      .waitFor('packed', { deadlineMs: 3 * 86_400_000 })
      .step({
        name: 'ship',
        run: () => {
          if (declines) throw new NonRetryableError('no carrier')
          return 'parcel'
        },
      })
  return { charges, calls: () => calls, checkout }
}

const declines = [false, true]
test.each(declines)('a crash at any point ends done or undone (declined: %s)', async (declined) => {
  const report = await everyCrashPoint(() => {
    const { charges, calls, checkout } = shop()
    return {
      saga: checkout(declined),
      input: { sku: 'x' },
      signals: [{ name: 'packed', payload: 1 }],
      check: ({ result, data }) => {
        expect(result.status).toBe(declined ? 'compensated' : 'completed')
        expect(data.get('reserved')).toBe(declined ? 0 : 1)
        expect([...charges.values()]).toEqual([declined ? 'refunded' : 'charged'])
        expect(calls()).toBeLessThanOrEqual(2) // the one in flight again, and no more
      },
    }
  })
  expect(report.points.length).toBeGreaterThan(15)
  expect(report.completed + report.compensated).toBe(report.points.length)
})

test('finds a saga that forgets a step whose outcome is unknown', async () => {
  const forgetful = everyCrashPoint(() => {
    let booked = 0
    return {
      saga: saga('forgetful', { version: 1 }).step({
        name: 'book',
        retry: { maxAttempts: 1 },
        run: () => {
          booked++
          throw new NonRetryableError('reply lost')
        },
        compensate: ({ result }) => {
          if (result !== undefined) booked--
        },
      }),
      input: null,
      check: () => expect(booked).toBe(0),
    }
  })
  await expect(forgetful).rejects.toThrow(/Crash 1/)
})

test('refuses a misspelt option before anything is tried', async () => {
  let made = 0
  const tried = everyCrashPoint(
    () => {
      made++
      return { saga: saga('empty', { version: 1 }).sleep('nap', 1), input: null }
    },
    { maxPoint: 1 } as object,
  )
  await expect(tried).rejects.toThrow(
    /^Cannot try every crash point: unknown option maxPoint; known are allowNeedsAttention, maxPoints$/,
  )
  expect(made).toBe(0)
})
