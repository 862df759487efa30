import { useEffect, useRef, useState } from 'react'
import type { ProductView } from '../../src/api.ts'
import { ShopError, type Shop } from './shop.ts'

export type ProductNames = ReadonlyMap<string, Pick<ProductView, 'name' | 'priceCents'>>

/** Names and prices of what is in the carts: each asked for once. */
export function useProducts(shop: Shop, skus: readonly string[]): ProductNames {
  const [products, setProducts] = useState<ProductNames>(new Map())
  const asked = useRef(new Set<string>())
  const wanted = skus.toSorted().join('\n')

  useEffect(() => {
    for (const sku of wanted.split('\n')) {
      if (sku === '' || asked.current.has(sku)) continue
      asked.current.add(sku)
      shop
        .product(sku)
        .then((product) => setProducts((known) => new Map(known).set(sku, product)))
        .catch((error: unknown) => {
          // A product that is not sold is shown by its code; one that could not be asked for is asked again.
          if (!(error instanceof ShopError)) asked.current.delete(sku)
        })
    }
  }, [shop, wanted])
  return products
}
