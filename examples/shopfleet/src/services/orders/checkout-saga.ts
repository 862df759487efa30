import { NonRetryableError, saga } from '@quorate/saga'
import type { PoolClient } from 'pg'
import { z } from 'zod'
import type { CartLine } from '../../api.ts'
import { deliveredEvent } from '../../outside/carrier/contract.ts'
import { continueTrace, withTrace } from '../../shared/trace.ts'
import type { Apologise } from './apology.ts'
import { asStepFailure, cancelReasonOf, REFUSED_CARTS, shortLinesOf } from './failures.ts'
import type { Neighbours } from './neighbours.ts'
import { createOrder, deleteOrder, latestRemovals, moveOrder, writeLines, type PricedLine } from './store.ts'

export interface CheckoutInput {
  readonly orderId: string
  readonly userId: string
  readonly paymentMethod: string
  /** All that the customer's device had, if they have one. */
  readonly cart?: string | undefined
  /** Of the click that began it: steps run in the background carry it on. */
  readonly traceparent: string
}

/** The step after which the customer is told that the order stands. */
export const DECIDING_STEP = 'settle'

/** In place of the carrier's news: there is no parcel. */
const nothingEvent = z.object({ event: z.literal('nothing-to-deliver') })
export const NOTHING: z.infer<typeof nothingEvent> = { event: 'nothing-to-deliver' }

/** What becomes of an order whose goods were promised and are not there. Both may be repeated. */
export interface OversoldOrders {
  /** Gives the money back and makes the order REFUNDED. */
  readonly apologise: Apologise
  /** Ends the wait for a parcel. */
  readonly expectNothing: (orderId: string) => Promise<void>
}

const PATIENT = { maxAttempts: 6, baseMs: 200, maxMs: 2_000 }
/** Past the pivot there is no way back, nor from an undoing: a neighbour may be away for a quarter of an hour. */
const STUBBORN = { maxAttempts: 1_000, baseMs: 100, maxMs: 2_000 }
const DELIVERY_MS = 24 * 3_600_000

/**
 *   create ─ take-cart ─ price ─ reserve ─ await-payment ─ authorise ─ settle │ pivot
 *   capture ─ commit-stock ─ await-fulfilment ─ pack ─ ship ─ mark-shipped ─ delivered ─ mark-delivered
 *
 * Left of the pivot a failure undoes what was begun: the hold on the card is released, the stock too, the order
 * CANCELLED with its reason. Right of it the saga only goes on. Should `commit-stock` find that inventory promised
 * what it did not have, the money goes back with an apology, the order is REFUNDED and no parcel is packed.
 *
 * `settle` is the pivot itself: payments settles the charge and makes the order PAID in one atomic commit. It is
 * repeated until payments has said which it is, so that a lost answer never turns a paid order round; and should the
 * saga turn round all the same, payments refuses to void a charge that is settled, and the saga stops to be looked at.
 */
