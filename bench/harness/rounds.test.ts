import { expect, test } from 'vitest'
import { fewerRounds, rotated, runGroup, type Group } from './rounds.ts'

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

test('runGroup() gives a slow case fewer rounds, and no warm-up when it is one', async () => {
  const seen = { slow: [] as number[], slowest: [] as number[] }
  const slow = (name: keyof typeof seen, maxRounds: number): Group['cases'][number] => ({
    name,
    maxRounds,
    round: (round) => {
      seen[name].push(round)
      return { time: round }
    },
  })
  const cases = [slow('slow', 2), slow('slowest', 1)]
  const figures = await runGroup(group(cases), 5)
  expect(seen).toEqual({ slow: [0, 1, 2], slowest: [1] })
  expect(figures.map(({ value }) => value)).toEqual([1.5, 1])
  expect(fewerRounds([group(cases)], 5)).toBe(
    ' (fewer rounds for slow in "a group": 2; slowest in "a group": one, no warm-up)',
  )
  expect(fewerRounds([group([slow('slow', 5)])], 5)).toBe('')
})

test('runGroup() has no figure for a metric that a case lacks', async () => {
  const two: Group = {
    title: 'a group',
    units: { time: 'ns', size: 'B' },
    cases: [
      { name: 'a', round: () => ({ time: 1, size: 2 }) },
      { name: 'floor', lacks: ['size'], round: () => ({ time: 1 }) },
    ],
  }
  const figures = await runGroup(two, 1)
  expect(figures.map(({ name, metric }) => `${name} ${metric}`)).toEqual(['a time', 'a size', 'floor time'])
  const wrong = [{ name: 'floor', lacks: ['size'], round: () => ({ time: 1, size: 3 }) }]
  await expect(runGroup({ ...two, cases: wrong }, 1)).rejects.toThrow('it must measure time, got size, time')
})

test.each([
  [{ lacks: ['bytes'] }, 'it lacks bytes, which the group does not measure'],
  [{ maxRounds: 0 }, 'maxRounds must be a whole number from 1, got 0'],
  [{ maxRounds: 1.5 }, 'maxRounds must be a whole number from 1, got 1.5'],
])('runGroup() refuses a case with %o', async (part, message) => {
  const cases = [{ name: 'a', round: () => ({ time: 1 }), ...part }]
  await expect(runGroup(group(cases), 1)).rejects.toThrow(message)
})

test('runGroup() closes every case once, also when one fails', async () => {
  const closed: string[] = []
  const caseOf = (name: string, round: () => { time: number }): Group['cases'][number] => ({
    name,
    round,
    close: () => void closed.push(name),
  })
  const good = caseOf('good', () => ({ time: 1 }))
  await runGroup(group([good]), 2)
  expect(closed).toEqual(['good'])
  const bad = caseOf('bad', () => {
    throw new Error('wrong answer')
  })
  await expect(runGroup(group([good, bad]), 2)).rejects.toThrow('wrong answer')
  expect(closed).toEqual(['good', 'good', 'bad'])
})
