import { createCart, decodeCart, type Cart } from '@quorate/crdt/cart'
import { expect, test } from 'vitest'
import { claimOf, readClaim, takeClaim } from './claim.ts'
import { itemsOf } from './rules.ts'

function cartOf(replica: string, lines: Readonly<Record<string, number>>): Cart {
  const cart = createCart({ replica })
  for (const [sku, quantity] of Object.entries(lines)) cart.add(sku, quantity)
  return cart
}

test('a claim is taken once, however often it is asked for, and leaves what came after it', () => {
  const cart = cartOf('phone', { mug: 2, tea: 1 })
  const claim = readClaim(JSON.stringify(claimOf(cart, 'o-1')))
  cart.add('mug', 3)
  expect(takeClaim(cart, claim)).toBe(true)
  const taken = cart.encode()
  expect(takeClaim(cart, claim)).toBe(true)
  expect(cart.encode()).toEqual(taken)
  expect(claim.items).toEqual([
    { sku: 'mug', quantity: 2 },
    { sku: 'tea', quantity: 1 },
  ])
  expect(itemsOf(cart)).toEqual([{ sku: 'mug', quantity: 3 }])
})

test('of two orders for one cart only one takes it', () => {
  const cart = cartOf('phone', { mug: 2 })
  const [first, second] = [claimOf(cart, 'o-1'), claimOf(cart, 'o-2')]
  expect([takeClaim(cart, second), takeClaim(cart, first), takeClaim(cart, second)]).toEqual([
    true,
    false,
    true,
  ])
  expect(claimOf(cart, 'o-1').items).toEqual([])
})

test('a claim of what a device has removed in part is void, also when the device adds it again', () => {
  const cart = cartOf('phone', { mug: 2, tea: 1 })
  const claim = claimOf(cart, 'o-1')
  cart.remove('tea')
  const before = cart.encode()
  expect([takeClaim(cart, claim), cart.encode()]).toEqual([false, before])
  cart.add('tea', 1)
  expect(takeClaim(cart, claim)).toBe(false)
})

test('of two sets at once the larger counted: what is taken is what leaves the cart', () => {
  const cart = cartOf('shop', { mug: 1 })
  const laptop = decodeCart(cart.encode(), { replica: 'laptop' })
  cart.setQuantity('mug', 5)
  const claim = claimOf(cart, 'o-1')
  laptop.setQuantity('mug', 3)
  cart.merge(laptop)
  // Without the 5 there would still be 3: the order cannot have five.
  expect(takeClaim(cart, claim)).toBe(false)
  const again = claimOf(cart, 'o-1')
  expect([again.items, takeClaim(cart, again), itemsOf(cart)]).toEqual([
    [{ sku: 'mug', quantity: 5 }],
    true,
    [],
  ])
})

test('a device that comes back after the order does not bring its lines back', () => {
  const phone = cartOf('phone', { mug: 2 })
  const cart = decodeCart(phone.encode(), { replica: 'shop' })
  takeClaim(cart, claimOf(cart, 'o-1'))
  cart.merge(phone)
  expect(itemsOf(cart)).toEqual([])
  phone.merge(cart)
  expect(itemsOf(phone)).toEqual([])
})
