/** The public API, one call a line, for tests. */
import { createCart } from '@quorate/crdt/cart'
import { request } from 'undici'
import {
  USER_HEADER,
  type CartLine,
  type CartSyncBody,
  type CartSyncView,
  type OrderView,
  type ProductView,
  type RefundView,
} from '../src/api.ts'

export interface Answer<T> {
  readonly status: number
  readonly body: T
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
}

export interface ProblemBody {
  readonly code: string
  readonly message: string
  readonly traceId: string
  readonly order?: OrderView
}

export type Api = ReturnType<typeof apiOf>

export function apiOf(gatewayUrl: string) {
  async function call<T>(
    method: 'GET' | 'PUT' | 'POST' | 'DELETE',
    path: string,
    { user, body, headers }: { user?: string; body?: unknown; headers?: Record<string, string> } = {},
  ): Promise<Answer<T>> {
    const response = await request(`${gatewayUrl}${path}`, {
      method,
      headers: {
        ...(user === undefined ? {} : { [USER_HEADER]: user }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? null : JSON.stringify(body),
    })
    const text = await response.body.text()
    return {
      status: response.statusCode,
      body: (text === '' ? undefined : JSON.parse(text)) as T,
      headers: response.headers,
    }
  }

  return {
    call,
    async sell(sku: string, units: number, priceCents = 500): Promise<void> {
      await call('PUT', '/api/admin/products', {
        body: { products: [{ sku, name: `Product ${sku}`, priceCents }] },
      })
      await call('PUT', '/api/admin/stock', { body: { stock: [{ sku, units }] } })
    },
    product: async (sku: string) => (await call<ProductView>('GET', `/api/products/${sku}`)).body,
    add: (user: string, items: CartLine[]) =>
      call<{ items: CartLine[] }>('POST', '/api/cart/items', { user, body: { items } }),
    cart: async (user: string) =>
      (await call<{ items: CartLine[] }>('GET', '/api/cart', { user })).body.items,
    checkout: (
      user: string,
      orderId: string,
      paymentMethod = 'pm_card_visa',
      headers: Record<string, string> = {},
    ) =>
      call<OrderView & ProblemBody>('POST', '/api/checkout', {
        user,
        body: { orderId, paymentMethod },
        headers,
      }),
    /** With all that the customer's device has. */
    checkoutOn: (user: string, orderId: string, cart: string) =>
      call<OrderView & ProblemBody>('POST', '/api/checkout', {
        user,
        body: { orderId, paymentMethod: 'pm_card_visa', cart },
      }),
    sync: (user: string, body: CartSyncBody) =>
      call<CartSyncView & ProblemBody>('PUT', '/api/cart/sync', { user, body }),
    order: async (user: string, id: string) =>
      (await call<OrderView>('GET', `/api/orders/${id}`, { user })).body,
    refund: (user: string, orderId: string, refundId: string, lines: CartLine[]) =>
      call<RefundView & ProblemBody>('POST', `/api/orders/${orderId}/refunds`, {
        user,
        body: { refundId, lines },
      }),
  }
}

/** A cart edited on a device that is offline, as the bytes it hands in later. */
export function offlineCart(device: string, items: readonly CartLine[]): string {
  const cart = createCart({ replica: device })
  for (const { sku, quantity } of items) cart.add(sku, quantity)
  return Buffer.from(cart.encode()).toString('base64')
}

/** Waits until a look finds it so. */
export async function until<T>(
  look: () => Promise<T>,
  isSo: (found: T) => boolean,
  withinMs = 45_000, // against hangs only; less than a test has, so that it is told what was seen last
): Promise<T> {
  const deadlineMs = performance.now() + withinMs
  for (;;) {
    const found = await look()
    if (isSo(found)) return found
    if (performance.now() > deadlineMs)
      throw new Error(`Not within ${withinMs} ms; last: ${JSON.stringify(found)}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
