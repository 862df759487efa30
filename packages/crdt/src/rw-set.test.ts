import { VersionVector } from '@quorate/vector-clock'
import { ByteWriter } from '@quorate/vector-clock/codec'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { createRwSet, DecodeError, decodeRwSet, type RwSet, rwSetFromJSON, type SetElement } from './index.ts'

const set = (replica: string, ...elements: string[]): RwSet<string> => {
  const made = createRwSet({ replica })
  for (const element of elements) made.add(element)
  return made
}
const sorted = (of: Iterable<string>): string[] => [...of].toSorted()

test('a removal wins over an add that did not know of it, and over one it did not know of', () => {
  const a = set('a', 'x')
  const b = a.clone({ replica: 'b' })
  const [removal, add] = [b.remove('x'), a.add('x')]
  a.merge(removal)
  b.merge(add)
  expect([[...a], [...b]]).toEqual([[], []])
  expect(a.encode()).toEqual(b.encode())
  // Also where the element was never seen.
  const c = createRwSet({ replica: 'c' })
  const early = c.remove('y')
  a.add('y')
  a.merge(early)
  expect(a.has('y')).toBe(false)
})

test('an add that has seen the removal wins', () => {
  const a = set('a', 'x')
  const b = createRwSet({ replica: 'b' })
  b.merge(a)
  b.remove('x')
  a.merge(b)
  b.merge(a.add('x'))
  expect([...b]).toEqual(['x'])
  expect([a.size, a.removals]).toEqual([1, 0])
})

test('clear() removes what is there, as one edit, and adds elsewhere meanwhile lose', () => {
  const a = set('a', 'x', 'y')
  a.remove('z')
  const b = a.clone({ replica: 'b' })
  const add = b.add('x').merge(b.add('new'))
  const clear = a.clear()
  expect([a.size, a.removals]).toEqual([0, 3])
  b.merge(clear)
  a.merge(add)
  expect([sorted(a), sorted(b)]).toEqual([['new'], ['new']])
  expect(a.encode()).toEqual(b.encode())
  expect(createRwSet({ replica: 'c' }).clear().isEmpty).toBe(true)
})

test('compact() drops a removal when all have seen it and all they did before has come', () => {
  const [a, b] = [set('a', 'x'), createRwSet({ replica: 'b' })]
  b.merge(a)
  const late = b.add('x') // is under way while a removes
  const removal = a.remove('x')
  expect(a.compact([a.version, b.version]).isEmpty).toBe(true) // b has not seen the removal
  b.merge(removal)
  const versions = [a.version, b.version]
  expect(a.compact(versions).isEmpty).toBe(true) // the late add has not come
  a.merge(late)
  const compaction = a.compact(versions)
  expect([compaction.isEmpty, a.removals, a.has('x')]).toEqual([false, 0, false])
  b.merge(compaction)
  expect(b.encode()).toEqual(a.encode())
  expect(a.toJSON().entries).toEqual([])
  expect(a.compact(versions).isEmpty).toBe(true)
  expect(() => a.compact([{} as VersionVector])).toThrow(/VersionVector/u)
})

test('compact() keeps what is there, and an add made since the removal was seen', () => {
  const [a, b] = [set('a', 'x', 'y'), createRwSet({ replica: 'b' })]
  a.remove('x')
  b.merge(a)
  const versions = [a.version, b.version]
  const again = b.add('x')
  const compaction = a.compact(versions)
  a.merge(again)
  b.merge(compaction)
  expect([sorted(a), sorted(b)]).toEqual([
    ['x', 'y'],
    ['x', 'y'],
  ])
})

test('an emptied set of 20,000 elements is at most 32 bytes once it is compacted', () => {
  const a = createRwSet({ replica: 'a' })
  for (let i = 0; i < 20_000; i++) a.add(`element-${i}`)
  a.clear()
  expect([a.size, a.removals]).toEqual([0, 20_000])
  a.compact([a.version])
  expect(a.encode().length).toBeLessThanOrEqual(32)
})

