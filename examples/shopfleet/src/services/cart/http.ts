import type { Cart } from '@quorate/crdt/cart'
import type { Express } from 'express'
import { z } from 'zod'
import { cartItemsBody, cartQuantityBody, cartSyncBody, sku, userId, type CartView } from '../../api.ts'
import { route } from '../../shared/http-server.ts'
import { takeBody } from './contract.ts'
import { addItems, itemsOf, overLimit, setQuantity } from './rules.ts'
import type { CartStore } from './store.ts'
import { answerOf, mergeHanded, readHanded } from './sync.ts'

const byUser = { params: z.object({ userId }) }

export function cartRoutes(app: Express, store: CartStore): void {
  app.get(
    '/carts/:userId',
    route(byUser, async ({ params }) => ({ body: viewOf(await store.read(params.userId)) })),
  )

  app.delete(
    '/carts/:userId',
    route(byUser, async ({ params }) => {
      await store.edit(params.userId, (cart) => cart.clear())
      return {}
    }),
  )

  app.post(
    '/carts/:userId/items',
    route({ ...byUser, body: cartItemsBody }, async ({ params, body }) => {
      const cart = await store.edit(params.userId, (newest) => addItems(newest, body.items))
      return { body: viewOf(cart) }
    }),
  )

  app.put(
    '/carts/:userId/items/:sku',
    route({ params: z.object({ userId, sku }), body: cartQuantityBody }, async ({ params, body }) => {
      const cart = await store.edit(params.userId, (newest) => setQuantity(newest, params.sku, body.quantity))
      return { body: viewOf(cart) }
    }),
  )

  app.put(
    '/carts/:userId/sync',
    route({ ...byUser, body: cartSyncBody }, async ({ params, body }) => {
      const handed = readHanded(body)
      const cart = await store.edit(params.userId, (newest) => mergeHanded(newest, handed))
      return { body: answerOf(cart, handed) }
    }),
  )

  app.post(
    '/carts/:userId/take',
    route({ ...byUser, body: takeBody }, async ({ params, body }) => {
      const told = body.state === undefined ? body.removals : [body.state, ...body.removals]
      const handed = told.map((state) => readHanded({ state }))
      return { body: await store.take(params.userId, body.orderId, handed) }
    }),
  )
}

function viewOf(cart: Cart): CartView {
  const items = itemsOf(cart)
  return { items, overLimit: overLimit(items) }
}
