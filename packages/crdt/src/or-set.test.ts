import { expect, test } from 'vitest'
import { createOrSet, DecodeError, decodeOrSet, type OrSet, orSetFromJSON, type SetElement } from './index.ts'

const set = (replica: string, ...elements: string[]): OrSet<string> => {
  const made = createOrSet({ replica })
  for (const element of elements) made.add(element)
  return made
}
const sorted = (of: Iterable<string>): string[] => [...of].toSorted()

test('an add wins over a concurrent removal', () => {
  const a = set('a', 'x')
  const b = a.clone({ replica: 'b' })
  const removal = b.remove('x')
  const add = a.add('x')
  a.merge(removal)
  b.merge(add)
  expect([sorted(a), sorted(b)]).toEqual([['x'], ['x']])
})

test('a removal wins over the adds it has seen', () => {
  const a = set('a', 'x')
  const b = a.clone({ replica: 'b' })
  b.add('x')
  a.merge(b)
  a.remove('x')
  b.merge(a)
  expect([...b]).toEqual([])
})

test('two replicas add one element, one of them removes it: the other add stays (Riak orswot, present but removed)', () => {
  const a = set('a', 'z')
  const c = a.clone({ replica: 'c' })
  a.remove('z')
  const b = set('b', 'z')
  a.merge(b)
  const withBoth = b.clone()
  withBoth.merge(a)
  withBoth.remove('z')
  // c still has the first add, which both others know to be removed.
  withBoth.merge(c)
  c.merge(withBoth)
  expect([sorted(withBoth), sorted(c)]).toEqual([[], []])
})

test('who hears of a removal before the adds it follows still asks for what came between', () => {
  const a = createOrSet({ replica: 'a' })
  const [first, again, removal] = [a.add('x'), a.add('x'), a.remove('x')]
  const b = createOrSet({ replica: 'b' })
  b.merge(first)
  b.merge(removal)
  // The removal saw the second add only; that the first one is gone comes with the second.
  expect([b.has('x'), b.hasGaps]).toEqual([true, true])
  expect(a.deltaSince(b.version).isEmpty).toBe(false)
  const c = b.clone({ replica: 'c' })
  b.merge(again)
  c.merge(a.deltaSince(c.version))
  expect([b, c].map((one) => [...one])).toEqual([[], []])
  expect([b.encode(), c.encode()]).toEqual([a.encode(), a.encode()])
})

test('disjoint sets merge, and a removal after the merge reaches both (Riak orswot, disjoint merge)', () => {
  const a = set('a', 'bar')
  const b = set('b', 'baz')
  const both = a.clone({ replica: 'c' })
  both.merge(b)
  expect(sorted(both)).toEqual(['bar', 'baz'])
  a.remove('bar')
  both.merge(a)
  expect(sorted(both)).toEqual(['baz'])
})

test('concurrent adds of one element, removed one by one on each side: none is left (Riak orswot, no dots left)', () => {
  const a = set('a', 'z')
  const b = set('b', 'z')
  const c = a.clone({ replica: 'c' })
  a.remove('z')
  const d = b.clone({ replica: 'd' })
  d.merge(a)
  a.merge(b)
  b.remove('z')
  for (const other of [b, c, d]) a.merge(other)
  expect([...a]).toEqual([])
})

test('an emptied set of 100,000 elements is at most 32 bytes', () => {
  const a = createOrSet({ replica: 'a' })
  for (let i = 0; i < 100_000; i++) a.add(`element-${i}`)
  const b = a.clone({ replica: 'b' })
  for (let i = 0; i < 100_000; i++) b.remove(`element-${i}`)
  a.merge(b)
  expect(a.size).toBe(0)
  expect(a.encode().length).toBeLessThanOrEqual(32)
})

test('the delta of an add of 10 characters is at most 25 bytes', () => {
  const a = createOrSet({ replica: 'eu-1' })
  for (let i = 0; i < 1_000; i++) a.add(`element-${i}`)
  expect(a.add('0123456789').encode().length).toBeLessThanOrEqual(25)
})

