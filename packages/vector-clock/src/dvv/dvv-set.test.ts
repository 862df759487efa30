import { inspect } from 'node:util'
import { describe, expect, test, vi } from 'vitest'
import { DecodeError, VersionVector } from '../index.ts'
import { DvvContextError, DvvSet } from './index.ts'

const empty = (): DvvSet<string> => DvvSet.empty<string>()
const of = (counters: Record<string, number>): VersionVector => VersionVector.of(counters)
const text = {
  write: (value: string): Uint8Array => new TextEncoder().encode(value),
  read: (bytes: Uint8Array): string => new TextDecoder().decode(bytes),
}
/** A set as its JSON says. */
const set = <T>(json: Record<string, [number, T[]]>): DvvSet<T> => DvvSet.fromJSON<T>(json)

// The EUnit cases of src/dvvset.erl (github.com/ricardobcl/Dotted-Version-Vectors), by what goes in and out. A client
// that holds a value and no dot is an argument of write() here, so cases of the "anonymous" list have no counterpart.
describe('the cases of dvvset', () => {
  test('join: the context is what a write returns, nothing before the first', () => {
    const a1 = empty().write('a', 'v1')
    const b1 = a1.write('b', 'v2', a1.context)
    expect(empty().context.toJSON()).toEqual({})
    expect(a1.context.toJSON()).toEqual({ a: 1 })
    expect(b1.context.toJSON()).toEqual({ a: 1, b: 1 })
  })

  test('update: replaces what the context holds, on its own server and on another', () => {
    const a0 = empty().write('a', 'v1')
    const a1 = a0.write('a', 'v2', a0.context)
    expect(a0.toJSON()).toEqual({ a: [1, ['v1']] })
    expect(a1.toJSON()).toEqual({ a: [2, ['v2']] })
    expect(a1.write('b', 'v3', a1.context).toJSON()).toEqual({ a: [2, []], b: [1, ['v3']] })
    expect(a1.write('b', 'v4', a0.context).toJSON()).toEqual({ a: [2, ['v2']], b: [1, ['v4']] })
    expect(a1.write('a', 'v5', a0.context).toJSON()).toEqual({ a: [3, ['v5', 'v2']] })
  })

  test('sync: the newer side wins, what neither has seen of the other stays', () => {
    const x = set<string>({ x: [1, []] })
    const a = empty().write('a', 'v1')
    const y = empty().write('b', 'v2')
    const a1 = a.write('a', 'v2', a.context)
    const a3 = a1.write('b', 'v3', a1.context)
    const a4 = a1.write('c', 'v3', a1.context)
    const w = set<string>({ a: [1, []] })
    const z = set({ a: [2, ['v2', 'v1']] })
    const cases: [DvvSet<string>, DvvSet<string>, unknown][] = [
      [w, z, { a: [2, ['v2']] }],
      [a, a1, a1.toJSON()],
      [a4, a3, { a: [2, []], b: [1, ['v3']], c: [1, ['v3']] }],
      [x, a, { a: [1, ['v1']], x: [1, []] }],
      [a, y, { a: [1, ['v1']], b: [1, ['v2']] }],
    ]
    for (const [one, two, expected] of cases) {
      expect(one.merge(two).toJSON()).toEqual(expected)
      expect(two.merge(one).toJSON()).toEqual(expected)
    }
    const greater = (left: string, right: string): number => (left < right ? 1 : -1)
    expect(a4.merge(a4.keepNewest(greater)).toJSON()).toEqual(a4.keepNewest(greater).toJSON())
  })

  test('sync_update: Peter, who read v1, replaces it and leaves what Mary wrote meanwhile', () => {
    const a0 = empty().write('a', 'v1') // Mary writes, without a context
    const peter = a0.context // Peter reads v1
    const a1 = a0.write('a', 'v2') // Mary writes again, without a context
    const a2 = a1.write('a', 'v3', peter)
    expect(peter.toJSON()).toEqual({ a: 1 })
    expect(a1.toJSON()).toEqual({ a: [2, ['v2', 'v1']] })
    expect(a2.toJSON()).toEqual({ a: [3, ['v3', 'v2']] })
  })

  test('event: a write beside what is there, on the same server and on a new one', () => {
    const a = empty().write('a', 'v1')
    expect(a.write('a', 'v2').toJSON()).toEqual({ a: [2, ['v2', 'v1']] })
    expect(a.write('b', 'v2').toJSON()).toEqual({ a: [1, ['v1']], b: [1, ['v2']] })
  })

  test('lww and last: the greatest of the last values of each server', () => {
    const number = (a: number, b: number): number => a - b
    const x = set({ a: [4, [5, 2]], b: [1, []], c: [1, [3]] })
    expect(x.newest(number)).toBe(5)
    expect(x.keepNewest(number).toJSON()).toEqual({ a: [4, [5]], b: [1, []], c: [1, []] })
    const byTime = (a: [number, number], b: [number, number]): number => a[1] - b[1]
    const dated = DvvSet.fromJSON<[number, number]>({
      a: [
        4,
        [
          [5, 1002345],
          [7, 1002340],
        ],
      ],
      b: [1, [[4, 1001340]]],
    })
    expect(dated.keepNewest(byTime).toJSON()).toEqual({ a: [4, [[5, 1002345]]], b: [1, []] })
    expect(DvvSet.empty<number>().newest(number)).toBeUndefined()
    expect(DvvSet.empty<number>().keepNewest(number).size).toBe(0)
  })

  test('reconcile: one value made of all, in their place', () => {
    const x = set({ a: [4, [5, 2]], b: [1, []], c: [1, [3]] })
    const sum = x.resolve('a', (values) => values.reduce((all, one) => all + one, 0))
    expect(sum.toJSON()).toEqual({ a: [5, [10]], b: [1, []], c: [1, []] })
    const least = x.resolve('d', (values) => Math.min(...values))
    expect(least.toJSON()).toEqual({ a: [4, []], b: [1, []], c: [1, []], d: [1, [2]] })
  })

  test('less: a set that has seen more', () => {
    const a = empty().write('a', 'v1')
    const b = a.write('a', 'v2', a.context)
    const b2 = a.write('b', 'v2', a.context)
    const b3 = a.write('z', 'v2', a.context)
    const c = a.write('c', 'v3', b.context)
    const d = b2.write('d', 'v4', c.context)
    const less: [DvvSet<string>, DvvSet<string>][] = [
      [a, b],
      [a, c],
      [b, c],
      [b, d],
      [b2, d],
      [a, d],
    ]
    for (const [one, two] of less) expect([one.compare(two), two.compare(one)]).toEqual(['before', 'after'])
    const concurrent: [DvvSet<string>, DvvSet<string>][] = [
      [b2, c],
      [b, b2],
      [b3, d],
    ]
    for (const [one, two] of concurrent) expect(one.compare(two)).toBe('concurrent')
    for (const one of [a, c]) expect(one.compare(one)).toBe('equal')
  })

  test('equal: by history, whatever the values are', () => {
    const a = set({ a: [4, ['v5', 'v0']], c: [1, ['v3']] })
    const b = set({ a: [4, ['v555', 'v0']], c: [1, ['v3']] })
    const c = set({ a: [4, ['v5', 'v0']] })
    expect(a.compare(b)).toBe('equal')
    expect(a.compare(c)).toBe('after')
  })

  test('size, ids and values', () => {
    const a = set({ a: [4, ['v0', 'v5']], c: [1, ['v3']] })
    expect(empty().write('a', 'v1').size).toBe(1)
    expect(a.size).toBe(3)
    expect(a.values).toEqual(['v0', 'v5', 'v3'])
    expect([...a.context].map(([node]) => node)).toEqual(['a', 'c'])
    expect(set({ a: [4, []] }).values).toEqual([])
  })

  test('map: other values, the same history', () => {
    const b = set({ a: [4, [5, 0]], b: [1, []], c: [1, [2]] })
    expect(b.map((value) => value * 2).toJSON()).toEqual({ a: [4, [10, 0]], b: [1, []], c: [1, [4]] })
  })
})