export function checkoutSaga(shop: Neighbours, { apologise, expectNothing }: OversoldOrders) {
  /** Calls a neighbour as part of the customer's trace; a refusal turns the saga round. */
  const call = async <T>({ input }: { input: CheckoutInput }, work: () => Promise<T>): Promise<T> => {
    try {
      return await withTrace(continueTrace(input.traceparent), work)
    } catch (error) {
      throw asStepFailure(error)
    }
  }

  return saga<CheckoutInput, PoolClient>('checkout', { version: 2 })
    .tx({
      name: 'create',
      run: async ({ tx, input }) => {
        await createOrder(tx, { id: input.orderId, userId: input.userId })
        return { removals: await latestRemovals(tx, input.userId) }
      },
      compensate: async ({ tx, input, results, failure }) => {
        if (REFUSED_CARTS.has(failure.code ?? '')) return deleteOrder(tx, input.orderId)
        // Lines are written with the payment; an order that ends before shows them all the same.
        await writeLines(tx, input.orderId, linesOf(results), removalOf(results))
        await moveOrder(tx, input.orderId, 'CANCELLED', {
          cancelReason: cancelReasonOf(failure),
          short: shortLinesOf(failure),
        })
      },
    })
    .step({
      name: 'take-cart',
      deadlineMs: 6_000,
      retry: PATIENT,
      run: (step) =>
        call(step, async () => {
          const taken = await shop.takeCart(step.input, step.results.create.removals, step.signal)
          if (taken.items.length > 0) return taken
          throw new NonRetryableError('The cart is empty; put something into it', { code: 'empty-cart' })
        }),
    })
    .step({
      name: 'price',
      deadlineMs: 6_000,
      retry: PATIENT,
      run: (step) => call(step, () => shop.price(step.results['take-cart'].items, step.signal)),
    })
    .step({
      name: 'reserve',
      deadlineMs: 6_000,
      retry: PATIENT,
      run: (step) =>
        call(step, async () => {
          const { lines, unknown } = step.results.price
          if (unknown.length > 0) {
            throw new NonRetryableError(`Not sold here: ${unknown.join(', ')}`, {
              code: 'unknown-product',
              data: { skus: unknown },
            })
          }
          await shop.reserve(step.input.orderId, lines, step.signal)
        }),
      compensate: (step) => call(step, () => shop.releaseStock(step.input.orderId, step.signal)),
    })
    .tx({
      name: 'await-payment',
      run: async ({ tx, input, results }) => {
        const { lines } = results.price
        const totalCents = await writeLines(tx, input.orderId, lines, removalOf(results))
        await moveOrder(tx, input.orderId, 'PAYMENT_PENDING')
        return { totalCents }
      },
    })
    .step({
      name: 'authorise',
      deadlineMs: 10_000,
      retry: PATIENT,
      run: (step) =>
        call(step, async () => {
          const { orderId, paymentMethod } = step.input
          const { totalCents } = step.results['await-payment']
          return { providerId: await shop.authorise(orderId, totalCents, paymentMethod, step.signal) }
        }),
      // Also when the outcome is unknown: payments asks the provider what it holds for this order.
      compensate: (step) => call(step, () => shop.voidCharge(step.input.orderId, step.signal)),
      compensateRetry: STUBBORN,
    })
    .step({
      name: DECIDING_STEP,
      deadlineMs: 10_000,
      retry: STUBBORN,
      run: (step) => call(step, () => shop.settle(step.input.orderId, step.signal)),
    })
    .pivot()
    .step({
      name: 'capture',
      deadlineMs: 10_000,
      retry: STUBBORN,
      run: (step) => call(step, () => shop.capture(step.input.orderId, step.signal)),
    })
    .step({
      name: 'commit-stock',
      deadlineMs: 6_000,
      retry: STUBBORN,
      run: (step) =>
        call(step, async () => {
          const { orderId } = step.input
          const committed = await shop.commitStock(orderId, step.signal)
          if (committed.status === 'committed') return { isKept: true }
          await apologise(orderId, committed.short, step.signal)
          await expectNothing(orderId)
          return { isKept: false }
        }),
    })
    .tx({ name: 'await-fulfilment', run: ({ tx, input }) => move(tx, input, 'FULFILLMENT_PENDING') })
    .step({
      name: 'pack',
      deadlineMs: 6_000,
      retry: STUBBORN,
      run: (step) =>
        call(step, async () => ({
          parcelId: step.results['commit-stock'].isKept
            ? await shop.pack(step.input.orderId, step.results.price.lines, step.signal)
            : null,
        })),
    })
    .step({
      name: 'ship',
      deadlineMs: 12_000,
      retry: STUBBORN,
      run: (step) =>
        call(step, async () => {
          const { orderId, userId } = step.input
          const { parcelId } = step.results.pack
          if (parcelId === null) return {}
          const country = await shop.countryOf(userId, step.signal)
          return { tracking: await shop.ship(orderId, parcelId, country, step.signal) }
        }),
    })
    .tx({
      name: 'mark-shipped',
      run: async ({ tx, input, results }) => {
        await moveOrder(tx, input.orderId, 'SHIPPED', results.ship)
      },
    })
    .waitFor('delivered', { deadlineMs: DELIVERY_MS, schema: z.union([deliveredEvent, nothingEvent]) })
    .tx({ name: 'mark-delivered', run: ({ tx, input }) => move(tx, input, 'DELIVERED') })
}

type Tx = Parameters<typeof moveOrder>[0]

async function move(
  tx: Tx,
  { orderId }: CheckoutInput,
  to: 'FULFILLMENT_PENDING' | 'DELIVERED',
): Promise<void> {
  await moveOrder(tx, orderId, to)
}

/** Of the steps after the one that is undone, which the definition could not know when it was written. */
interface LaterResults {
  readonly price?: { readonly lines: readonly PricedLine[] }
  readonly 'take-cart'?: { readonly items: readonly CartLine[]; readonly removal: string | null }
}

/** The lines as far as they are known: priced, or as they were in the cart. */
function linesOf(results: LaterResults): readonly PricedLine[] {
  if (results.price !== undefined) return results.price.lines
  return results['take-cart']?.items.map((item) => ({ ...item, priceCents: 0 })) ?? []
}

/** What took them out of the cart. */
const removalOf = (results: LaterResults): string | null => results['take-cart']?.removal ?? null
