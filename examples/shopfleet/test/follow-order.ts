/** Customers who keep looking at their orders. */
import { ORDER_STATUSES, type OrderView } from '../src/api.ts'
import { until } from './api.ts'
import type { Browser } from './browser.ts'

/** Orders one and looks at it until it is there, and longer if that is asked for. @returns all that was seen. */
export async function followOrder(
  browser: Browser,
  orderId: string,
  isEnough: () => Promise<boolean> = () => Promise.resolve(true),
): Promise<OrderView[]> {
  await browser.call('POST', '/api/cart/items', { items: [{ sku: 'follow', quantity: 1 }] })
  const placed = await browser.call<OrderView>('POST', '/api/checkout', {
    orderId,
    paymentMethod: 'pm_card_visa',
  })
  if (placed.status !== 201) throw new Error(`${orderId} answered ${placed.status}`)
  const seen = [placed.body]
  await until(async () => {
    const { status, body } = await browser.call<OrderView>('GET', `/api/orders/${orderId}`)
    if (status !== 200) throw new Error(`${orderId} is gone: ${status} after ${seen.at(-1)?.status}`)
    seen.push(body)
    return seen.some((order) => order.status === 'DELIVERED') && (await isEnough())
  }, Boolean)
  return seen
}

/** Each time that somebody saw an order go back, as in `DELIVERED → PAID`. */
export function goneBack(histories: readonly (readonly OrderView[])[]): string[] {
  return histories.flatMap((seen) =>
    seen.flatMap(({ status }, index) => {
      const before = seen[index - 1]?.status ?? status
      return rank(status) < rank(before) ? [`${before} → ${status}`] : []
    }),
  )
}

const rank = (status: OrderView['status']): number => ORDER_STATUSES.indexOf(status)
