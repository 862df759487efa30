/** What a customer does to buy: fill the cart on a device, check out with it, and see what comes of it. */
import { systemClock } from '@quorate/core'
import type { OrderView } from '../api.ts'
import type { CartDevice } from '../device/cart-device.ts'
import { syncDevice } from '../device/sync-device.ts'
import { comeBack, MAX_ATTEMPTS, pause, type Patience } from './come-back.ts'
import type { ReplayFault } from './fault.ts'
import type { JobResult } from './journal.ts'
import type { Latencies } from './latencies.ts'
import { attemptId, type SaleJob } from './plan.ts'
import type { ShopClient } from './shop-client.ts'

export interface SellOptions extends Patience {
  readonly client: Pick<ShopClient, 'order' | 'emptyCart' | 'syncCart' | 'checkout'>
  readonly latencies: Latencies
  /** An earlier process was cut off: what it had in flight may be there already. */
  readonly resumed: boolean
  readonly fault?: ReplayFault | undefined
}

/** Who buys, and on what. The device has the cart too: it tells the shop again what that has forgotten. */
export interface Shopper {
  readonly userId: string
  readonly device: CartDevice
}

/** How long an order may stay undecided before the replay calls it stuck. */
const DECISION_DEADLINE_MS = 60_000
const LOOK_AGAIN_MS = 100

/**
 * Buys what the job says. An order that the shop could not finish is undone by the shop; the customer then puts into the
 * cart what it has lost to that order, and orders under a new id.
 *
 * @throws Error if the shop is unavailable for too long, or refuses for a reason that this replay cannot cause.
 */
export async function sell(options: SellOptions, shopper: Shopper, job: SaleJob): Promise<JobResult> {
  for (let attempt = 1; ; attempt++) {
    const order = await place(options, shopper, { ...job, orderId: attemptId(job.orderId, attempt) }, attempt)
    if (order.cartRemoval !== null) shopper.device.ordered(order.cartRemoval)
    if (order.cancelReason === 'unavailable' && attempt < MAX_ATTEMPTS) {
      await pause(options)
      continue
    }
    return {
      id: job.orderId,
      outcome: outcomeOf(order),
      amountCents: order.status === 'CANCELLED' ? 0 : order.totalCents,
      ...(attempt === 1 ? {} : { attempts: attempt }),
    }
  }
}

async function place(
  options: SellOptions,
  shopper: Shopper,
  job: SaleJob,
  attempt: number,
): Promise<OrderView> {
  const { client, resumed } = options
  const { userId, device } = shopper
  // Only after a crash can the order be there already; asking first keeps its cart from being filled twice.
  const found = resumed ? await comeBack(options, () => client.order(userId, job.orderId)) : undefined
  if (found !== undefined) return decided(options, userId, found)
  if (resumed) await client.emptyCart(userId)
  // An order that was undone may have taken the cart, or not.
  if (attempt > 1) await sync(options, shopper)
  const there = new Map(attempt > 1 ? device.items().map(({ sku, quantity }) => [sku, quantity]) : [])
  for (const { sku, quantity } of job.items) {
    const missing = quantity - (there.get(sku) ?? 0)
    if (missing > 0) device.add(sku, missing)
  }
  await sync(options, shopper)
  return decided(options, userId, await checkout(options, shopper, job))
}

/** Nothing is there twice, however often it takes. */
async function sync(options: SellOptions, { userId, device }: Shopper): Promise<void> {
  const { client, latencies, fault } = options
  const once = () => latencies.time('cart', () => syncDevice(device, (body) => client.syncCart(userId, body)))
  await comeBack(options, once, () => fault?.refused('cart'))
}

/** The same order id again is the same order, so a checkout that got no order for an answer is just repeated. */
async function checkout(options: SellOptions, { userId, device }: Shopper, job: SaleJob): Promise<OrderView> {
  const { client, latencies, fault } = options
  const ask = (): Promise<OrderView> =>
    client.checkout(userId, job.orderId, job.paymentMethod, device.state())
  const once = (): Promise<OrderView> =>
    latencies.time('checkout', () => (fault === undefined ? ask() : fault.watch(ask)))
  const order = await comeBack(options, once, () => fault?.refused('checkout'))
  if (order.cancelReason === 'unavailable') fault?.refused('checkout')
  return order
}

/** An order in flight when the process died is finished by the shop by itself; the replay looks until it is. */
async function decided(options: SellOptions, userId: string, first: OrderView): Promise<OrderView> {
  const { client, signal } = options
  const untilMs = performance.now() + DECISION_DEADLINE_MS
  let order = first
  while (order.status === 'CREATED' || order.status === 'PAYMENT_PENDING') {
    if (performance.now() > untilMs) {
      throw new Error(
        `Order ${order.id} is still ${order.status} after ${DECISION_DEADLINE_MS} ms; its saga is stuck`,
      )
    }
    await systemClock.sleep(LOOK_AGAIN_MS, { signal })
    const { id } = order
    order = (await comeBack(options, () => client.order(userId, id))) ?? order
  }
  return order
}

function outcomeOf({ id, status, cancelReason }: OrderView): JobResult['outcome'] {
  if (status !== 'CANCELLED') return 'accepted'
  if (cancelReason === 'out-of-stock') return 'outOfStock'
  if (cancelReason === 'declined') return 'declined'
  throw new Error(`Order ${id} was cancelled for a reason that this replay cannot cause: ${cancelReason}`)
}
