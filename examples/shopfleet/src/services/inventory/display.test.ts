import { expect, test } from 'vitest'
import { badgeOf } from './display.ts'

test('badgeOf() counts the servers that were behind', () => {
  const responses = [
    { replica: 'primary', tag: 7 },
    { replica: 'replica-1', tag: 5 },
  ]
  const badge = badgeOf('mug', { value: { available: 3 }, tag: 7, responses, repaired: [] })
  expect(badge).toEqual({ sku: 'mug', available: 3, version: 7, responses: 2, stale: 1 })
})

test('badgeOf() shows nothing on the shelf for a sku that no server knows', () => {
  const responses = [
    { replica: 'replica-1', tag: undefined },
    { replica: 'replica-2', tag: undefined },
  ]
  const badge = badgeOf('ghost', { value: undefined, tag: undefined, responses, repaired: [] })
  expect(badge).toEqual({ sku: 'ghost', available: 0, version: null, responses: 2, stale: 0 })
})
