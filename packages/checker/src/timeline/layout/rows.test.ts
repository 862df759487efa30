import { expect, it } from 'vitest'
import { packRows } from './rows.ts'

it('packRows() puts what overlaps into rows of their own and uses a row again when it is free', () => {
  const { rows, count } = packRows([
    [0, 10],
    [2, 5],
    [3, 4],
    [5, 9],
    [10, 12],
  ])
  expect(rows).toEqual([0, 1, 2, 1, 0])
  expect(count).toBe(3)
})
