import { expect, it } from 'vitest'
import { STALE_READ, STALE_READ_RESULT } from '../histories.test-helper.ts'
import { buildPicture } from '../picture/build-picture.ts'
import { layOut } from './layout.ts'
import { type Direction, neighbour } from './navigate.ts'

const picture = buildPicture(STALE_READ, STALE_READ_RESULT, 100, undefined)
const layout = layOut(picture, { axis: 'order', zoom: 1, key: -1, finding: 0, minWidth: 0 })
const walk = (from: number, ...directions: Direction[]): number[] => {
  let at = from
  return directions.map((direction) => (at = neighbour(layout, at, direction)))
}

it('neighbour() walks along a lane and stops at its ends', () => {
  expect(walk(1, 'right', 'right', 'right', 'right')).toEqual([4, 7, 9, 9])
  expect(walk(9, 'left', 'left', 'left', 'left')).toEqual([7, 4, 1, 1])
  expect(walk(4, 'first', 'last')).toEqual([1, 9])
})

it('neighbour() goes to what is nearest in the next lane and stays at the edge', () => {
  // Lanes: admin, basket, checkout, search.
  expect(walk(8, 'down', 'down', 'down', 'down')).toEqual([9, 5, 6, 6])
  expect(walk(0, 'up', 'up')).toEqual([1, 8])
})

it('neighbour() of what is not shown is the first operation', () => {
  expect(neighbour(layout, -1, 'right')).toBe(0)
})
