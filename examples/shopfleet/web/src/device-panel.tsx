import { useId, useState } from 'react'
import type { DeviceView } from '../../src/device/device-session.ts'
import { DeviceIcon } from './device-icon.tsx'
import type { DeviceName } from './device-names.ts'
import { money } from './shop.ts'
import type { ProductNames } from './use-products.ts'

const CARDS = [
  ['pm_card_visa', 'a card that works'],
  ['pm_card_chargeDeclined', 'a card that is declined'],
] as const

export interface DevicePanelProps {
  readonly device: DeviceName
  readonly view: DeviceView
  readonly products: ProductNames
  readonly onOnline: (isOnline: boolean) => void
  readonly onQuantity: (sku: string, quantity: number) => void
  readonly onCheckout: (paymentMethod: string) => Promise<void>
}

/** One device: its switch, its copy of the cart, and what it has not yet told the shop. */
export function DevicePanel({ device, view, products, onOnline, onQuantity, onCheckout }: DevicePanelProps) {
  const title = useId()
  const name = (sku: string): string => products.get(sku)?.name ?? sku
  return (
    <section aria-labelledby={title} className={`device ${device}${view.isOnline ? '' : ' offline'}`}>
      <header className="row">
        <h3 id={title}>
          <DeviceIcon device={device} /> {device === 'phone' ? 'Phone' : 'Laptop'}
        </h3>
        <button
          type="button"
          role="switch"
          className="switch"
          aria-checked={view.isOnline}
          aria-label={`${device} online`}
          onClick={() => onOnline(!view.isOnline)}
        >
          <span aria-hidden="true">{view.isOnline ? 'online' : 'offline'}</span>
        </button>
      </header>
      <p className="quiet status" role="status">
        {statusOf(view)}
      </p>
      {view.failure !== null && (
        <p role="alert" className="failure">
          {view.failure}
        </p>
      )}
      {view.overLimit !== null && <p className="failure">{view.overLimit}</p>}
      {view.items.length === 0 && <p className="quiet empty">The cart is empty.</p>}
      <ul className="lines" aria-label={`Cart on the ${device}`}>
        {view.items.map(({ sku, quantity }) => {
          const waits = view.waiting.find((change) => change.sku === sku)?.change
          return (
            <li key={sku} className="row">
              <span className="name">
                {name(sku)} {waits !== undefined && <Waiting change={waits} />}
              </span>
              <span className="stepper">
                <button
                  type="button"
                  aria-label={`One ${name(sku)} less on the ${device}`}
                  onClick={() => onQuantity(sku, quantity - 1)}
                >
                  −
                </button>
                <span className="quantity">{quantity}</span>
                <button
                  type="button"
                  aria-label={`One ${name(sku)} more on the ${device}`}
                  onClick={() => onQuantity(sku, quantity + 1)}
                >
                  +
                </button>
              </span>
            </li>
          )
        })}
        {view.waiting
          .filter(({ sku }) => view.items.every((item) => item.sku !== sku))
          .map(({ sku, change }) => (
            <li key={sku} className="row quiet">
              <s>{name(sku)}</s> <Waiting change={change} />
            </li>
          ))}
      </ul>
      {view.items.length > 0 && (
        <Checkout device={device} view={view} total={totalOf(view, products)} onCheckout={onCheckout} />
      )}
    </section>
  )
}

/** Not yet with the shop. */
function Waiting({ change }: { change: number }) {
  return (
    <span className="badge few" title="The shop has not heard of this yet">
      {change > 0 ? `+${change}` : `−${-change}`} waits
    </span>
  )
}

function Checkout({
  device,
  view,
  total,
  onCheckout,
}: Pick<DevicePanelProps, 'device' | 'view' | 'onCheckout'> & { total: string }) {
  const [card, setCard] = useState<string>(CARDS[0][0])
  const [isBusy, setIsBusy] = useState(false)
  const hint = useId()
  const pay = async (): Promise<void> => {
    setIsBusy(true)
    try {
      await onCheckout(card)
    } finally {
      setIsBusy(false)
    }
  }
  return (
    <footer>
      <p className="row">
        <span className="quiet">Total</span> <strong>{total}</strong>
      </p>
      <p className="row">
        <select
          aria-label={`Card on the ${device}`}
          value={card}
          onChange={(event) => setCard(event.target.value)}
        >
          {CARDS.map(([method, name]) => (
            <option key={method} value={method}>
              {name}
            </option>
          ))}
        </select>
        <button
          type="button"
          className="primary"
          aria-label={`Pay on the ${device}`}
          aria-describedby={hint}
          disabled={isBusy || !view.isOnline || view.overLimit !== null}
          onClick={() => void pay()}
        >
          {isBusy ? 'Paying …' : 'Pay'}
        </button>
      </p>
      <p id={hint} className="quiet">
        {view.isOnline ? '' : 'Paying needs the shop: go online first.'}
      </p>
    </footer>
  )
}

function statusOf({ isOnline, isSynced, isSyncing, waiting, failure }: DeviceView): string {
  const changes = waiting.length === 1 ? '1 product changed' : `${waiting.length} products changed`
  if (!isOnline) return isSynced ? 'Offline, nothing to hand in' : `Offline, ${changes}, kept on this device`
  if (failure !== null) return isSynced ? 'Not in touch with the shop' : `${changes}, kept on this device`
  if (isSynced) return 'In sync with the shop'
  return isSyncing ? 'Syncing …' : `${changes}, to be handed in`
}

function totalOf({ items }: DeviceView, products: ProductNames): string {
  const prices = items.map(({ sku, quantity }) => {
    const price = products.get(sku)?.priceCents
    return price === undefined ? Number.NaN : price * quantity
  })
  const sum = prices.reduce((total, price) => total + price, 0)
  return Number.isNaN(sum) ? '…' : money(sum)
}
