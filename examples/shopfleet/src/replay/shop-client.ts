import { Agent, request } from 'undici'
import type { z } from 'zod'
import {
  type CartLine,
  type CartSyncBody,
  cartSyncView,
  type CartSyncView,
  orderView,
  type OrderView,
  problem,
  type Problem,
  type Product,
  refundView,
  type RefundView,
  type StockLevel,
  USER_HEADER,
} from '../api.ts'

/** An answer of the shop that the replay did not expect. */
export class ShopAnswerError extends Error {
  override readonly name = 'ShopAnswerError'
  readonly status: number
  readonly problem: Problem | undefined

  constructor(what: string, status: number, answer: Problem | undefined) {
    super(
      `${what} answered ${status}${answer === undefined ? '' : ` ${answer.code}: ${answer.message} (trace ${answer.traceId})`}`,
    )
    this.status = status
    this.problem = answer
  }
}

type Method = 'GET' | 'PUT' | 'POST' | 'DELETE'

/** The gateway's public API as a customer's program calls it. */
export class ShopClient {
  readonly #origin: string
  readonly #agent: Agent

  constructor(origin: string, connections: number) {
    this.#origin = origin
    this.#agent = new Agent({ connections, headersTimeout: 60_000, bodyTimeout: 60_000 })
  }

  async putProducts(products: readonly Product[]): Promise<void> {
    await this.#expect('PUT', '/api/admin/products', { body: { products } })
  }

  /** @returns false when the shop already trades in these skus, as after a restart. */
  async putStock(stock: readonly StockLevel[]): Promise<boolean> {
    const { status } = await this.#expect('PUT', '/api/admin/stock', { body: { stock }, also: [409] })
    return status !== 409
  }

  async putProfile(user: string, profile: { name: string; country: string }): Promise<void> {
    await this.#expect('PUT', '/api/profile', { user, body: profile })
  }

  async emptyCart(user: string): Promise<void> {
    await this.#expect('DELETE', '/api/cart', { user })
  }

  async syncCart(user: string, body: CartSyncBody): Promise<CartSyncView> {
    return cartSyncView.parse((await this.#expect('PUT', '/api/cart/sync', { user, body })).body)
  }

  /**
   * @returns the order as it was decided, or is going to be; still undecided only if the shop took longer than it waits.
   * @throws ShopAnswerError with status 503 if the shop is unavailable and tells of no order: ask again.
   */
  async checkout(user: string, orderId: string, paymentMethod: string, cart: string): Promise<OrderView> {
    const answer = await this.#expect('POST', '/api/checkout', {
      user,
      body: { orderId, paymentMethod, cart },
      also: [402, 409, 503],
    })
    if (answer.status < 300) return orderView.parse(answer.body)
    const { order } = problem.parse(answer.body)
    if (order === undefined)
      throw new ShopAnswerError('POST /api/checkout', answer.status, problem.parse(answer.body))
    return order
  }

  /** @returns `undefined` when the shop knows no such order. */
  async order(user: string, id: string): Promise<OrderView | undefined> {
    const { status, body } = await this.#expect('GET', `/api/orders/${id}`, { user, also: [404] })
    return status === 404 ? undefined : orderView.parse(body)
  }

  /** @returns `undefined` when the shop says that these units are not there to be given back. */
  async refund(
    user: string,
    orderId: string,
    refundId: string,
    lines: readonly CartLine[],
  ): Promise<RefundView | undefined> {
    const path = `/api/orders/${orderId}/refunds`
    const answer = await this.#expect('POST', path, { user, body: { refundId, lines }, also: [409] })
    return answer.status === 409 ? undefined : this.#parse(refundView, answer)
  }

  async close(): Promise<void> {
    await this.#agent.close()
  }

  #parse<T>(schema: z.ZodType<T>, answer: { body: unknown }): T {
    return schema.parse(answer.body)
  }

  async #expect(
    method: Method,
    path: string,
    { user, body, also = [] }: { user?: string; body?: unknown; also?: readonly number[] },
  ): Promise<{ status: number; body: unknown }> {
    const answer = await request(this.#origin + path, {
      method,
      dispatcher: this.#agent,
      headers: {
        ...(user === undefined ? {} : { [USER_HEADER]: user }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
    const text = await answer.body.text()
    const json: unknown = text === '' ? undefined : JSON.parse(text)
    const status = answer.statusCode
    if (status >= 300 && !also.includes(status)) {
      throw new ShopAnswerError(`${method} ${path}`, status, problem.safeParse(json).data)
    }
    return { status, body: json }
  }
}
