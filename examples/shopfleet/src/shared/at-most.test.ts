import { expect, test } from 'vitest'
import { atMost } from './at-most.ts'

test('atMost() runs no more at once, in the order in which they came, also past one that fails', async () => {
  const limited = atMost(2)
  const begun: number[] = []
  const ends: ((fails: boolean) => void)[] = []
  const works = Array.from({ length: 5 }, (_, index) =>
    limited(
      () =>
        new Promise<number>((resolve, reject) => {
          begun.push(index)
          ends[index] = (fails) => (fails ? reject(new Error(`${index} failed`)) : resolve(index))
        }),
    ),
  )
  const settled = Promise.allSettled(works)
  expect(begun).toEqual([0, 1])
  ends[1]?.(true)
  await expect(works[1]).rejects.toThrow('1 failed')
  expect(begun).toEqual([0, 1, 2])
  ends[0]?.(false)
  await works[0]
  expect(begun).toEqual([0, 1, 2, 3])
  for (const index of [2, 3]) ends[index]?.(false)
  await works[3]
  ends[4]?.(false)
  expect((await settled).map(({ status }) => status)).toEqual([
    'fulfilled',
    'rejected',
    'fulfilled',
    'fulfilled',
    'fulfilled',
  ])
  expect(await limited(async () => 'free again')).toBe('free again')
})
