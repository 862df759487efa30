import { useCallback, useEffect, useState } from 'react'
import { v7 as newOrderId } from 'uuid'
import type { OrderView } from '../../src/api.ts'
import { Catalogue } from './catalogue.tsx'
import { DevicePanel } from './device-panel.tsx'
import { DEVICES } from './device-names.ts'
import { MergeReport } from './merge-report.tsx'
import { Orders } from './orders.tsx'
import { Profile } from './profile.tsx'
import type { Shop } from './shop.ts'
import { useDevices } from './use-devices.ts'
import { useProducts } from './use-products.ts'

/** Orders move on by themselves; the page looks again this often while one is under way. */
const REFRESH_MS = 700

export function ShopPage({ shop, user }: { readonly shop: Shop; readonly user: string }) {
  const devices = useDevices(shop, user)
  const { phone, laptop } = devices.views
  const skus = [
    ...phone.items,
    ...laptop.items,
    ...phone.waiting,
    ...laptop.waiting,
    ...(devices.lww?.shop.items ?? []),
  ]
  const merged = devices.merges.flatMap(({ changes }) => changes)
  const [products, learnProducts] = useProducts(
    shop,
    [...skus, ...merged].map(({ sku }) => sku),
  )
  const [orders, setOrders] = useState<readonly OrderView[]>([])
  const [failure, setFailure] = useState<string>()
  const [stockEpoch, setStockEpoch] = useState(0)

  /** Runs what a button asks for, and shows what went wrong instead of losing it. */
  const attempt = useCallback(async (work: () => Promise<void>) => {
    try {
      setFailure(undefined)
      await work()
    } catch (error) {
      setFailure(error instanceof Error ? error.message : String(error))
    }
  }, [])

  const refreshOrders = useCallback(async () => setOrders((await shop.orders()).orders), [shop])
  useEffect(() => void attempt(refreshOrders), [attempt, refreshOrders])

  const underWay = orders.some(({ status }) => !['DELIVERED', 'CANCELLED', 'REFUNDED'].includes(status))
  useEffect(() => {
    if (!underWay) return undefined
    const timer = setInterval(() => void attempt(refreshOrders), REFRESH_MS)
    return () => clearInterval(timer)
  }, [underWay, attempt, refreshOrders])

  /** Also after an order that was refused: it may have taken stock, and given it back. */
  const ordered = async <T,>(work: () => Promise<T>): Promise<T> => {
    try {
      return await work()
    } finally {
      await refreshOrders()
      setStockEpoch((epoch) => epoch + 1)
    }
  }

  return (
    <>
      {failure !== undefined && (
        <p role="alert" className="failure">
          {failure}
        </p>
      )}
      <main>
        <section aria-label="One cart, two devices" className="devices">
          <h2>One cart, two devices</h2>
          <div className="pair">
            {DEVICES.map((device) => (
              <DevicePanel
                key={device}
                device={device}
                view={devices.views[device]}
                products={products}
                onOnline={(isOnline) => devices.setOnline(device, isOnline)}
                onQuantity={(sku, quantity) => devices.setQuantity(device, sku, quantity)}
                onCheckout={(paymentMethod) =>
                  attempt(() =>
                    devices.checkout(device, (cart) =>
                      ordered(() => shop.checkout(newOrderId(), paymentMethod, cart)),
                    ),
                  )
                }
              />
            ))}
          </div>
          <MergeReport devices={devices} products={products} />
        </section>
        <Catalogue shop={shop} stockEpoch={stockEpoch} onAdd={devices.add} onSeen={learnProducts} />
        <aside>
          <Orders
            orders={orders}
            onRefund={(order) => attempt(async () => void (await ordered(() => shop.refund(order))))}
          />
          <Profile shop={shop} attempt={attempt} />
        </aside>
      </main>
    </>
  )
}
