/** What the catalog service takes and answers: shared with the services that call it. */
import { z } from 'zod'
import { product, sku } from '../../api.ts'

export const listQuery = z.object({
  after: sku.optional(),
  limit: z.coerce.number().int().min(1).max(100).default(24),
  search: z.string().trim().max(100).optional(),
})
export const productPage = z.object({ products: z.array(product), next: sku.nullable() })
export const upsertAnswer = z.object({ upserted: z.int() })

/** POST /prices: what each sku costs right now, for a checkout. A sku that is not sold is missing from the answer. */
export const pricesBody = z.object({ skus: z.array(sku).min(1).max(1_000) })
export const pricesAnswer = z.object({ prices: z.array(product) })
