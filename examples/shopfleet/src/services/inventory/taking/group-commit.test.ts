import { expect, test } from 'vitest'
import { groupCommit, type GroupCommitOptions } from './group-commit.ts'

const LIGHT: GroupCommitOptions<number> = {
  maxWeight: 100,
  weigh: () => 1,
  maxWaiting: 100,
  isOfOne: () => false,
}

/** Batches that end when the test says so. */
function heldBatches() {
  const batches: number[][] = []
  const ends: { resolve: () => void; reject: (error: unknown) => void }[] = []
  const apply = (requests: readonly number[]): Promise<readonly string[]> => {
    batches.push([...requests])
    return new Promise((resolve, reject) => {
      ends.push({ resolve: () => resolve(requests.map((request) => `got ${request}`)), reject })
    })
  }
  return { batches, ends, apply }
}
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

test('who asks while a batch is under way is in the next one, in order, each with its own answer', async () => {
  const { batches, ends, apply } = heldBatches()
  const group = groupCommit(apply, LIGHT)
  const first = group.ask(1)
  await turn()
  const others = [2, 3, 4].map((request) => group.ask(request))
  await turn()
  expect(batches).toEqual([[1]])
  ends[0]?.resolve()
  expect(await first).toBe('got 1')
  await turn()
  expect(batches).toEqual([[1], [2, 3, 4]])
  ends[1]?.resolve()
  expect(await Promise.all(others)).toEqual(['got 2', 'got 3', 'got 4'])
})

test('a batch that fails is answered with its error, and the next one goes on', async () => {
  const { ends, apply } = heldBatches()
  const group = groupCommit(apply, LIGHT)
  const failing = Promise.allSettled([group.ask(1), group.ask(2)])
  await turn()
  const later = group.ask(3)
  ends[0]?.reject(new Error('no database'))
  expect((await failing).map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  await turn()
  ends[1]?.resolve()
  expect(await later).toBe('got 3')
})

test('a request that spoils a batch fails alone, and the others are answered in their order', async () => {
  const applied: number[] = []
  const apply = async (requests: readonly number[]): Promise<readonly number[]> => {
    if (requests.includes(4)) throw new RangeError('four')
    applied.push(...requests)
    return requests
  }
  const group = groupCommit(apply, { ...LIGHT, isOfOne: (error) => error instanceof RangeError })
  const answers = await Promise.allSettled([1, 2, 3, 4, 5].map((request) => group.ask(request)))
  expect(answers.map(({ status }) => status)).toEqual([
    'fulfilled',
    'fulfilled',
    'fulfilled',
    'rejected',
    'fulfilled',
  ])
  expect(applied).toEqual([1, 2, 3, 5])
})

test('a batch is no heavier than maxWeight, but for a request that is too heavy by itself', async () => {
  const batches: number[][] = []
  const apply = async (requests: readonly number[]): Promise<readonly number[]> => {
    batches.push([...requests])
    return requests
  }
  const group = groupCommit(apply, { ...LIGHT, maxWeight: 10, weigh: (request) => request })
  await Promise.all([4, 5, 3, 50, 10, 1].map((request) => group.ask(request)))
  expect(batches).toEqual([[4, 5], [3], [50], [10], [1]])
})

test('with maxWaiting in the queue the next one is refused, 503, and after the stop everybody', async () => {
  const { ends, apply } = heldBatches()
  const group = groupCommit(apply, { ...LIGHT, maxWaiting: 2 })
  const first = group.ask(1)
  await turn()
  const queued = [group.ask(2), group.ask(3)]
  await expect(group.ask(4)).rejects.toMatchObject({ status: 503, code: 'unavailable' })
  const stopped = group[Symbol.asyncDispose]()
  await expect(group.ask(5)).rejects.toMatchObject({ status: 503 })
  ends[0]?.resolve()
  await turn()
  ends[1]?.resolve()
  await stopped
  expect(await Promise.all([first, ...queued])).toEqual(['got 1', 'got 2', 'got 3'])
})