test('compact() at any time: once all has come, there is what there would be without it', () => {
  const who = fc.nat({ max: 2 })
  const key = fc.constantFrom('x', 'y')
  const step = fc.oneof(
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constantFrom('add' as const, 'remove' as const), at: who, key }),
    },
    {
      weight: 4,
      arbitrary: fc.record({ do: fc.constant('deliver' as const), pick: fc.nat(), keep: fc.boolean() }),
    },
    { weight: 4, arbitrary: fc.record({ do: fc.constant('compact' as const), at: who }) },
    { weight: 2, arbitrary: fc.record({ do: fc.constant('sync' as const), at: who, to: who }) },
    { weight: 3, arbitrary: fc.constant({ do: 'syncAll' as const }) },
  )
  let compactions = 0
  fc.assert(
    fc.property(fc.array(step, { minLength: 20, maxLength: 60, size: 'max' }), (steps) => {
      const names = ['a', 'b', 'c']
      const compacted = names.map((name) => set(name))
      const plain = names.map((name) => set(name))
      const post: { to: number; bytes: Uint8Array; plain?: Uint8Array }[] = []
      const at = (list: RwSet<string>[], index: number): RwSet<string> => list[index] as RwSet<string>
      const send = (from: number, letter: { bytes: Uint8Array; plain?: Uint8Array }): void => {
        for (const to of names.keys()) if (to !== from) post.push({ to, ...letter })
      }
      for (const one of steps) {
        if (one.do === 'add' || one.do === 'remove') {
          const [bytes, byPlain] = [compacted, plain].map((list) =>
            at(list, one.at)[one.do](one.key).encode(),
          )
          send(one.at, { bytes: bytes as Uint8Array, plain: byPlain as Uint8Array })
        } else if (one.do === 'compact') {
          const delta = at(compacted, one.at).compact(compacted.map((replica) => replica.version))
          if (!delta.isEmpty) compactions++
          send(one.at, { bytes: delta.encode() })
        } else if (one.do === 'sync') {
          if (one.at === one.to) continue
          for (const list of [compacted, plain]) at(list, one.to).merge(at(list, one.at))
        } else if (one.do === 'syncAll') {
          for (const list of [compacted, plain])
            for (const to of list) for (const from of list) to.merge(from)
        } else if (one.do === 'deliver' && post.length > 0) {
          const index = one.pick % post.length
          const letter = post[index] as (typeof post)[number]
          if (!one.keep) post.splice(index, 1)
          at(compacted, letter.to).merge(letter.bytes)
          if (letter.plain !== undefined) at(plain, letter.to).merge(letter.plain)
        }
      }
      for (const list of [compacted, plain]) {
        for (let round = 0; round < 2; round++) for (const to of list) for (const from of list) to.merge(from)
      }
      for (const index of names.keys()) {
        expect(sorted(at(compacted, index))).toEqual(sorted(at(plain, index)))
        expect(at(compacted, index).encode()).toEqual(at(compacted, 0).encode())
      }
    }),
    { numRuns: 500 },
  )
  expect(compactions).toBeGreaterThan(100)
})

test('the bytes and the JSON of a delta, for ever', () => {
  const a = createRwSet<SetElement>({ replica: 'a' })
  a.add('tv')
  const removal = a.remove('tv')
  expect(Buffer.from(removal.encode()).toString('hex')).toBe(
    // format, rw-set | 1 replica: "a", one run: from 1, of 3 | 1 element: "tv" | replica 0, last; event 3; removes
    ['010c', '01', '0261', '00', '02', '01', '087476', '00', '02', '00'].join(''),
  )
  expect(removal.toJSON()).toEqual({
    type: 'rw-set',
    context: { a: [[1, 3]] },
    entries: [{ element: 'tv', adds: false, node: 'a', counter: 3 }],
  })
  a.add(7n)
  const again = rwSetFromJSON<SetElement>(JSON.parse(JSON.stringify(a)), { replica: 'b' })
  expect([...again]).toEqual([7n])
  expect(again.encode()).toEqual(a.encode())
})

test('what neither adds nor removes is refused', () => {
  const bytes = Uint8Array.from([1, 12, 1, 2, 97, 0, 0, 1, 4, 120, 0, 0, 2])
  expect(() => decodeRwSet(bytes, { replica: 'b' })).toThrow(DecodeError)
  const entry = { element: 'x', adds: 'yes', node: 'a', counter: 1 }
  const json = { type: 'rw-set', context: { a: [[1, 1]] }, entries: [entry] }
  expect(() => rwSetFromJSON(json, { replica: 'b' })).toThrow(DecodeError)
  const a = createRwSet<SetElement>({ replica: 'a' })
  for (const edit of ['add', 'remove'] as const) expect(() => a[edit](Number.NaN)).toThrow(TypeError)
  expect(a.version.size).toBe(0)
})

test('very many entries of one element cost no more than their number', () => {
  const entries = 200_000
  const writer = new ByteWriter()
  // Head; a context of one replica with one run; one element.
  for (const byte of [1, 12, 1]) writer.byte(byte)
  writer.text('a', 2)
  writer.uint(0)
  writer.uint(entries - 1)
  writer.uint(1)
  writer.text('x', 4)
  for (let i = 0; i < entries; i++) {
    writer.uint(i < entries - 1 ? 1 : 0)
    writer.uint(i)
    writer.byte(1)
  }
  const before = process.cpuUsage()
  const made = decodeRwSet(writer.finish(), { replica: 'b' })
  expect(made.size).toBe(1)
  made.remove('x')
  const { user, system } = process.cpuUsage(before)
  expect([made.size, made.removals]).toEqual([0, 1])
  expect(user + system).toBeLessThan(5_000_000) // minutes if each entry is compared with all others of its element
})
