import { useState } from 'react'
import type { CartLine } from '../../src/api.ts'

const CARDS = [
  ['pm_card_visa', 'a card that works'],
  ['pm_card_chargeDeclined', 'a card that is declined'],
] as const

interface CartProps {
  readonly items: readonly CartLine[]
  readonly onQuantity: (sku: string, quantity: number) => Promise<void>
  readonly onCheckout: (paymentMethod: string) => Promise<void>
}

export function Cart({ items, onQuantity, onCheckout }: CartProps) {
  const [card, setCard] = useState<string>(CARDS[0][0])
  const [busy, setBusy] = useState(false)
  const pay = async (): Promise<void> => {
    setBusy(true)
    await onCheckout(card)
    setBusy(false)
  }
  return (
    <section aria-label="Cart">
      <h2>Cart</h2>
      {items.length === 0 && (
        <p className="quiet">Empty. The same user on another device sees the same cart.</p>
      )}
      <ul>
        {items.map(({ sku, quantity }) => (
          <li key={sku} className="row">
            <span>{sku}</span>
            <span>
              <button
                type="button"
                aria-label={`One ${sku} less`}
                onClick={() => void onQuantity(sku, quantity - 1)}
              >
                −
              </button>{' '}
              {quantity}{' '}
              <button
                type="button"
                aria-label={`One ${sku} more`}
                onClick={() => void onQuantity(sku, quantity + 1)}
              >
                +
              </button>
            </span>
          </li>
        ))}
      </ul>
      {items.length > 0 && (
        <p className="row">
          <select aria-label="Card" value={card} onChange={(event) => setCard(event.target.value)}>
            {CARDS.map(([method, name]) => (
              <option key={method} value={method}>
                {name}
              </option>
            ))}
          </select>
          <button type="button" className="primary" disabled={busy} onClick={() => void pay()}>
            {busy ? 'Paying …' : 'Pay'}
          </button>
        </p>
      )}
    </section>
  )
}
