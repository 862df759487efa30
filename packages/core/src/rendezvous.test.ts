import { execFile } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { rendezvous } from './rendezvous.ts'

const nodesOf = (...ids: string[]): { id: string }[] => ids.map((id) => ({ id }))
const keysOf = (count: number): string[] => Array.from({ length: count }, (_, index) => `user-${index}`)

test('rendezvous() places keys the same for ever', () => {
  const nodes = rendezvous(nodesOf('us-east-1', 'eu-west-1', 'ap-southeast-1'))
  const weighted = rendezvous([
    { id: 'us-east-1', weight: 3 },
    { id: 'eu-west-1' },
    { id: 'ap-southeast-1', weight: 0.5 },
  ])
  const keys = ['', 'user-1', 'user-2', 'user-3', 'Größe', '🛒', 'x'.repeat(1_000)]
  expect(
    keys.map((key) =>
      nodes
        .rank(key)
        .map(({ id }) => id.slice(0, 2))
        .join(' '),
    ),
  ).toEqual(['eu ap us', 'eu us ap', 'ap eu us', 'eu us ap', 'us eu ap', 'ap us eu', 'eu ap us'])
  expect(
    keys.map((key) =>
      weighted
        .rank(key)
        .map(({ id }) => id.slice(0, 2))
        .join(' '),
    ),
  ).toEqual(['us eu ap', 'us eu ap', 'us eu ap', 'eu us ap', 'us eu ap', 'us ap eu', 'eu us ap'])
})

test('rendezvous() places keys the same in another process', async () => {
  const index = fileURLToPath(new URL('index.ts', import.meta.url))
  const code = `import { rendezvous } from ${JSON.stringify(index)}
    const nodes = rendezvous([{ id: 'a' }, { id: 'b', weight: 2 }, { id: 'c' }])
    console.log(JSON.stringify(Array.from({ length: 500 }, (_, i) => nodes.pick('user-' + i).id)))`
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', code])
  const here = rendezvous([{ id: 'c' }, { id: 'b', weight: 2 }, { id: 'a' }])
  expect(JSON.parse(stdout)).toEqual(keysOf(500).map((key) => here.pick(key)?.id))
})

test('rendezvous() gives each of 64 equal nodes its fair share', () => {
  const ids = Array.from({ length: 64 }, (_, index) => `node-${index}`)
  const shares = sharesOf(rendezvous(nodesOf(...ids)), 256_000)
  expect(chiSquare(shares, new Map(ids.map((id) => [id, 256_000 / 64])))).toBeLessThan(103.4) // df 63, p = 0.001
})

test('rendezvous() gives nodes exactly their weights', () => {
  const weights = { a: 1, b: 2, c: 0.5, d: 10, e: 3.25 }
  const total = Object.values(weights).reduce((sum, weight) => sum + weight, 0)
  const nodes = Object.entries(weights).map(([id, weight]) => ({ id, weight }))
  const shares = sharesOf(rendezvous(nodes), 500_000)
  const expected = new Map(nodes.map(({ id, weight }) => [id, (500_000 * weight) / total]))
  expect(chiSquare(shares, expected)).toBeLessThan(18.5) // df 4, p = 0.001
})

test('rendezvous() makes every order of 5 nodes equally likely: fall-backs share the load too', () => {
  const nodes = rendezvous(nodesOf('pg-0', 'pg-1', 'pg-2', 'pg-3', 'pg-4'))
  const orders = new Map<string, number>()
  for (const key of keysOf(240_000)) {
    const order = nodes
      .rank(key)
      .map(({ id }) => id)
      .join()
    orders.set(order, (orders.get(order) ?? 0) + 1)
  }
  expect(orders.size).toBe(120)
  const expected = new Map([...orders.keys()].map((order) => [order, 2_000]))
  expect(chiSquare(orders, expected)).toBeLessThan(174.6) // df 119, p = 0.001
})

test('rendezvous() shares the keys of a node that left among the others in fair parts', () => {
  const ids = Array.from({ length: 9 }, (_, index) => `node-${index}`)
  const before = rendezvous(nodesOf(...ids))
  const after = rendezvous(nodesOf(...ids.slice(1)))
  const heirs = new Map<string, number>()
  for (const key of keysOf(200_000)) {
    if (before.pick(key)?.id !== 'node-0') continue
    const heir = after.pick(key)?.id ?? ''
    heirs.set(heir, (heirs.get(heir) ?? 0) + 1)
  }
  const moved = [...heirs.values()].reduce((sum, count) => sum + count, 0)
  expect(chiSquare(heirs, new Map(ids.slice(1).map((id) => [id, moved / 8])))).toBeLessThan(24.4) // df 7, p = 0.001
})

test('rendezvous() shares keys fairly between ids whose FNV-1a hashes collide', () => {
  for (const pair of [
    ['costarring', 'liquid'],
    ['declinate', 'macallums'],
    ['altarage', 'zinke'],
  ]) {
    const shares = sharesOf(rendezvous(nodesOf(...pair, 'third')), 30_000)
    const expected = new Map([...pair, 'third'].map((id) => [id, 10_000]))
    expect(chiSquare(shares, expected)).toBeLessThan(13.9) // df 2, p = 0.001
  }
})

test('rendezvous() gives nothing to a drained node, and undefined when none is left', () => {
  const drained = rendezvous([{ id: 'a', weight: 0 }, { id: 'b' }])
  expect(keysOf(200).every((key) => drained.pick(key)?.id === 'b')).toBe(true)
  expect(drained.rank('user-1').map(({ id }) => id)).toEqual(['b'])
  for (const nobody of [rendezvous([]), rendezvous([{ id: 'a', weight: 0 }])]) {
    expect(nobody.pick('user-1')).toBeUndefined()
    expect(nobody.rank('user-1')).toEqual([])
  }
})

test('rendezvous() hands back the node it was given, with all its fields', () => {
  const node = { id: 'us', url: 'postgres://us' }
  expect(rendezvous(new Set([node])).pick('user-1')).toBe(node)
})

test.each([-1, Number.NaN, Infinity])('rendezvous() refuses a weight of %d', (weight) => {
  expect(() => rendezvous([{ id: 'a', weight }])).toThrow(
    new RangeError(`Cannot rank nodes: weight of a must be a finite number from 0, got ${weight}`),
  )
})

test('rendezvous() refuses two nodes with one id', () => {
  expect(() => rendezvous(nodesOf('a', 'b', 'a'))).toThrow(RangeError)
})

test.each([[['a', 'b']], [[{ id: 1 }]], [[{ name: 'a' }]]])(
  'rendezvous() refuses %j: ids must be strings',
  (nodes) => {
    expect(() => rendezvous(nodes as never)).toThrow(
      new TypeError('Cannot rank nodes: pass each as { id }, a string'),
    )
  },
)

function sharesOf(nodes: ReturnType<typeof rendezvous>, keys: number): Map<string, number> {
  const shares = new Map<string, number>()
  for (const key of keysOf(keys)) {
    const id = nodes.pick(key)?.id ?? ''
    shares.set(id, (shares.get(id) ?? 0) + 1)
  }
  return shares
}

/** Sum of (observed − expected)² / expected; the limits are passed by chance once in 1,000, the keys are fixed. */
function chiSquare(observed: ReadonlyMap<string, number>, expected: ReadonlyMap<string, number>): number {
  let sum = 0
  for (const [id, share] of expected) sum += ((observed.get(id) ?? 0) - share) ** 2 / share
  return sum
}