test('siblings do not multiply: two clients in turn, each on what it read itself, leave two', () => {
  // With one version vector per value, the client reads (v1, {a:1}), the other has written (v2, {a:2}) by then, and
  // whatever counter the server gives, one of the two is lost or a third appears.
  let stored = empty()
  let mary = VersionVector.empty
  let peter = VersionVector.empty
  for (let round = 0; round < 50; round++) {
    stored = stored.write('server', `mary ${round}`, mary)
    mary = stored.context.get('server') === 0 ? mary : of({ server: stored.context.get('server') })
    stored = stored.write('server', `peter ${round}`, peter)
    peter = stored.context
    expect(stored.size).toBeLessThanOrEqual(2)
  }
  expect(stored.context.size, 'entries by server, not by client').toBe(1)
})

test('1,000 clients on 3 servers: the context has 3 entries', () => {
  let stored = empty()
  for (let client = 0; client < 1_000; client++) {
    stored = stored.write(`server-${client % 3}`, `client ${client}`, stored.context)
  }
  expect(stored.values).toEqual(['client 999'])
  expect(stored.context.size).toBe(3)
  expect(stored.context.encode().length).toBeLessThan(60)
})

test('remove() takes what was read and nothing else, and a late copy does not bring it back', () => {
  const one = empty().write('a', 'milk')
  const two = one.write('b', 'bread')
  const removed = two.remove(one.context)
  expect(removed.values).toEqual(['bread'])
  expect(removed.merge(one).values).toEqual(['bread'])
  expect(one.merge(removed).values).toEqual(['bread'])
  expect(two.remove(two.context).toJSON()).toEqual({ a: [1, []], b: [1, []] })
})

