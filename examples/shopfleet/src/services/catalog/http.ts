import { z } from 'zod'
import type { Express } from 'express'
import { productsBody, sku } from '../../api.ts'
import { route } from '../../shared/http-server.ts'
import { Problem } from '../../shared/problem.ts'
import { listQuery, pricesBody } from './contract.ts'
import type { CatalogStore } from './store.ts'

export function catalogRoutes(app: Express, store: CatalogStore): void {
  app.put(
    '/products',
    route({ body: productsBody }, async ({ body }) => ({
      body: { upserted: await store.upsert(body.products) },
    })),
  )

  app.get(
    '/products',
    route({ query: listQuery }, async ({ query }) => {
      const products = await store.list({ ...query, limit: query.limit + 1 }) // one more tells whether there is a next page
      const page = products.slice(0, query.limit)
      return {
        body: { products: page, next: products.length > page.length ? (page.at(-1)?.sku ?? null) : null },
      }
    }),
  )

  app.get(
    '/products/:sku',
    route({ params: z.object({ sku }) }, async ({ params }) => {
      const [product] = await store.get([params.sku])
      if (product === undefined)
        throw new Problem(404, 'unknown-product', `No product ${params.sku} is sold here`)
      return { body: product }
    }),
  )

  app.post(
    '/prices',
    route({ body: pricesBody }, async ({ body }) => ({ body: { prices: await store.get(body.skus) } })),
  )
}
