/** Placing and refunding orders: starts the sagas, and waits until the customer can be told something. */
import { SagaConflictError, type SagaEngine } from '@quorate/saga'
import type { CartLine, OrderView } from '../../api.ts'
import { Problem } from '../../shared/problem.ts'
import { currentTrace, newTrace, traceparent } from '../../shared/trace.ts'
import type { CheckoutSaga, RefundSaga } from './sagas.ts'
import type { Decisions } from './decisions.ts'
import { isDecided } from './status.ts'
import { readOrder, type Reader } from './views.ts'

export interface Orders {
  /** @returns the order once it is decided, or as it is when the time is over. */
  place(order: { orderId: string; userId: string; paymentMethod: string }): Promise<OrderView>
  refund(refund: { refundId: string; orderId: string; userId: string; lines: CartLine[] }): Promise<{
    amountCents: number
    done: boolean
    order: OrderView
  }>
}

export interface OrdersParts {
  readonly engine: SagaEngine
  readonly checkout: CheckoutSaga
  readonly refund: RefundSaga
  readonly decisions: Decisions
  readonly primary: Reader
  /** How long a customer waits for an answer, ms. */
  readonly patienceMs: number
}

/** In case another process runs the saga and nobody here hears of it. */
const LOOK_AGAIN_MS = 1_000

export function orders({ engine, checkout, refund, decisions, primary, patienceMs }: OrdersParts): Orders {
  const currentTraceparent = (): string => traceparent(currentTrace() ?? newTrace())

  /** The order when it is decided; `undefined` if it was never made. */
  async function decided(orderId: string): Promise<OrderView | undefined> {
    const deadlineMs = performance.now() + patienceMs
    for (;;) {
      const leftMs = deadlineMs - performance.now()
      const announced = decisions.next(orderId, Math.max(0, Math.min(LOOK_AGAIN_MS, leftMs)))
      const order = await readOrder(primary, orderId)
      if (order !== undefined && isDecided(order.status)) return order
      if (order === undefined && (await isOver(orderId))) return undefined
      if (leftMs <= 0) return order
      await announced
    }
  }

  async function isOver(sagaId: string): Promise<boolean> {
    const status = await engine.handle(sagaId).status()
    return status !== undefined && status !== 'running' && status !== 'compensating'
  }

  return {
    async place({ orderId, userId, paymentMethod }) {
      await startOrJoin(() =>
        engine.start(checkout, { orderId, userId, paymentMethod, traceparent: currentTraceparent() }, { id: orderId }),
      )
      const order = await decided(orderId)
      if (order === undefined) throw new Problem(422, 'empty-cart', 'The cart is empty; put something into it, then check out with a new order id')
      if (order.userId !== userId) throw new Problem(409, 'order-id-taken', `Order id ${orderId} is taken; use another`)
      return order
    },

    async refund({ refundId, orderId, userId, lines }) {
      const before = await readOrder(primary, orderId)
      if (before === undefined || before.userId !== userId) throw unknownOrder(orderId)
      const id = `refund:${refundId}`
      await startOrJoin(() =>
        engine.start(refund, { refundId, orderId, lines, traceparent: currentTraceparent() }, { id }),
      )
      const end = await engine.handle<RefundSaga>(id).result({ timeoutMs: patienceMs })
      return { amountCents: 0, done: end.status === 'completed', order: before }
    },
  }
}

export function unknownOrder(orderId: string): Problem {
  return new Problem(404, 'unknown-order', `No order ${orderId} of this user`)
}

/** The same id again is the same saga: only its trace differs, and the first one's counts. */
async function startOrJoin(start: () => Promise<unknown>): Promise<void> {
  try {
    await start()
  } catch (error) {
    if (error instanceof SagaConflictError && error.differs === 'input') return
    throw error
  }
}