test('compare() counts writes, not removals: merge() keeps what a shorter history removed', () => {
  const read = empty().write('a', 'milk')
  const removed = read.remove(read.context)
  const longer = read.write('b', 'bread')
  expect(removed.compare(longer)).toBe('before')
  expect(removed.merge(longer).values).toEqual(['bread'])
})

test('siblings name the write of each value', () => {
  const stored = empty().write('b', 'v1').write('b', 'v2').write('a', 'v3')
  expect(stored.siblings).toEqual([
    { dot: { node: 'a', counter: 1 }, value: 'v3' },
    { dot: { node: 'b', counter: 2 }, value: 'v2' },
    { dot: { node: 'b', counter: 1 }, value: 'v1' },
  ])
})

test('the bytes are format, servers, then id, writes, values and their lengths', () => {
  const stored = empty()
    .write('b', 'x')
    .write('b', 'yz')
    .write('a', '', of({ b: 1 }))
  const bytes = stored.encode(text.write)
  expect([...bytes]).toEqual([1, 2, 1, 97, 1, 1, 0, 1, 98, 2, 1, 2, 121, 122])
  expect(DvvSet.decode(bytes, text.read).toJSON()).toEqual(stored.toJSON())
})

test.each([
  ['nothing', []],
  ['an unknown format', [9, 0]],
  ['an end too early', [1, 1, 1, 97, 1]],
  ['bytes after the end', [1, 0, 0]],
  ['ids out of order', [1, 2, 1, 98, 1, 0, 1, 97, 1, 0]],
  ['an empty id', [1, 1, 0, 1, 0]],
  ['a server without a write', [1, 1, 1, 97, 0, 0]],
  ['more values than writes', [1, 1, 1, 97, 1, 2, 0, 0]],
  ['a number of values that would fill the memory', [1, 1, 1, 97, 255, 255, 255, 255, 15, 255, 255, 255, 15]],
])('decode() refuses %s', (_name, bytes) => {
  expect(() => DvvSet.decode(Uint8Array.from(bytes), text.read)).toThrow(DecodeError)
})

test('fromJSON() refuses what is not a set', () => {
  for (const json of [
    null,
    7,
    [],
    { a: 1 },
    { a: [1] },
    { a: [0, []] },
    { a: [1, ['x', 'y']] },
    { '': [1, []] },
  ]) {
    expect(() => DvvSet.fromJSON(json)).toThrow(DecodeError)
  }
  expect(() => DvvSet.fromJSON({ a: [1, ['x'], 1] })).toThrow(DecodeError)
})

test('a value that the application cannot read is a DecodeError with the reason', () => {
  const wrong = new SyntaxError('no')
  const read = (): never => {
    throw wrong
  }
  const bytes = empty().write('a', 'x').encode(text.write)
  expect(() => DvvSet.decode(bytes, read)).toThrow(
    expect.objectContaining({ code: 'QUORATE_DECODE', cause: wrong }),
  )
  expect(() => DvvSet.fromJSON({ a: [1, ['x']] }, read)).toThrow(DecodeError)
})

test('write() refuses a wrong server, and a counter that is used up', () => {
  expect(() => empty().write('', 'x')).toThrow(TypeError)
  expect(() => set<string>({ a: [Number.MAX_SAFE_INTEGER, []] }).write('a', 'x')).toThrow(RangeError)
})

