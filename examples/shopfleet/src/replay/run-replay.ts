import type { CartLine, OrderView } from '../api.ts'
import { CartDevice } from '../device/cart-device.ts'
import { apologised } from './apologised.ts'
import { comeBack } from './come-back.ts'
import type { JobResult, Journal } from './journal.ts'
import { attemptId, type CustomerPlan, type Job, type RefundJob, type ReplayPlan } from './plan.ts'
import { sell, type SellOptions } from './sell.ts'
import type { ShopClient } from './shop-client.ts'

export interface ReplayProgress {
  readonly phase: 'loading' | 'orders'
  readonly done: number
  readonly total: number
}

export interface ReplayOptions extends SellOptions {
  readonly plan: ReplayPlan
  readonly client: ShopClient
  readonly journal: Journal
  readonly concurrency: number
  readonly onProgress?: ((progress: ReplayProgress) => void) | undefined
}

const BATCH = 500

/**
 * Replays a plan through the shop's public API, `concurrency` customers at a time, each doing one thing
 * after another in the order of the file. What the journal holds already is not done again.
 *
 * @throws the first unexpected answer; customers under way finish what they do first.
 */
export async function runReplay(options: ReplayOptions): Promise<void> {
  const { plan, journal, concurrency, onProgress } = options
  if (!journal.loaded) {
    await load(options)
    journal.append({ type: 'loaded' })
  }
  let done = journal.results.length
  onProgress?.({ phase: 'orders', done, total: plan.jobCount })
  options.fault?.progress(done, plan.jobCount)
  await eachOf(plan.customers, concurrency, options.signal, async (customer, signal) => {
    const shopper = { userId: customer.userId, device: CartDevice.create('replay') }
    for (const job of customer.jobs) {
      if (journal.has(jobId(job))) continue
      signal.throwIfAborted()
      const result =
        job.type === 'sale' ? await sell(options, shopper, job) : await refund(options, customer, job)
      journal.append({ type: 'job', result })
      onProgress?.({ phase: 'orders', done: ++done, total: plan.jobCount })
      options.fault?.progress(done, plan.jobCount)
    }
  })
}

/** Catalogue, shelves and customers; every call may be repeated after a crash. */
async function load({ plan, client, concurrency, signal, onProgress }: ReplayOptions): Promise<void> {
  const total = plan.products.length + plan.stock.length + plan.customers.length
  let done = 0
  const advance = (count: number): void => onProgress?.({ phase: 'loading', done: (done += count), total })
  await eachOf(batches(plan.products), 4, signal, async (products) => {
    await client.putProducts(products)
    advance(products.length)
  })
  await eachOf(batches(plan.stock), 4, signal, async (stock) => {
    await client.putStock(stock)
    advance(stock.length)
  })
  await eachOf(plan.customers, concurrency, signal, async ({ userId, country }) => {
    await client.putProfile(userId, { name: `Customer ${userId}`, country })
    advance(1)
  })
}

/** Takes the units back from the customer's orders, newest first, as far as those still hold them. */
async function refund(options: ReplayOptions, { userId }: CustomerPlan, job: RefundJob): Promise<JobResult> {
  const { client, journal, latencies } = options
  const wanted = new Map(job.items.map(({ sku, quantity }) => [sku, quantity]))
  let amountCents = 0
  for (const [index, planned] of job.orderIds.entries()) {
    const orderId = attemptId(planned, journal.attempts(planned))
    const found = await comeBack(options, () => client.order(userId, orderId))
    if (found === undefined || found.status === 'CANCELLED') continue
    const lines = refundable(found, wanted)
    if (lines.length === 0) continue
    const refundId = `${job.refundId}-${index}`
    const ask = () => latencies.time('refund', () => client.refund(userId, orderId, refundId, lines))
    const answer = await comeBack(options, ask)
    if (answer === undefined) {
      await apologised(client, userId, orderId)
      continue
    }
    amountCents += answer.amountCents
    for (const { sku, quantity } of lines) wanted.set(sku, (wanted.get(sku) ?? 0) - quantity)
  }
  return { id: jobId(job), outcome: amountCents > 0 ? 'refunded' : 'nothingToRefund', amountCents }
}

function refundable(order: OrderView, wanted: ReadonlyMap<string, number>): CartLine[] {
  return order.lines
    .map(({ sku, quantity, refundedQuantity }) => ({
      sku,
      quantity: Math.min(quantity - refundedQuantity, wanted.get(sku) ?? 0),
    }))
    .filter(({ quantity }) => quantity > 0)
}

const jobId = (job: Job): string => (job.type === 'sale' ? job.orderId : job.refundId)

function batches<T>(items: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(items.length / BATCH) }, (_, index) =>
    items.slice(index * BATCH, (index + 1) * BATCH),
  )
}

/** Works on the items in order, a bounded number at a time; after a failure no further item is begun. */
async function eachOf<T>(
  items: readonly T[],
  concurrency: number,
  outer: AbortSignal | undefined,
  work: (item: T, signal: AbortSignal) => Promise<void>,
): Promise<void> {
  const failed = new AbortController()
  const signal = outer === undefined ? failed.signal : AbortSignal.any([outer, failed.signal])
  const queue = items.values()
  const worker = async (): Promise<void> => {
    for (const item of queue) {
      signal.throwIfAborted()
      await work(item, signal)
    }
  }
  const workers = Array.from({ length: Math.min(concurrency, items.length) }, () =>
    worker().catch((error: unknown) => {
      failed.abort(error)
    }),
  )
  await Promise.all(workers)
  signal.throwIfAborted()
}
