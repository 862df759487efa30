import { createCart } from '@quorate/crdt/cart'
import { expect, test } from 'vitest'
import { addItems, itemsOf, setQuantity } from './rules.ts'

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

test('itemsOf() refuses a cart that no order can take', () => {
  const much = createCart({ replica: 'test' })
  addItems(much, [
    { sku: 'tea', quantity: 60_000 },
    { sku: 'tea', quantity: 60_000 },
  ])
  expect(() => itemsOf(much)).toThrow(/at most 100000 of one product, tea has more/)
  const many = createCart({ replica: 'test' })
  addItems(
    many,
    Array.from({ length: 1_001 }, (_, index) => ({ sku: `sku-${index}`, quantity: 1 })),
  )
  expect(() => itemsOf(many)).toThrow(/at most 1000 products/)
})
