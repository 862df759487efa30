/**
 * A short story through the public API: browse, fill one cart on two devices that are both offline, check
 * out, be declined, follow a parcel. Each sentence that claims something is checked before it is printed.
 */
import { systemClock } from '@quorate/core'
import { ORDER_STATUSES, type CartLine, type OrderStatus } from '../api.ts'
import { labelOf } from '../device/cart-device.ts'
import type { Change } from '../device/changes.ts'
import { lwwEdit, lwwFrom, lwwSync } from '../device/lww-cart.ts'
import { customer, stockShelves, type Customer } from './customer.ts'

const SHELVES = [
  { sku: 'MUG', name: 'White mug', priceCents: 450, units: 40 },
  { sku: 'TEA', name: 'Breakfast tea, 80 bags', priceCents: 399, units: 25 },
  { sku: 'POT', name: 'Teapot for two', priceCents: 1_895, units: 6 },
  { sku: 'LAMP', name: 'Reading lamp', priceCents: 3_250, units: 1 },
] as const

const LOOK_EVERY_MS = 10
const PATIENCE_MS = 20_000

/** @throws Error when something the story tells turns out not to be so. */
export async function tellStory(
  shop: { readonly gatewayUrl: string },
  print: (line: string) => void,
): Promise<void> {
  const run = crypto.randomUUID().slice(0, 8)
  await stockShelves(shop.gatewayUrl, SHELVES)
  const ann = customer(shop.gatewayUrl, `ann-${run}`)
  const ben = customer(shop.gatewayUrl, `ben-${run}`)

  await browse(ann, print)
  await fillCartOnTwoDevices(ann, print)
  const orderId = await buy(ann, `order-${run}`, print)
  // The parcel travels while Ben shops.
  const parcel = followParcel(ann, orderId)
  parcel.catch(() => {})
  await beDeclined(ben, `declined-${run}`, print)
  const { tracking, seen } = await parcel
  print(`5. Ann follows her parcel ${tracking}: ${seen.join(' → ')}. It never went backwards.`)
}

async function browse(ann: Customer, print: (line: string) => void): Promise<void> {
  print('1. Ann looks around. The stock of each product was read from two of three database servers.')
  // The shelves were filled this very moment: two of the servers may not have heard of it yet.
  const found = await until(
    () => ann.products(),
    (page) => page.every(({ stock }) => stock.version !== null),
  )
  const products = new Map(found.map((product) => [product.sku, product]))
  for (const { sku, name, priceCents } of SHELVES) {
    const product = products.get(sku)
    check(product?.priceCents === priceCents, `${sku} is on sale at its price`)
    check(product.stock.available !== null && product.stock.responses >= 2, `two servers answered for ${sku}`)
    print(`     ${name.padEnd(24)} ${money(priceCents).padStart(8)}   ${product.stock.available} in stock`)
  }
}

async function fillCartOnTwoDevices(ann: Customer, print: (line: string) => void): Promise<void> {
  const phone = ann.device('phone')
  const laptop = ann.device('laptop')
  phone.add('TEA', 1)
  await phone.sync()
  await laptop.sync()
  check(list(laptop.items()) === '1 TEA', 'the laptop shows what was added on the phone')

  phone.add('MUG', 2)
  laptop.add('POT', 1)
  laptop.add('MUG', 1)
  check(phone.waiting().length === 1 && laptop.waiting().length === 2, 'both keep their edits')
  check(list(await ann.cart()) === '1 TEA', 'the shop has heard of none of them')
  print('2. There is tea in her cart. Then both her devices are offline, and she shops on both:')
  print(`     phone:  ${list(phone.items())}`)
  print(`     laptop: ${list(laptop.items())}`)

  check((await phone.sync()).length === 0, 'the phone is first, and hears nothing new')
  const toLaptop = await laptop.sync()
  const toPhone = await phone.sync()
  const merged = '3 MUG, 1 POT, 1 TEA'
  check(list(phone.items()) === merged, 'the phone has all that was added on either device')
  check(list(laptop.items()) === merged, 'the laptop has the same')
  check(
    toPhone.every(({ by }) => labelOf(by ?? '') === 'laptop'),
    'the phone knows whose edits they are',
  )
  print(
    `   Back online: the laptop hears of ${news(toLaptop)} from the phone, the phone of ${news(toPhone)}.`,
  )
  print(`   Both have everything, nothing lost, nothing twice: ${merged}`)
  const lastWrite = hadTheLastWriteWon()
  check(lastWrite === '1 MUG, 1 POT, 1 TEA', 'the last write loses the two mugs of the phone')
  print(`   Had each saved its whole cart, the last write would have won: ${lastWrite}`)

  await phone.sync()
  check(list(await ann.cart()) === merged, 'another sync changes nothing')
}

