/** Placing and refunding orders: starts the sagas, and waits until the customer can be told something. */
import type { ReadYourWrites } from '@quorate/read-your-writes'
import { SagaConflictError, SagaTimeoutError, type SagaEngine, type SagaResult } from '@quorate/saga'
import type { CartLine, OrderView } from '../../api.ts'
import { Problem } from '../../shared/problem.ts'
import { currentTrace, newTrace, traceparent } from '../../shared/trace.ts'
import type { Decisions } from './decisions.ts'
import { checkoutId, refundSagaId, type CheckoutSaga, type RefundSaga } from './sagas.ts'
import { cancelReasonOf, REFUSED_CARTS, shortLinesOf } from './failures.ts'
import { isDecided } from './status.ts'
import { orderExists, readOrder, readRefund, type Reader } from './views.ts'

export interface Placing {
  readonly orderId: string
  readonly userId: string
  readonly paymentMethod: string
  /** All that the customer's device has, as base64. */
  readonly cart?: string | undefined
}

export interface Refunding {
  readonly refundId: string
  readonly orderId: string
  readonly userId: string
  readonly lines: readonly CartLine[]
}

export interface Orders {
  /** @returns the order once it is decided, or as it is when the customer has waited long enough. */
  place(order: Placing): Promise<OrderView>
  /** @returns `done: false` when the money is promised but not back yet. */
  refund(refund: Refunding): Promise<{ amountCents: number; done: boolean; order: OrderView }>
}

export interface OrdersParts {
  readonly engine: SagaEngine
  readonly checkout: CheckoutSaga
  readonly refund: RefundSaga
  readonly decisions: Decisions
  /** Answers of writes are read where they were written. */
  readonly primary: Reader
  /** Moves the customer's session on, so that their next read finds what the saga wrote. */
  readonly sessions: Pick<ReadYourWrites, 'write'>
  /** How long a customer waits for an answer, ms. */
  readonly patienceMs: number
}

/** In case another process runs the saga and nobody here hears of it. */
const LOOK_AGAIN_MS = 1_000

export function orders({
  engine,
  checkout,
  refund,
  decisions,
  primary,
  sessions,
  patienceMs,
}: OrdersParts): Orders {
  const trace = (): string => traceparent(currentTrace() ?? newTrace())

  /** Starts the checkout, and waits for the first news of it: there is nothing to look at before. */
  async function begin(order: Placing): Promise<void> {
    const news = decisions.next(order.orderId, LOOK_AGAIN_MS)
    const input = { ...order, traceparent: trace() }
    const existed = await startOrJoin(() => engine.start(checkout, input, { id: checkoutId(order.orderId) }))
    if (!existed) await news
  }

  /** The order when it is decided or time is over; `undefined` if there never was one. */
  async function decided(orderId: string): Promise<OrderView | undefined> {
    const deadlineMs = performance.now() + patienceMs
    for (;;) {
      const leftMs = deadlineMs - performance.now()
      // First listen, then look: what is decided in between is not missed.
      const announced = decisions.next(orderId, Math.max(0, Math.min(LOOK_AGAIN_MS, leftMs)))
      const order = await inSession(orderId)
      if (order !== undefined && isDecided(order.status)) return order
      if (order === undefined && (await isOver(orderId))) return undefined
      if (leftMs <= 0) return order
      if ((await announced) || order === undefined) continue
      const turning = await turnedRound(order)
      if (turning !== undefined) return turning
    }
  }

  /**
   * An order that will be cancelled, whose undoing waits for a neighbour that is away. The customer need not
   * wait for that: `cancelReason` says already why there will be no parcel.
   */
  async function turnedRound(order: OrderView): Promise<OrderView | undefined> {
    const saga = await engine.get(checkoutId(order.id))
    if (saga?.status !== 'compensating' || saga.failure === undefined) return undefined
    const { failure } = saga
    return { ...order, cancelReason: cancelReasonOf(failure), short: shortLinesOf(failure) ?? null }
  }

  /**
   * The order as it is now, and the session's token past it: the saga wrote in transactions of its own,
   * which the session knows nothing of, but its next transaction comes after them.
   */
  const inSession = (orderId: string): Promise<OrderView | undefined> =>
    sessions.write((sql) => readOrder(sql, orderId))

  async function isOver(orderId: string): Promise<boolean> {
    const saga = await engine.get(checkoutId(orderId))
    return saga !== undefined && saga.status !== 'running' && saga.status !== 'compensating'
  }

  /** Why an order never came to be: the cart was not one that can be ordered. */
  async function refusedCart(orderId: string): Promise<Problem> {
    const failure = (await engine.get(checkoutId(orderId)))?.failure
    const { code = 'empty-cart', message = 'The cart is empty; put something into it' } = failure ?? {}
    return new Problem(REFUSED_CARTS.get(code) ?? 422, code, `${message}, then check out with a new order id`)
  }

  /** How the refund ended; `undefined` if it is still under way. */
  async function refundEnd(refundId: string): Promise<SagaResult<unknown> | undefined> {
    try {
      return await engine.handle(refundSagaId(refundId), refund).result({ deadlineMs: patienceMs })
    } catch (error) {
      if (error instanceof SagaTimeoutError) return undefined
      throw error
    }
  }

  return {
    async place({ orderId, userId, paymentMethod, cart }) {
      // A repeat joins the order that is there. Two first calls at once are told apart by the saga's id.
      if (!(await orderExists(primary, orderId))) await begin({ orderId, userId, paymentMethod, cart })
      const order = await decided(orderId)
      if (order === undefined) throw await refusedCart(orderId)
      if (order.userId !== userId)
        throw new Problem(409, 'order-id-taken', `Order id ${orderId} is taken; use another`)
      return order
    },

    async refund({ refundId, orderId, userId, lines }) {
      const before = await readOrder(primary, orderId)
      if (before === undefined || before.userId !== userId) throw unknownOrder(orderId)
      if ((await readRefund(primary, refundId)) === undefined) {
        const input = { refundId, orderId, lines, traceparent: trace() }
        await startOrJoin(() => engine.start(refund, input, { id: refundSagaId(refundId) }))
      }
      const end = await refundEnd(refundId)
      if (end?.status === 'compensated') throw new Problem(409, 'not-refundable', end.failure.message)
      const claim = await readRefund(primary, refundId)
      if (claim === undefined)
        throw new Problem(503, 'unavailable', 'The refund is being looked at; ask again in a second', {
          retryAfterSeconds: 1,
        })
      if (claim.orderId !== orderId || !sameLines(claim.lines, lines)) {
        throw new Problem(
          409,
          'refund-id-taken',
          `Refund id ${refundId} was used for another refund; use another`,
        )
      }
      const order = (await inSession(orderId)) ?? before
      return { amountCents: claim.amountCents, done: end?.status === 'completed', order }
    },
  }
}

export function unknownOrder(orderId: string): Problem {
  return new Problem(404, 'unknown-order', `No order ${orderId} of this user`)
}

/** The same id again is the same saga: only the trace differs, and the first one's counts. @returns whether it was there. */
async function startOrJoin(start: () => Promise<{ existed: boolean }>): Promise<boolean> {
  try {
    return (await start()).existed
  } catch (error) {
    if (error instanceof SagaConflictError && error.differs === 'input') return true
    throw error
  }
}

function sameLines(some: readonly CartLine[], others: readonly CartLine[]): boolean {
  const text = (lines: readonly CartLine[]): string =>
    lines
      .map(({ sku, quantity }) => `${sku} ${quantity}`)
      .toSorted()
      .join('\n')
  return text(some) === text(others)
}
