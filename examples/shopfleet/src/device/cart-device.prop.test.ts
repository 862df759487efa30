import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { CartLine, CartSyncBody } from '../api.ts'
import { isProblem } from '../shared/problem.ts'
import { CartDevice, type SavedDevice } from './cart-device.ts'
import { CartShop } from './shop.test-helper.ts'
import { syncDevice } from './sync-device.ts'

const SKUS = ['tv', 'tea', 'mug']
const LABELS = ['phone', 'laptop', 'tablet']

/** What may happen to a cart on three devices, and between them and the shop. */
const device = fc.nat(LABELS.length - 1)
const event = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      type: fc.constant('add' as const),
      device,
      sku: fc.nat(SKUS.length - 1),
      quantity: fc.integer({ min: 1, max: 9 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      type: fc.constant('sync' as const),
      device,
      fate: fc.constantFrom('arrives' as const, 'request lost' as const, 'reply lost' as const),
    }),
  },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('restart' as const), device }) },
  { weight: 1, arbitrary: fc.record({ type: fc.constant('late' as const), request: fc.nat(20) }) },
  {
    weight: 2,
    arbitrary: fc.record({
      type: fc.constantFrom(
        'add at the shop' as const,
        'order by API' as const,
        'order' as const,
        'replicate' as const,
        'fail-over' as const,
      ),
    }),
  },
)

class Lost extends Error {}

test('every unit that was added is ordered or in the cart, once, whatever gets lost on the way', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(event, { maxLength: 60, size: 'max' }), async (events) => {
      const shop = new CartShop()
      const devices = LABELS.map((label) => CartDevice.create(label))
      const phone = (): CartDevice => devices[0] as CartDevice
      const requests: CartSyncBody[] = []
      const added: CartLine[] = []
      const ordered: CartLine[] = []
      // What orders took: it is in the orders database, and each next order hears of it.
      const removals: string[] = []
      let replicated = shop.snapshot()
      // Adds through the API, which no device had made: what a fail-over takes comes back only from a device that saw it.
      let apiAdds = 0
      let atRisk: string[] = []
      const mayBeGone = new Set<string>()
      const replicate = (): void => {
        replicated = shop.snapshot()
        atRisk = []
      }
      const sync = (index: number, fate: 'arrives' | 'request lost' | 'reply lost') =>
        syncDevice(devices[index] as CartDevice, async (body) => {
          requests.push(body)
          if (fate === 'request lost') throw new Lost()
          const answer = shop.sync(body)
          if (fate === 'reply lost') throw new Lost()
          return answer
        }).catch((error: unknown) => {
          if (!(error instanceof Lost)) throw error
        })

      for (const step of events) {
        switch (step.type) {
          case 'add': {
            const line = { sku: SKUS[step.sku] as string, quantity: step.quantity }
            devices[step.device]?.add(line.sku, line.quantity)
            added.push(line)
            break
          }
          case 'sync':
            await sync(step.device, step.fate)
            break
          case 'restart': {
            const saved = JSON.stringify((devices[step.device] as CartDevice).save())
            devices[step.device] = CartDevice.load(JSON.parse(saved) as SavedDevice)
            break
          }
          case 'late':
            // Again, or for the first time but long after: its device has gone on and reads no answer.
            tryLate(shop, requests[step.request])
            break
          case 'add at the shop':
            atRisk.push(`api-${apiAdds}`)
            shop.add(`api-${apiAdds++}`)
            break
          case 'order by API': {
            const { items, removal } = shop.order(undefined, removals)
            ordered.push(...items)
            removals.push(removal)
            break
          }
          case 'order': {
            // The phone pays, and is told what the order took: a fail-over may forget it.
            const { items, removal } = shop.order(phone(), removals)
            ordered.push(...items)
            removals.push(removal)
            phone().ordered(removal)
            break
          }
          case 'replicate':
            replicate()
            break
          case 'fail-over':
            shop.failOver(replicated)
            for (const sku of atRisk) mayBeGone.add(sku)
            atRisk = []
            break
          default:
            step satisfies never
        }
      }
      shop.hear(removals)
      for (const index of [0, 1, 2, 0, 1, 2]) await sync(index, 'arrives')

      for (const copy of devices) {
        expect(copy.items()).toEqual(shop.items())
        expect([copy.isWaiting, copy.waiting()]).toEqual([false, []])
      }
      const all = totals([...ordered, ...shop.items()])
      const kept = Array.from({ length: apiAdds }, (_, index) => `api-${index}`).filter(
        (sku) => !mayBeGone.has(sku) || sku in all,
      )
      expect(all).toEqual(totals([...added, ...kept.map((sku) => ({ sku, quantity: 1 }))]))
    }),
    { numRuns: 300 },
  )
})

function tryLate(shop: CartShop, body: CartSyncBody | undefined): void {
  if (body === undefined) return
  try {
    shop.sync(body)
  } catch (error) {
    if (!isProblem(error, 'duplicate-device')) throw error
  }
}

function totals(lines: readonly CartLine[]): Record<string, number> {
  const sums: Record<string, number> = {}
  for (const { sku, quantity } of lines) sums[sku] = (sums[sku] ?? 0) + quantity
  return sums
}