test('small deltas in a large set: what the index does is what a scan would do', () => {
  const a = createOrSet({ replica: 'a' })
  for (let i = 0; i < 1_000; i++) a.add(`e${i}`)
  const b = a.clone({ replica: 'b' })
  for (let i = 0; i < 1_000; i += 3) b.merge(a.remove(`e${i}`))
  for (let i = 0; i < 1_000; i += 6) b.merge(a.add(`e${i}`))
  for (let i = 0; i < 1_000; i += 5) a.merge(b.remove(`e${i}`))
  expect(sorted(b)).toEqual(sorted(a))
  expect(Buffer.compare(a.encode(), b.encode())).toBe(0)
})

const KINDS: SetElement[] = [
  1,
  '1',
  1n,
  0,
  -1,
  0.1,
  -5e-324,
  2 ** 53 - 1,
  1 - 2 ** 53,
  2 ** 51,
  '',
  -0n,
  2n ** 64n,
]

test('texts, numbers and big integers are apart, and 0 is one element with -0', () => {
  const a = createOrSet<SetElement>({ replica: 'a' })
  for (const element of [...KINDS, -0, 1n - 2n ** 8192n]) a.add(element)
  expect(a.value).toEqual(new Set([...KINDS, 1n - 2n ** 8192n]))
  const again = decodeOrSet<SetElement>(a.encode(), { replica: 'b' })
  expect(again.value).toEqual(a.value)
  const fromJSON = orSetFromJSON<SetElement>(JSON.parse(JSON.stringify(a)), { replica: 'b' })
  expect(fromJSON.value).toEqual(a.value)
  expect(again.remove(-0).isEmpty).toBe(false)
})

test.each<[SetElement, ErrorConstructor]>([
  [Number.NaN, TypeError],
  [Infinity, TypeError],
  ['\udc00', TypeError],
  [null as unknown as SetElement, TypeError],
  [{} as unknown as SetElement, TypeError],
  [2 ** 53, RangeError],
  [-1e300, RangeError],
  [2n ** 8192n, RangeError],
])('add() refuses %s', (element, error) => {
  const a = createOrSet<SetElement>({ replica: 'a' })
  expect(() => a.add(element)).toThrow(error)
  expect([a.size, a.version.size]).toEqual([0, 0])
})

const double = (value: number): number[] => [
  3,
  ...new Uint8Array(new Float64Array([value]).buffer).toReversed(),
]
test.each<[string, number[]]>([
  ['NaN', double(Number.NaN)],
  ['-0', double(-0)],
  ['a small number as a double', double(7)],
  ['a double past 2^53', double(2 ** 53)],
  ['a large number as a small one', [254, 255, 255, 255, 255, 255, 255, 15]],
  ['a bigint with a zero in front', [15, 0]],
  ['a negative 0n', [11]],
  ['an unknown kind of double', [3]],
  ['text that is not UTF-8', [4, 0xff]],
])('decodeOrSet() refuses %s', (_name, key) => {
  const head = [1, 1, 1, 2, 97, 0, 0, 1]
  expect([...decodeOrSet(Uint8Array.from([...head, 4, 120, 0, 0]), { replica: 'b' })]).toEqual(['x'])
  expect(() => decodeOrSet(Uint8Array.from([...head, ...key, 0, 0]), { replica: 'b' })).toThrow(DecodeError)
})

test.each([
  { $bigint: '01' },
  { $bigint: '-0' },
  { $bigint: 1 },
  { $bigint: '1', more: 1 },
  null,
  [],
  2 ** 53,
  -0,
])('orSetFromJSON() refuses the element %j', (element) => {
  const json = { type: 'or-set', context: { a: [[1, 1]] }, entries: [{ element, node: 'a', counter: 1 }] }
  expect(() => orSetFromJSON(json, { replica: 'b' })).toThrow(DecodeError)
})

test('a set emptied of one element keeps its place in the order of events', () => {
  const a = set('a', 'x')
  a.remove('x')
  expect(a.version.get('a')).toBe(2)
  expect(a.add('y').toJSON()).toMatchObject({ entries: [{ element: 'y', node: 'a', counter: 3 }] })
})
