import { describe, expect, it } from 'vitest'
import { longHistory } from '../histories.test-helper.ts'
import { chooseOperations, gapsIn } from './choose.ts'

const { operations } = longHistory(1_000, 5, 10)
const all = (): boolean => true

describe('chooseOperations()', () => {
  it('takes all that there is room for', () => {
    expect(chooseOperations(operations, 1_000, [], all)).toHaveLength(1_000)
  })

  it('takes what is in focus, however far apart, and what is around the first of it', () => {
    const chosen = chooseOperations(operations, 32, [500, 3], all)
    expect(chosen).toHaveLength(32)
    expect(chosen).toContain(3)
    expect(chosen).toEqual(chosen.toSorted((a, b) => a - b))
    const around = chosen.filter((index) => index !== 3)
    expect(around.at(-1)! - around[0]!).toBe(30)
    expect(around[0]).toBe(480) // two thirds before it
  })

  it('prefers the key that is asked for', () => {
    const chosen = chooseOperations(operations, 60, [505], ({ key }) => key === 'k5')
    expect(chosen.filter((index) => index % 10 === 5)).toHaveLength(60)
  })

  it('uses its room when the focus is at an end', () => {
    expect(chooseOperations(operations, 10, [0], all)).toEqual([0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
    expect(chooseOperations(operations, 3, [999], all)).toEqual([997, 998, 999])
  })
})

it('gapsIn() counts every large hole, also at both ends', () => {
  const chosen = Array.from({ length: 20 }, (_, at) => 100 + at).concat([300])
  expect(gapsIn(chosen, 1_000)).toEqual([
    [0, 100],
    [20, 180],
    [21, 699],
  ])
})
