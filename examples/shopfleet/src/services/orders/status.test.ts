import fc from 'fast-check'
import { expect, test } from 'vitest'
import { ORDER_STATUSES, type OrderStatus } from '../../api.ts'
import { isDecided, mayFollow, predecessors } from './status.ts'

const status = fc.constantFrom(...ORDER_STATUSES)

test('mayFollow() lets an order go through its whole life', () => {
  const life = ['CREATED', 'PAYMENT_PENDING', 'PAID', 'FULFILLMENT_PENDING', 'SHIPPED', 'DELIVERED'] as const
  const steps = life.slice(1).map((to, index) => mayFollow(life[index] ?? to, to))
  expect(steps).toEqual([true, true, true, true, true])
})

test('mayFollow() never lets an order come back to a status it has left', () => {
  const walk = fc.array(status, { minLength: 2, maxLength: 12 }).map((wishes) =>
    wishes.reduce<OrderStatus[]>((path, to) => {
      const from = path.at(-1)
      return from === undefined || mayFollow(from, to) ? [...path, to] : path
    }, []),
  )
  fc.assert(
    fc.property(walk, (path) => {
      expect(new Set(path).size).toBe(path.length)
    }),
  )
})

test('mayFollow() never cancels an order that is paid', () => {
  expect(predecessors('CANCELLED').filter(isDecided)).toEqual([])
})

test('predecessors() is mayFollow() read backwards', () => {
  fc.assert(
    fc.property(status, status, (from, to) => {
      expect(predecessors(to).includes(from)).toBe(mayFollow(from, to))
    }),
  )
})
