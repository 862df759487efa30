import { DecodeError } from '@quorate/vector-clock'
import type { Express } from 'express'
import { z } from 'zod'
import { cartItemsBody, cartQuantityBody, cartSyncBody, sku, userId } from '../../api.ts'
import { route } from '../../shared/http-server.ts'
import { Problem } from '../../shared/problem.ts'
import { takeBody } from './contract.ts'
import { addItems, itemsOf, setQuantity } from './rules.ts'
import type { CartStore } from './store.ts'

const byUser = { params: z.object({ userId }) }

export function cartRoutes(app: Express, store: CartStore): void {
  app.get(
    '/carts/:userId',
    route(byUser, async ({ params }) => ({ body: { items: itemsOf(await store.read(params.userId)) } })),
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
      return { body: { items: itemsOf(cart) } }
    }),
  )

  app.put(
    '/carts/:userId/items/:sku',
    route({ params: z.object({ userId, sku }), body: cartQuantityBody }, async ({ params, body }) => {
      const cart = await store.edit(params.userId, (newest) => setQuantity(newest, params.sku, body.quantity))
      return { body: { items: itemsOf(cart) } }
    }),
  )

  app.put(
    '/carts/:userId/sync',
    route({ ...byUser, body: cartSyncBody }, async ({ params, body }) => {
      const cart = await store.edit(params.userId, (newest) => mergeBytes(newest, body.state))
      return { body: { items: itemsOf(cart), state: Buffer.from(cart.encode()).toString('base64') } }
    }),
  )

  app.post(
    '/carts/:userId/take',
    route({ ...byUser, body: takeBody }, async ({ params, body }) => ({
      body: { items: await store.take(params.userId, body.orderId) },
    })),
  )
}

function mergeBytes(cart: { merge(bytes: Uint8Array): boolean }, base64: string): void {
  try {
    cart.merge(Buffer.from(base64, 'base64'))
  } catch (error) {
    if (!(error instanceof DecodeError)) throw error
    throw new Problem(400, 'invalid-input', 'state: not the bytes of a cart', { cause: error })
  }
}
