import type { OrderView } from '../../src/api.ts'
import { money } from './shop.ts'

const REASONS: Record<NonNullable<OrderView['cancelReason']>, string> = {
  'out-of-stock': 'out of stock, nothing was charged',
  declined: 'card declined, the stock went back',
  'unknown-product': 'a product is no longer sold',
  unavailable: 'temporarily unavailable, nothing was charged',
}

export function Orders({
  orders,
  onRefund,
}: {
  orders: readonly OrderView[]
  onRefund: (order: OrderView) => Promise<void>
}) {
  return (
    <section aria-label="Orders">
      <h2>Orders</h2>
      {orders.length === 0 && <p className="quiet">None yet.</p>}
      <ul>
        {orders.map((order) => (
          <li key={order.id}>
            <p className="row">
              <span className="quiet">{order.id.slice(-8)}</span>
              <span>{money(order.totalCents)}</span>
              <span className={`badge ${order.status === 'CANCELLED' ? 'none' : 'many'}`}>
                {order.status}
              </span>
            </p>
            {order.apology !== null && (
              <p className="quiet">
                sold more often than we had it: we are sorry, your money is on its way back
              </p>
            )}
            {order.cancelReason !== null && <p className="quiet">{REASONS[order.cancelReason]}</p>}
            {order.short?.map(({ sku, wanted, available }) => (
              <p key={sku} className="quiet">
                {sku}: {wanted} wanted, {available} there
              </p>
            ))}
            {order.tracking !== null && <p className="quiet">parcel {order.tracking}</p>}
            {order.refundedCents > 0 && <p className="quiet">{money(order.refundedCents)} given back</p>}
            {order.status === 'DELIVERED' && (
              <button type="button" onClick={() => void onRefund(order)}>
                Send back
              </button>
            )}
          </li>
        ))}
      </ul>
    </section>
  )
}
