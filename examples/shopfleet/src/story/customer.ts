import { createCart, decodeCart, type Cart } from '@quorate/crdt/cart'
import { request } from 'undici'
import { z } from 'zod'
import {
  cartSyncView,
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

/** What a checkout came to: an order that stands, or the reason it does not. */
export type Checkout =
  | { readonly status: 201; readonly order: OrderView }
  | { readonly status: number; readonly problem: Problem }

/** Somebody who shops, through the public API only. */
export interface Customer {
  readonly name: string
  products(): Promise<ProductView[]>
  product(sku: string): Promise<ProductView>
  checkout(orderId: string, paymentMethod: string): Promise<Checkout>
  order(id: string): Promise<OrderView>
  orders(): Promise<OrderView[]>
  /** A device of theirs, with its own copy of the cart. It starts offline. */
  device(name: string): Device
}

export interface Device {
  add(sku: string, quantity: number): void
  items(): CartLine[]
  /** Goes online: hands its copy in, and takes the merged one back. */
  sync(): Promise<void>
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
    order: (id) => get(`/api/orders/${encodeURIComponent(id)}`, orderView),
    orders: async () => (await get('/api/orders', orderList)).orders,
    async checkout(orderId, paymentMethod) {
      const { status, json } = await call('POST', '/api/checkout', { orderId, paymentMethod })
      return status === 201
        ? { status, order: orderView.parse(json) }
        : { status, problem: problem.parse(json) }
    },
    device(deviceName) {
      let cart: Cart = createCart({ replica: `${name}-${deviceName}-${crypto.randomUUID()}` })
      return {
        add: (sku, quantity) => void cart.add(sku, quantity),
        items: () => cart.items().map(({ sku, quantity }) => ({ sku, quantity })),
        async sync() {
          const { status, json } = await call('PUT', '/api/cart/sync', {
            state: Buffer.from(cart.encode()).toString('base64'),
          })
          if (status !== 200)
            throw new Error(`PUT /api/cart/sync answered ${status}: ${JSON.stringify(json)}`)
          cart.merge(decodeCart(Buffer.from(cartSyncView.parse(json).state, 'base64'), { replica: 'server' }))
        },
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
