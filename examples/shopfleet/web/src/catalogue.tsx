import { useDeferredValue, useEffect, useState } from 'react'
import type { ProductView } from '../../src/api.ts'
import { DeviceIcon } from './device-icon.tsx'
import { DEVICES, type DeviceName } from './device-names.ts'
import { money, type Shop } from './shop.ts'

interface CatalogueProps {
  readonly shop: Shop
  /** Changes when stock may have: the page is then read again. */
  readonly stockEpoch: number
  readonly onAdd: (device: DeviceName, sku: string) => void
  /** Hears of each product that is shown. */
  readonly onSeen: (products: readonly ProductView[]) => void
}

export function Catalogue({ shop, stockEpoch, onAdd, onSeen }: CatalogueProps) {
  const [query, setQuery] = useState('')
  const wanted = useDeferredValue(query.trim())
  const [products, setProducts] = useState<readonly ProductView[]>()
  const [next, setNext] = useState<string | null>(null)
  const [failure, setFailure] = useState<string>()

  useEffect(() => {
    let isCurrent = true
    const load = async (): Promise<void> => {
      try {
        const page = await shop.products(wanted, null)
        if (!isCurrent) return
        setFailure(undefined)
        setProducts(page.products)
        setNext(page.next)
        onSeen(page.products)
      } catch (error) {
        if (isCurrent) setFailure((error as Error).message)
      }
    }
    void load()
    return () => {
      isCurrent = false
    }
  }, [shop, wanted, stockEpoch, onSeen])

  const more = async (): Promise<void> => {
    try {
      const page = await shop.products(wanted, next)
      setProducts([...(products ?? []), ...page.products])
      setNext(page.next)
      onSeen(page.products)
    } catch (error) {
      setFailure((error as Error).message)
    }
  }

  return (
    <section aria-label="Catalogue">
      <input
        type="search"
        placeholder="Search products"
        aria-label="Search products"
        value={query}
        onChange={(event) => setQuery(event.target.value)}
      />
      {failure !== undefined && (
        <p role="alert" className="failure">
          {failure}
        </p>
      )}
      {products?.length === 0 && <p className="quiet">Nothing found.</p>}
      <ul className="products">
        {products?.map((product) => (
          <li key={product.sku}>
            <h3>{product.name}</h3>
            <p className="quiet">{product.sku}</p>
            <p>
              <strong>{money(product.priceCents)}</strong> <Stock stock={product.stock} />
            </p>
            <p className="adds">
              {DEVICES.map((device) => (
                <button
                  key={device}
                  type="button"
                  aria-label={`Add ${product.name} on the ${device}`}
                  title={`Add on the ${device}`}
                  disabled={product.stock.available === 0}
                  onClick={() => onAdd(device, product.sku)}
                >
                  + <DeviceIcon device={device} />
                </button>
              ))}
            </p>
          </li>
        ))}
      </ul>
      {next !== null && (
        <button type="button" onClick={() => void more()}>
          More
        </button>
      )}
    </section>
  )
}

/** The number is a quorum read; the title says how it was come by. */
function Stock({ stock }: { stock: ProductView['stock'] }) {
  if (stock.available === null) return <span className="badge unknown">stock unknown</span>
  const kind = stock.available === 0 ? 'none' : stock.available < 10 ? 'few' : 'many'
  const origin = `version ${stock.version}, ${stock.responses} of 3 servers answered, ${stock.stale} of them behind`
  return (
    <span className={`badge ${kind}`} title={origin}>
      {stock.available === 0 ? 'out of stock' : `${stock.available} in stock`}
      {stock.stale > 0 && ' · catching up'}
    </span>
  )
}