/** The same edits, with the cart as one value. */
function hadTheLastWriteWon(): string {
  let carts = lwwFrom([{ sku: 'TEA', quantity: 1 }], ['phone', 'laptop'], 0)
  carts = lwwEdit(carts, 'phone', { sku: 'MUG', quantity: 2 }, 1)
  carts = lwwEdit(carts, 'laptop', { sku: 'POT', quantity: 1 }, 2)
  carts = lwwEdit(carts, 'laptop', { sku: 'MUG', quantity: 1 }, 3)
  for (const device of ['phone', 'laptop', 'phone']) carts = lwwSync(carts, device)
  return list(carts.shop.items)
}

async function buy(ann: Customer, orderId: string, print: (line: string) => void): Promise<string> {
  const first = await ann.checkout(orderId, 'pm_card_visa')
  check('order' in first && isPaid(first.order.status), `the checkout was accepted, not ${first.status}`)
  const { order } = first
  check(order.totalCents === 3 * 450 + 1_895 + 399, 'the total is right')
  check(list(order.lines) === '3 MUG, 1 POT, 1 TEA', 'the order is what was in the cart')
  print(`3. She checks out: stock reserved, card charged ${money(order.totalCents)}, order ${order.status}.`)

  const again = await ann.checkout(orderId, 'pm_card_visa')
  check(
    'order' in again && again.order.createdAt === order.createdAt,
    'the second click gives the same order',
  )
  check((await ann.orders()).length === 1, 'there is one order')
  print('   Her second click on "Buy" gives the same order, not a second one.')
  return orderId
}

async function beDeclined(ben: Customer, orderId: string, print: (line: string) => void): Promise<void> {
  const before = await ben.product('LAMP')
  const phone = ben.device('phone')
  phone.add('LAMP', 1)
  await phone.sync()
  const refused = await ben.checkout(orderId, 'pm_card_chargeDeclined')
  check(refused.status === 402 && 'problem' in refused, `the card was declined, not ${refused.status}`)
  check(refused.problem.order?.status === 'CANCELLED', 'the order is cancelled')
  const after = await until(
    () => ben.product('LAMP'),
    // Reserved and released again: two writes. Two of three servers may answer a moment before the news is there.
    ({ stock }) => (stock.version ?? 0) >= (before.stock.version ?? 0) + 2,
  )
  check(after.stock.available === before.stock.available, 'the lamp is back on the shelf')
  print('4. Ben wants the last lamp, but his card is declined. The saga undoes what it had done:')
  print(
    `     lamps in stock before ${before.stock.available}, after ${after.stock.available}; order ${refused.problem.order.status}.`,
  )
}

/** Looks again and again until the parcel is there, and writes down each status on the way. */
async function followParcel(
  ann: Customer,
  orderId: string,
): Promise<{ tracking: string; seen: OrderStatus[] }> {
  const seen: OrderStatus[] = []
  const order = await until(
    () => ann.order(orderId),
    ({ status }) => {
      const last = seen.at(-1)
      check(
        last === undefined || rank(status) >= rank(last),
        `the order never goes backwards: ${last} → ${status}`,
      )
      if (status !== last) seen.push(status)
      return status === 'DELIVERED'
    },
  )
  check(order.tracking !== null, 'the parcel has a tracking number')
  return { tracking: order.tracking, seen }
}

const isPaid = (status: OrderStatus): boolean =>
  rank(status) >= rank('PAID') && rank(status) <= rank('DELIVERED')
const rank = (status: OrderStatus): number => ORDER_STATUSES.indexOf(status)
const money = (cents: number): string => `£${(cents / 100).toFixed(2)}`
const news = (changes: readonly Change[]): string =>
  changes.map(({ sku, change }) => `${change > 0 ? '+' : '−'}${Math.abs(change)} ${sku}`).join(', ')
const list = (items: readonly CartLine[]): string =>
  items.map(({ sku, quantity }) => `${quantity} ${sku}`).join(', ')

/** Looks until it is so. @throws Error when it takes too long. */
async function until<T>(look: () => Promise<T>, isSo: (found: T) => boolean): Promise<T> {
  const deadlineMs = performance.now() + PATIENCE_MS
  for (;;) {
    const found = await look()
    if (isSo(found)) return found
    check(
      performance.now() < deadlineMs,
      `it came within ${PATIENCE_MS} ms, not stuck at ${JSON.stringify(found)}`,
    )
    await systemClock.sleep(LOOK_EVERY_MS)
  }
}

function check(condition: boolean, claim: string): asserts condition {
  if (!condition) throw new Error(`The story does not hold: expected that ${claim}`)
}
