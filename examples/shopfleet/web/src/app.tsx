import { useCallback, useEffect, useMemo, useState } from 'react'
import { v7 as newOrderId } from 'uuid'
import type { CartLine, OrderView } from '../../src/api.ts'
import { Cart } from './cart.tsx'
import { Catalogue } from './catalogue.tsx'
import { Orders } from './orders.tsx'
import { Profile } from './profile.tsx'
import { Shop } from './shop.ts'

const USERS = ['alice', 'bob', 'carol']
/** Orders move on by themselves; the page looks again this often while one is under way. */
const REFRESH_MS = 700

export function App() {
  const [user, setUser] = useState(() => localStorage.getItem('user') ?? 'alice')
  const shop = useMemo(() => new Shop(user), [user])
  const [cart, setCart] = useState<readonly CartLine[]>([])
  const [orders, setOrders] = useState<readonly OrderView[]>([])
  const [failure, setFailure] = useState<string>()

  /** Runs what a button asks for, and shows what went wrong instead of losing it. */
  const attempt = useCallback(async (work: () => Promise<void>) => {
    try {
      setFailure(undefined)
      await work()
    } catch (error) {
      setFailure(error instanceof Error ? error.message : String(error))
    }
  }, [])

  const [stockEpoch, setStockEpoch] = useState(0)
  const refreshOrders = useCallback(async () => setOrders((await shop.orders()).orders), [shop])

  useEffect(() => {
    localStorage.setItem('user', user)
    void attempt(async () => {
      setCart((await shop.cart()).items)
      await refreshOrders()
    })
  }, [user, shop, attempt, refreshOrders])

  const underWay = orders.some(({ status }) => !['DELIVERED', 'CANCELLED', 'REFUNDED'].includes(status))
  useEffect(() => {
    if (!underWay) return undefined
    const timer = setInterval(() => void attempt(refreshOrders), REFRESH_MS)
    return () => clearInterval(timer)
  }, [underWay, attempt, refreshOrders])

  return (
    <>
      <header>
        <h1>ShopFleet</h1>
        <label>
          Shopping as{' '}
          <select value={user} onChange={(event) => setUser(event.target.value)}>
            {USERS.map((name) => (
              <option key={name}>{name}</option>
            ))}
          </select>
        </label>
      </header>
      {failure !== undefined && (
        <p role="alert" className="failure">
          {failure}
        </p>
      )}
      <main>
        <Catalogue
          shop={shop}
          stockEpoch={stockEpoch}
          onAdd={(sku) => attempt(async () => setCart((await shop.add(sku, 1)).items))}
        />
        <aside>
          <Cart
            items={cart}
            onQuantity={(sku, quantity) =>
              attempt(async () => setCart((await shop.setQuantity(sku, quantity)).items))
            }
            onCheckout={(paymentMethod) =>
              attempt(async () => {
                await shop.checkout(newOrderId(), paymentMethod)
                setCart((await shop.cart()).items)
                await refreshOrders()
                setStockEpoch((epoch) => epoch + 1)
              })
            }
          />
          <Orders
            orders={orders}
            onRefund={(order) =>
              attempt(async () => {
                await shop.refund(order)
                await refreshOrders()
                setStockEpoch((epoch) => epoch + 1)
              })
            }
          />
          <Profile key={user} shop={shop} attempt={attempt} />
        </aside>
      </main>
    </>
  )
}
