import { expect, it } from 'vitest'
import type { Span } from '../picture/picture.ts'
import { linearizationPoints } from './points.ts'
import { orderScale } from './scale.ts'

const SPANS: readonly Span[] = [
  [0, 3],
  [1, 2],
  [4, null],
  [5, 6],
]
const scale = orderScale([0, 1, 2, 3, 4, 5, 6], [])

it('linearizationPoints() rise in the order and lie within each operation', () => {
  const order = [1, 0, 3, 2].map((operation, at) => [operation, at + 1] as const)
  const points = linearizationPoints(order, (at) => SPANS[at], scale)
  expect(points.map(({ operation, number }) => [operation, number])).toEqual(order)
  const xs = points.map(({ x }) => x)
  expect(xs).toEqual(xs.toSorted((a, b) => a - b))
  expect(new Set(xs).size).toBe(4)
  for (const { operation, x } of points) {
    const [start, end] = SPANS[operation] ?? [0, 0]
    expect(x).toBeGreaterThan(start * 4)
    expect(x).toBeLessThan((end ?? Infinity) * 4)
  }
})

it('linearizationPoints() leave out what is not in the picture', () => {
  expect(linearizationPoints([[9, 1]], (at) => SPANS[at], scale)).toEqual([])
})
