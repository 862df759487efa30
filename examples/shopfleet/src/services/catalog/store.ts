import type { Product } from '../../api.ts'
import type { Queryable } from '../../shared/postgres.ts'

export interface CatalogStore {
  upsert(products: readonly Product[]): Promise<number>
  /** In order of sku, those after `after`. */
  list(query: { after?: string | undefined; search?: string | undefined; limit: number }): Promise<Product[]>
  /** Those of the skus that are sold, in any order. */
  get(skus: readonly string[]): Promise<Product[]>
}

const COLUMNS = `sku, name, price_cents as "priceCents"`

export function catalogStore(pool: Queryable): CatalogStore {
  return {
    async upsert(products) {
      // One statement may touch a row only once: of a sku that comes twice, the last counts.
      const last = [...new Map(products.map((product) => [product.sku, product])).values()]
      await pool.query(
        `insert into products (sku, name, price_cents)
         select * from unnest($1::text[], $2::text[], $3::int[])
         on conflict (sku) do update
           set name = excluded.name, price_cents = excluded.price_cents,
               version = products.version + 1, updated_at = now()
           where (products.name, products.price_cents) is distinct from (excluded.name, excluded.price_cents)`,
        [last.map(({ sku }) => sku), last.map(({ name }) => name), last.map(({ priceCents }) => priceCents)],
      )
      return last.length
    },

    async list({ after = '', search, limit }) {
      const { rows } = await pool.query<Product>(
        `select ${COLUMNS} from products
         where sku > $1 and ($2::text is null or sku ilike $2 or name ilike $2)
         order by sku limit $3`,
        [after, search === undefined || search === '' ? null : `%${escapeLike(search)}%`, limit],
      )
      return rows
    },

    async get(skus) {
      const { rows } = await pool.query<Product>({
        name: 'catalog-get',
        text: `select ${COLUMNS} from products where sku = any($1::text[])`,
        values: [skus],
      })
      return rows
    },
  }
}

/** A customer who types `100%` looks for a percent sign. */
export function escapeLike(text: string): string {
  return text.replaceAll(/[\\%_]/g, (sign) => `\\${sign}`)
}
