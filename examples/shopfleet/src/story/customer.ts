import { request } from 'undici'
import { z } from 'zod'
import {
  cartSyncView,
  cartView,
  orderList,
  orderView,
  problem,
  productList,
  productView,
  USER_HEADER,
  type CartLine,
  type OrderView,
  type Problem,
  type ProductView,
} from '../api.ts'
import { CartDevice } from '../device/cart-device.ts'
import type { MergedChange } from '../device/changes.ts'
import { syncDevice } from '../device/sync-device.ts'

/** What a checkout came to: an order that stands, or the reason it does not. */
export type Checkout =
  | { readonly status: 201; readonly order: OrderView }
  | { readonly status: number; readonly problem: Problem }

/** Somebody who shops, through the public API only. */
export interface Customer {
  readonly name: string
  products(): Promise<ProductView[]>
  product(sku: string): Promise<ProductView>
  /** What the shop has of the cart. */
  cart(): Promise<CartLine[]>
  checkout(orderId: string, paymentMethod: string): Promise<Checkout>
  order(id: string): Promise<OrderView>
  orders(): Promise<OrderView[]>
  /** A device of theirs, with its own copy of the cart. It starts offline. */
  device(name: string): Device
}

/** Edits work whether it is online or not; `sync` is being online for a moment. */
export interface Device extends Pick<CartDevice, 'add' | 'setQuantity' | 'items' | 'waiting'> {
  /** Hands in what the shop lacks, takes in what it lacks itself. @returns what others did. */
  sync(): Promise<MergedChange[]>
}

export function customer(gatewayUrl: string, name: string): Customer {
  const call = async (
    method: 'GET' | 'PUT' | 'POST',
    path: string,
    body?: unknown,
  ): Promise<{ status: number; json: unknown }> => {
    const response = await request(`${gatewayUrl}${path}`, {
      method,
      headers: { [USER_HEADER]: name, 'content-type': 'application/json' },
      body: body === undefined ? null : JSON.stringify(body),
    })
    return { status: response.statusCode, json: await response.body.json() }
  }
  const get = async <S extends z.ZodType>(path: string, schema: S): Promise<z.infer<S>> => {
    const { status, json } = await call('GET', path)
    if (status !== 200) throw new Error(`GET ${path} answered ${status}: ${JSON.stringify(json)}`)
    return schema.parse(json)
  }

  return {
    name,
    products: async () => (await get('/api/products?limit=100', productList)).products,
    product: (sku) => get(`/api/products/${encodeURIComponent(sku)}`, productView),
    cart: async () => (await get('/api/cart', cartView)).items,
    order: (id) => get(`/api/orders/${encodeURIComponent(id)}`, orderView),
    orders: async () => (await get('/api/orders', orderList)).orders,
    async checkout(orderId, paymentMethod) {
      const { status, json } = await call('POST', '/api/checkout', { orderId, paymentMethod })
      return status === 201
        ? { status, order: orderView.parse(json) }
        : { status, problem: problem.parse(json) }
    },
    device(label) {
      const device = CartDevice.create(label)
      return {
        add: (sku, quantity) => device.add(sku, quantity),
        setQuantity: (sku, quantity) => device.setQuantity(sku, quantity),
        items: () => device.items(),
        waiting: () => device.waiting(),
        sync: () =>
          syncDevice(device, async (body) => {
            const { status, json } = await call('PUT', '/api/cart/sync', body)
            if (status !== 200)
              throw new Error(`PUT /api/cart/sync answered ${status}: ${JSON.stringify(json)}`)
            return cartSyncView.parse(json)
          }),
      }
    },
  }
}

/** Puts products and their first stock into the shop. */
export async function stockShelves(
  gatewayUrl: string,
  products: readonly { sku: string; name: string; priceCents: number; units: number }[],
): Promise<void> {
  const put = async (path: string, body: unknown): Promise<void> => {
    const response = await request(`${gatewayUrl}${path}`, {
      method: 'PUT',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    const text = await response.body.text()
    if (response.statusCode >= 300) throw new Error(`PUT ${path} answered ${response.statusCode}: ${text}`)
  }
  await put('/api/admin/products', {
    products: products.map(({ sku, name, priceCents }) => ({ sku, name, priceCents })),
  })
  await put('/api/admin/stock', { stock: products.map(({ sku, units }) => ({ sku, units })) })
}
