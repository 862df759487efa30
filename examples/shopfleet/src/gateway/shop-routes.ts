/** What customers call: products, cart, profile, checkout, orders. */
import type { Express } from 'express'
import { z } from 'zod'
import {
  cartItemsBody,
  cartQuantityBody,
  cartSyncBody,
  cartSyncView,
  cartView,
  checkoutBody,
  orderId,
  orderList,
  orderView,
  product,
  profileBody,
  profileView,
  refundBody,
  refundView,
  sku,
  type Product,
  type ProductView,
} from '../api.ts'
import { listQuery, productPage } from '../services/catalog/contract.ts'
import { displayAnswer } from '../services/inventory/contract.ts'
import { route } from '../shared/http-server.ts'
import { checkoutAnswer } from './answers.ts'
import type { Fleet } from './fleet.ts'
import { userOf } from './user.ts'

/** Longer than the orders service makes a customer wait. */
const CHECKOUT_DEADLINE_MS = 30_000
const UNKNOWN_STOCK = { available: null, version: null, responses: 0, stale: 0 }

const bySku = { params: z.object({ sku }) }
const byOrder = { params: z.object({ id: orderId }) }

export function shopRoutes(app: Express, fleet: Fleet): void {
  productRoutes(app, fleet)
  cartRoutes(app, fleet)
  profileRoutes(app, fleet)
  orderRoutes(app, fleet)
}

function productRoutes(app: Express, { catalog, inventory }: Fleet): void {
  /** Adds the stock badge. A shop whose stock cannot be read shows its products all the same. */
  async function withStock(user: string, products: Product[]): Promise<ProductView[]> {
    if (products.length === 0) return []
    const body = { skus: products.map((entry) => entry.sku) }
    const badges = await inventory
      .for(user)
      .call('POST', '/display', { body, answer: displayAnswer, deadlineMs: 2_000 })
      .then(({ stock }) => new Map(stock.map(({ sku: of, ...badge }) => [of, badge])))
      .catch(() => new Map<string, typeof UNKNOWN_STOCK>())
    return products.map((entry) => ({ ...entry, stock: badges.get(entry.sku) ?? UNKNOWN_STOCK }))
  }

  app.get(
    '/api/products',
    route({ query: listQuery }, async ({ query, request }) => {
      const search = new URLSearchParams({ limit: String(query.limit) })
      if (query.after !== undefined) search.set('after', query.after)
      if (query.search !== undefined) search.set('search', query.search)
      const user = request.ip ?? ''
      const { products, next } = await catalog
        .for(user)
        .call('GET', `/products?${search.toString()}`, { answer: productPage })
      return { body: { products: await withStock(user, products), next } }
    }),
  )

  app.get(
    '/api/products/:sku',
    route(bySku, async ({ params, request }) => {
      const user = request.ip ?? ''
      const path = `/products/${encodeURIComponent(params.sku)}`
      const found = await catalog.for(user).call('GET', path, { answer: product })
      return { body: (await withStock(user, [found]))[0] }
    }),
  )
}

function cartRoutes(app: Express, { cart, sessions }: Fleet): void {
  const of = (user: string): string => `/carts/${encodeURIComponent(user)}`

  app.get(
    '/api/cart',
    route({}, async ({ request, response }) => {
      const user = userOf(request)
      const session = sessions.carry('cart', request, response)
      return { body: await cart.for(user).call('GET', of(user), { answer: cartView, ...session }) }
    }),
  )
  app.delete(
    '/api/cart',
    route({}, async ({ request, response }) => {
      const user = userOf(request)
      await cart.for(user).call('DELETE', of(user), sessions.carry('cart', request, response))
      return {}
    }),
  )
  app.post(
    '/api/cart/items',
    route({ body: cartItemsBody }, async ({ request, response, body }) => {
      const user = userOf(request)
      const options = { body, answer: cartView, ...sessions.carry('cart', request, response) }
      return { body: await cart.for(user).call('POST', `${of(user)}/items`, options) }
    }),
  )
  app.put(
    '/api/cart/items/:sku',
    route({ ...bySku, body: cartQuantityBody }, async ({ request, response, params, body }) => {
      const user = userOf(request)
      const path = `${of(user)}/items/${encodeURIComponent(params.sku)}`
      const options = { body, answer: cartView, ...sessions.carry('cart', request, response) }
      return { body: await cart.for(user).call('PUT', path, options) }
    }),
  )
  app.put(
    '/api/cart/sync',
    route({ body: cartSyncBody }, async ({ request, response, body }) => {
      const user = userOf(request)
      const options = { body, answer: cartSyncView, ...sessions.carry('cart', request, response) }
      return { body: await cart.for(user).call('PUT', `${of(user)}/sync`, options) }
    }),
  )
}

function profileRoutes(app: Express, { profiles, sessions }: Fleet): void {
  const of = (user: string): string => `/profiles/${encodeURIComponent(user)}`

  app.get(
    '/api/profile',
    route({}, async ({ request, response }) => {
      const user = userOf(request)
      const session = sessions.carry('profiles', request, response)
      return { body: await profiles.for(user).call('GET', of(user), { answer: profileView, ...session }) }
    }),
  )
  app.put(
    '/api/profile',
    route({ body: profileBody }, async ({ request, response, body }) => {
      const user = userOf(request)
      const session = sessions.carry('profiles', request, response)
      return {
        body: await profiles.for(user).call('PUT', of(user), { body, answer: profileView, ...session }),
      }
    }),
  )
}

function orderRoutes(app: Express, { orders, sessions }: Fleet): void {
  app.post(
    '/api/checkout',
    route({ body: checkoutBody }, async ({ request, response, body }) => {
      const user = userOf(request)
      const order = await orders.for(user).call('POST', '/orders', {
        body: { ...body, userId: user },
        answer: orderView,
        deadlineMs: CHECKOUT_DEADLINE_MS,
        ...sessions.carry('orders', request, response),
      })
      return checkoutAnswer(order)
    }),
  )
  app.get(
    '/api/orders',
    route({}, async ({ request, response }) => {
      const user = userOf(request)
      const session = sessions.carry('orders', request, response)
      const path = `/orders?userId=${encodeURIComponent(user)}`
      return { body: await orders.for(user).call('GET', path, { answer: orderList, ...session }) }
    }),
  )
  app.get(
    '/api/orders/:id',
    route(byOrder, async ({ request, response, params }) => {
      const user = userOf(request)
      const session = sessions.carry('orders', request, response)
      const path = `/orders/${encodeURIComponent(params.id)}?userId=${encodeURIComponent(user)}`
      return { body: await orders.for(user).call('GET', path, { answer: orderView, ...session }) }
    }),
  )
  app.post(
    '/api/orders/:id/refunds',
    route({ ...byOrder, body: refundBody }, async ({ request, response, params, body }) => {
      const user = userOf(request)
      let status = 201
      const refund = await orders.for(user).call('POST', `/orders/${encodeURIComponent(params.id)}/refunds`, {
        body: { ...body, userId: user },
        answer: refundView,
        deadlineMs: CHECKOUT_DEADLINE_MS,
        // The money is back, or on its way.
        onStatus: (answered) => (status = answered),
        ...sessions.carry('orders', request, response),
      })
      return { status, body: refund }
    }),
  )
}
