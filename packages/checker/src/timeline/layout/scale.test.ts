import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Demand, distinct, orderScale, timeScale, xOf } from './scale.ts'

describe('orderScale()', () => {
  it('gives every demand its room and every event a place of its own', () => {
    const time = fc.integer({ min: 0, max: 40 })
    const demand = fc
      .record({ from: time, length: fc.integer({ min: 1, max: 20 }), px: fc.integer({ min: 0, max: 300 }) })
      .map(({ from, length, px }): Demand => ({ from, to: from + length, px }))
    fc.assert(
      fc.property(fc.array(demand, { minLength: 1 }), (demands) => {
        const times = distinct(demands.flatMap(({ from, to }) => [from, to]))
        const scale = orderScale(times, demands)
        for (const { from, to, px } of demands)
          expect(xOf(scale, to) - xOf(scale, from)).toBeGreaterThanOrEqual(px)
        expect(scale.xs).toEqual(distinct(scale.xs))
      }),
    )
  })

  it('is no wider than the longest chain of demands', () => {
    const demands = [
      { from: 0, to: 1, px: 50 },
      { from: 1, to: 3, px: 70 },
      { from: 0, to: 2, px: 60 },
    ]
    expect(orderScale([0, 1, 2, 3], demands).xs).toEqual([0, 50, 60, 120])
  })

  it('is not stretched by a quiet time', () => {
    const demands = [{ from: 0, to: 1, px: 50 }]
    expect(orderScale([0, 1, 1_000_000], demands).xs).toEqual([0, 50, 54])
  })
})

describe('timeScale()', () => {
  it('is proportional where nothing is cut', () => {
    expect(timeScale([0, 10, 20, 40], 400)).toEqual({
      times: [0, 10, 20, 40],
      xs: [0, 100, 200, 400],
      cuts: [],
    })
  })

  it('cuts a long quiet stretch and says which', () => {
    const times = [...Array.from({ length: 20 }, (_, at) => at), 5_000, 5_001]
    const { cuts, xs } = timeScale(times, 230)
    expect(cuts).toEqual([[19, 5_000]])
    expect((xs[20] ?? 0) - (xs[19] ?? 0)).toBeLessThan(50)
  })

  it('puts all in one place if nothing took any time', () => {
    expect(timeScale([5], 100).xs).toEqual([0])
  })
})

describe('xOf()', () => {
  const scale = orderScale([0, 10, 20], [{ from: 0, to: 10, px: 100 }])

  it('is straight between events', () => {
    expect(xOf(scale, 5)).toBe(50)
  })

  it('ends at the first and at the last event', () => {
    expect([xOf(scale, -5), xOf(scale, 99)]).toEqual([0, 104])
  })
})
