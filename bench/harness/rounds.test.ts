import { expect, test } from 'vitest'
import { rotated, runGroup, type Group } from './rounds.ts'

const group = (cases: Group['cases']): Group => ({ title: 'a group', units: { time: 'ns' }, cases })

test('runGroup() interleaves the cases and rotates who goes first', async () => {
  const order: string[] = []
  const caseOf = (name: string): Group['cases'][number] => ({
    name,
    round: () => {
      order.push(name)
      return { time: 1 }
    },
  })
  await runGroup(group(['a', 'b', 'c'].map(caseOf)), 2)
  expect(order.join('')).toBe('abcbcacab')
})

test('runGroup() drops the warm-up and takes medians', async () => {
  const times = [1_000, 5, 1, 3]
  const figures = await runGroup(group([{ name: 'a', round: (round) => ({ time: times[round] ?? 0 }) }]), 3)
  expect(figures).toEqual([{ name: 'a', metric: 'time', unit: 'ns', value: 3, spread: 2 / 3 }])
})

test.each([
  [{ seconds: 1 }, 'it must measure time, got seconds'],
  [{ time: 1, more: 2 }, 'it must measure time, got more, time'],
  [{ time: Number.NaN }, 'time is NaN'],
])('runGroup() refuses a round that measured %o', async (sample, message) => {
  await expect(runGroup(group([{ name: 'a', round: () => sample }]), 1)).rejects.toThrow(message)
})

test('runGroup() refuses two cases of one name', async () => {
  const round = (): { time: number } => ({ time: 1 })
  const twice = [
    { name: 'a', round },
    { name: 'a', round },
  ]
  await expect(runGroup(group(twice), 1)).rejects.toThrow('two cases have the same name')
})

test('rotated() keeps every element', () => {
  expect(rotated([1, 2, 3], 4)).toEqual([2, 3, 1])
  expect(rotated([], 4)).toEqual([])
})
