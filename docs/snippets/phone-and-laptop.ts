// #region code
import { createCart, createLwwRegister } from '@quorate/crdt'

interface Line {
  sku: string
  quantity: number
}
const show = (lines: readonly Line[] = []): string =>
  lines.map(({ sku, quantity }) => `${quantity} ${sku}`).join(', ')

// One morning, kept in two ways: as one value of which the last write wins, and as a cart.
function device(replica: string, time: string) {
  const now = (): number => Date.parse(`2026-11-27T${time}Z`)
  return { value: createLwwRegister<Line[]>({ replica, now }), cart: createCart({ replica }) }
}
const phone = device('phone', '09:00:01.000')
const laptop = device('laptop', '09:00:01.300')

// Both are offline, and each adds something …
phone.value.set([{ sku: 'tv', quantity: 1 }])
phone.cart.add('tv', 1)
laptop.value.set([{ sku: 'hdmi-cable', quantity: 2 }])
laptop.cart.add('hdmi-cable', 2)

// … and meet.
phone.value.merge(laptop.value)
phone.cart.merge(laptop.cart)
laptop.value.merge(phone.value)
laptop.cart.merge(phone.cart)

console.log('        last write wins   cart')
for (const { value, cart } of [phone, laptop]) {
  console.log(`${value.replica.padEnd(7)} ${show(value.value).padEnd(17)} ${show(cart.items())}`)
}
// #endregion code
