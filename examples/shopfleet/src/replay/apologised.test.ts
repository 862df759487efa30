import { expect, test } from 'vitest'
import type { OrderView } from '../api.ts'
import { apologised } from './apologised.ts'

const order = (apology: OrderView['apology']): OrderView => ({
  id: 'o-1',
  userId: 'ann',
  status: apology === null ? 'PAID' : 'REFUNDED',
  cancelReason: null,
  apology,
  cartRemoval: null,
  short: null,
  lines: [],
  totalCents: 500,
  refundedCents: 0,
  tracking: null,
  createdAt: '2026-01-01T00:00:00.000Z',
  updatedAt: '2026-01-01T00:00:00.000Z',
})

/** A shop that shows these one after the other, and then the last one again and again. */
function shopShowing(...shown: (OrderView | undefined)[]) {
  let looks = 0
  let waitedMs = 0
  return {
    client: { order: async () => shown[Math.min(looks++, shown.length - 1)] },
    clock: {
      sleep: async (ms: number) => {
        waitedMs += ms
      },
    },
    facts: () => ({ looks, waitedMs }),
  }
}

test('apologised() waits until a replica has heard of the apology', async () => {
  const { client, clock, facts } = shopShowing(undefined, order(null), order('oversold'))
  await apologised(client, 'ann', 'o-1', clock)
  expect(facts()).toEqual({ looks: 3, waitedMs: 400 })
})

test('apologised() throws for an order that nobody apologised for', async () => {
  const { client, clock, facts } = shopShowing(order(null))
  await expect(apologised(client, 'ann', 'o-1', clock)).rejects.toThrow(/refund of order o-1 .* no apology/)
  expect(facts().waitedMs).toBe(5_000)
})
