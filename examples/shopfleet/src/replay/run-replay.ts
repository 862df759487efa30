import type { CartLine, OrderView } from '../api.ts'
import type { JobOutcome, JobResult, Journal } from './journal.ts'
import type { Latencies } from './latencies.ts'
import type { CustomerPlan, Job, RefundJob, ReplayPlan, SaleJob } from './plan.ts'
import type { ShopClient } from './shop-client.ts'

export interface ReplayProgress {
  readonly phase: 'loading' | 'orders'
  readonly done: number
  readonly total: number
}

export interface ReplayOptions {
  readonly plan: ReplayPlan
  readonly journal: Journal
  readonly client: ShopClient
  readonly latencies: Latencies
  readonly concurrency: number
  /** An earlier process was cut off: what it had in flight may be there already. */
  readonly resumed: boolean
  readonly signal?: AbortSignal | undefined
  readonly onProgress?: ((progress: ReplayProgress) => void) | undefined
}

/** How long an order may stay undecided before the replay calls it stuck. */
const DECISION_DEADLINE_MS = 60_000
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
  await eachOf(plan.customers, concurrency, options.signal, async (customer, signal) => {
    for (const job of customer.jobs) {
      if (journal.has(jobId(job))) continue
      signal.throwIfAborted()
      const result =
        job.type === 'sale' ? await sell(options, customer, job) : await refund(options, customer, job)
      journal.append({ type: 'job', result })
      onProgress?.({ phase: 'orders', done: ++done, total: plan.jobCount })
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

async function sell(options: ReplayOptions, { userId }: CustomerPlan, job: SaleJob): Promise<JobResult> {
  const { client, latencies, resumed } = options
  // Only after a crash can the order be there already; asking first keeps its cart from being filled twice.
  let order = resumed ? await client.order(userId, job.orderId) : undefined
  if (order === undefined) {
    if (resumed) await client.emptyCart(userId)
    await latencies.time('cart', () => client.addToCart(userId, job.items))
    order = await latencies.time('checkout', () => client.checkout(userId, job.orderId, job.paymentMethod))
  }
  order = await decided(options, userId, order)
  return {
    id: jobId(job),
    outcome: outcomeOf(order),
    amountCents: order.status === 'CANCELLED' ? 0 : order.totalCents,
  }
}

/** Takes the units back from the customer's orders, newest first, as far as those still hold them. */
async function refund(options: ReplayOptions, { userId }: CustomerPlan, job: RefundJob): Promise<JobResult> {
  const { client, latencies } = options
  const wanted = new Map(job.items.map(({ sku, quantity }) => [sku, quantity]))
  let amountCents = 0
  for (const [index, orderId] of job.orderIds.entries()) {
    const found = await client.order(userId, orderId)
    if (found === undefined || found.status === 'CANCELLED') continue
    const lines = refundable(found, wanted)
    if (lines.length === 0) continue
    const refundId = `${job.refundId}-${index}`
    const answer = await latencies.time('refund', () => client.refund(userId, orderId, refundId, lines))
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

/** An order in flight when the process died is finished by the shop by itself; the replay looks until it is. */
async function decided(
  { client, signal }: ReplayOptions,
  userId: string,
  first: OrderView,
): Promise<OrderView> {
  const untilMs = performance.now() + DECISION_DEADLINE_MS
  let order = first
  while (order.status === 'CREATED' || order.status === 'PAYMENT_PENDING') {
    if (performance.now() > untilMs) {
      throw new Error(
        `Order ${order.id} is still ${order.status} after ${DECISION_DEADLINE_MS} ms; its saga is stuck`,
      )
    }
    await pause(100, signal)
    order = (await client.order(userId, order.id)) ?? order
  }
  return order
}

function outcomeOf({ id, status, cancelReason }: OrderView): JobOutcome {
  if (status !== 'CANCELLED') return 'accepted'
  if (cancelReason === 'out-of-stock') return 'outOfStock'
  if (cancelReason === 'declined') return 'declined'
  throw new Error(`Order ${id} was cancelled for a reason that this replay cannot cause: ${cancelReason}`)
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

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve) => {
    const timer = setTimeout(resolve, ms)
    signal?.addEventListener('abort', () => (clearTimeout(timer), resolve()), { once: true })
  })
}