test('write() and remove() refuse a context that is no vector: it would replace nothing, and nobody would know', () => {
  const stored = empty().write('a', 'milk')
  for (const [got, value] of [
    ['object', JSON.parse(JSON.stringify(stored.context))],
    ['object', [['a', 1]]],
    ['object', new Map([['a', 1]])],
    ['string', '{"a":1}'],
    ['null', null],
  ] as const) {
    const error = new TypeError(
      `context must be a VersionVector, got ${got}; make one with VersionVector.fromJSON`,
    )
    expect(() => stored.write('a', 'bread', value as VersionVector)).toThrow(error)
    expect(() => stored.remove(value as VersionVector)).toThrow(error)
  }
  const none = undefined as unknown as VersionVector
  expect(() => stored.remove(none), 'a removal of nothing is no default').toThrow(TypeError)
  const read = VersionVector.fromJSON(JSON.parse(JSON.stringify(stored.context)))
  expect(stored.write('a', 'bread', read).values).toEqual(['bread'])
  expect(stored.remove(read).values).toEqual([])
})

test('a context of another copy of the package counts', async () => {
  vi.resetModules()
  const copy = (await import('../version-vector.ts')).VersionVector
  const stored = empty().write('a', 'milk')
  const read = copy.of({ a: 1 })
  expect(read).not.toBeInstanceOf(VersionVector)
  expect(stored.write('a', 'bread', read).values).toEqual(['bread'])
  expect(stored.remove(read).values).toEqual([])
})

describe('a context that was not read here', () => {
  const stored = empty().write('s1', 'milk').write('s2', 'bread')

  test.each([2, 99, Number.MAX_SAFE_INTEGER])('s1 refuses one that claims %i writes of s1', (claimed) => {
    const before = stored.toJSON()
    for (const refused of [
      () => stored.write('s1', 'x', of({ s1: claimed, s2: 1 })),
      () => stored.remove(of({ s1: claimed }), 's1'),
    ]) {
      expect(refused).toThrow(DvvContextError)
      expect(refused).toThrow(
        expect.objectContaining({
          code: 'QUORATE_DVV_CONTEXT',
          outcome: 'not-applied',
          node: 's1',
          claimed,
          counter: 1,
          [Symbol.for('quorate.error')]: true,
        }),
      )
    }
    expect(stored.toJSON()).toEqual(before)
    expect(stored.write('s1', 'eggs').context.toJSON(), 'the key goes on').toEqual({ s1: 2, s2: 1 })
  })

  test('s1 takes one that claims all that s1 wrote, and more of others than s1 has seen', () => {
    const elsewhere = stored.write('s2', 'butter')
    expect(stored.write('s1', 'x', elsewhere.context).toJSON()).toEqual({ s1: [2, ['x']], s2: [2, []] })
    expect(stored.remove(elsewhere.context, 's1').toJSON()).toEqual({ s1: [1, []], s2: [2, []] })
  })

  test('a server that came back from an old copy refuses what its clients read since, until it has merged', () => {
    const backup = empty().write('s1', 'milk')
    const peer = backup.write('s1', 'bread', backup.context)
    const read = peer.context // from s1 itself before its disk was lost, or from the peer
    expect(() => backup.write('s1', 'eggs', read)).toThrow(DvvContextError)
    const healed = backup.merge(peer)
    expect(healed.write('s1', 'eggs', read).toJSON()).toEqual({ s1: [3, ['eggs']] })
  })

  test('what an invented entry of another server does: it takes writes away that nobody has read', () => {
    const fooled = empty().write('s2', 'x', of({ s1: 3 }))
    expect(fooled.merge(stored).values, 'the milk of s1 is gone').not.toContain('milk')
    const s1 = stored.write('s1', 'eggs').merge(fooled)
    expect(s1.context.get('s1')).toBe(3)
    expect(s1.values).not.toContain('eggs')
    const last = stored.merge(stored.remove(of({ s1: Number.MAX_SAFE_INTEGER }), 's2'))
    expect(() => last.write('s1', 'eggs'), 's1 can never write this key again').toThrow(RangeError)
  })
})

test('merge() and compare() name what they want instead of a set', () => {
  for (const [got, value] of [
    ['object', { a: [1, ['x']] }],
    ['undefined', undefined],
    ['null', null],
  ] as const) {
    const error = new TypeError(`other must be a DvvSet, got ${got}; make one with DvvSet.fromJSON`)
    expect(() => empty().merge(value as unknown as DvvSet<string>)).toThrow(error)
    expect(() => empty().compare(value as unknown as DvvSet<string>)).toThrow(error)
  }
})

test('a set shows what it holds in the console, whatever its values are', () => {
  const stored = DvvSet.empty<bigint>().write('a', 1n).write('a', 2n)
  expect(inspect(stored)).toBe('DvvSet { a: [ 2, [ 2n, 1n ] ] }')
})
