import { createCart } from '@quorate/crdt/cart'
import { expect, test } from 'vitest'
import { addItems, itemsOf, orderOf, overLimit, setQuantity } from './rules.ts'

const lines = (count: number) =>
  Array.from({ length: count }, (_, index) => ({ sku: `sku-${index}`, quantity: 1 }))

test('addItems() adds up, setQuantity() replaces and removes', () => {
  const cart = createCart({ replica: 'test' })
  addItems(cart, [
    { sku: 'tea', quantity: 1 },
    { sku: 'mug', quantity: 2 },
    { sku: 'tea', quantity: 3 },
  ])
  setQuantity(cart, 'mug', 5)
  expect(itemsOf(cart)).toEqual([
    { sku: 'mug', quantity: 5 },
    { sku: 'tea', quantity: 4 },
  ])
  setQuantity(cart, 'tea', 0)
  expect(itemsOf(cart)).toEqual([{ sku: 'mug', quantity: 5 }])
})

test('addItems() refuses what no order could take, and adds nothing of it', () => {
  const cart = createCart({ replica: 'test' })
  addItems(cart, [{ sku: 'tea', quantity: 60_000 }])
  const more = [
    { sku: 'mug', quantity: 1 },
    { sku: 'tea', quantity: 20_000 },
    { sku: 'tea', quantity: 20_001 },
  ]
  expect(() => addItems(cart, more)).toThrow(/at most 100000 of one product: lower the quantity of tea/)
  expect(() => addItems(cart, lines(1_000))).toThrow(/at most 1000 products/)
  expect(itemsOf(cart)).toEqual([{ sku: 'tea', quantity: 60_000 }])
  addItems(cart, lines(999))
  expect(() => setQuantity(cart, 'one-more', 1)).toThrow(/at most 1000 products/)
  setQuantity(cart, 'tea', 1)
})

test('a cart that a merge has brought past the limits may be made smaller, and only then be ordered', () => {
  const cart = createCart({ replica: 'test' })
  for (const replica of ['phone', 'laptop']) {
    const device = createCart({ replica })
    device.add('tea', 60_000)
    cart.merge(device)
  }
  expect(() => orderOf(cart)).toThrow(expect.objectContaining({ status: 422, code: 'cart-full' }))
  expect(overLimit(itemsOf(cart))).toMatch(/lower the quantity of tea/)
  setQuantity(cart, 'tea', 100_000)
  expect([orderOf(cart), overLimit(itemsOf(cart))]).toEqual([[{ sku: 'tea', quantity: 100_000 }], null])

  const many = createCart({ replica: 'test' })
  for (const { sku, quantity } of lines(1_001)) many.add(sku, quantity)
  expect(overLimit(itemsOf(many))).toMatch(/at most 1000 products, this one has 1001; remove some/)
  setQuantity(many, 'sku-0', 5)
  setQuantity(many, 'sku-1', 0)
  expect(orderOf(many)).toHaveLength(1_000)
})
