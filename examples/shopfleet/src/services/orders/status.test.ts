import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ORDER_STATUSES } from '../../api.ts'
import { isDecided, mayFollow, predecessors } from './status.ts'

const status = fc.constantFrom(...ORDER_STATUSES)

test('mayFollow() lets an order go through its whole life', () => {
  const life = ['CREATED', 'PAYMENT_PENDING', 'PAID', 'FULFILLMENT_PENDING', 'SHIPPED', 'DELIVERED'] as const
  for (const [index, to] of life.entries()) {
    const from = life[index - 1]
    if (from !== undefined) expect(mayFollow(from, to)).toBe(true)
  }
})

test('mayFollow() never lets an order come back to a status it has left', () => {
  fc.assert(
    fc.property(fc.array(status, { minLength: 2, maxLength: 12 }), (path) => {
      const walk = [path[0]]
      for (const to of path.slice(1)) {
        const from = walk.at(-1)
        if (from !== undefined && to !== undefined && mayFollow(from, to)) walk.push(to)
      }
      expect(new Set(walk).size).toBe(walk.length)
    }),
  )
})

test('mayFollow() never cancels a paid order', () => {
  for (const from of ORDER_STATUSES) if (isDecided(from)) expect(mayFollow(from, 'CANCELLED')).toBe(false)
})

test('predecessors() is mayFollow() read backwards', () => {
  fc.assert(
    fc.property(status, status, (from, to) => predecessors(to).includes(from) === mayFollow(from, to)),
  )
})
