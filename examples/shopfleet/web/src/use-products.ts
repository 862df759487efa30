import { useCallback, useEffect, useRef, useState } from 'react'
import type { ProductView } from '../../src/api.ts'
import { ShopError, type Shop } from './shop.ts'

export type ProductNames = ReadonlyMap<string, Pick<ProductView, 'name' | 'priceCents'>>

/**
 * Names and prices of what is in the carts: seen in the catalogue, or asked for once.
 *
 * @returns them, and where the catalogue tells what it has shown: a device that is offline cannot ask.
 */
export function useProducts(
  shop: Shop,
  skus: readonly string[],
): [ProductNames, (seen: readonly ProductView[]) => void] {
  const [products, setProducts] = useState<ProductNames>(new Map())
  const asked = useRef(new Set<string>())
  const wanted = skus.toSorted().join('\n')

  const learn = useCallback((seen: readonly ProductView[]) => {
    for (const { sku } of seen) asked.current.add(sku)
    setProducts((known) => new Map([...known, ...seen.map((product) => [product.sku, product] as const)]))
  }, [])

  useEffect(() => {
    for (const sku of wanted.split('\n')) {
      if (sku === '' || asked.current.has(sku)) continue
      asked.current.add(sku)
      shop
        .product(sku)
        .then((product) => learn([product]))
        .catch((error: unknown) => {
          // A product that is not sold is shown by its code; one that could not be asked for is asked again.
          if (!(error instanceof ShopError)) asked.current.delete(sku)
        })
    }
  }, [shop, wanted, learn])
  return [products, learn]
}
