import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DeliveryBufferFullError, DependencyBuffer, type DependentMessage } from './index.ts'

const message = (id: string, ...deps: string[]): DependentMessage => ({ id, deps })
const ids = (messages: readonly DependentMessage[]): string[] => messages.map(({ id }) => id)

test('the comment waits for its post', () => {
  const buffer = new DependencyBuffer<DependentMessage & { content: string }>()
  expect(buffer.add({ id: '2', content: 'First!', deps: ['1'] })).toEqual([])
  expect(buffer.waitingFor()).toEqual(['1'])
  expect(buffer.add({ id: '1', content: 'Hello', deps: [] }).map(({ content }) => content)).toEqual([
    'Hello',
    'First!',
  ])
  expect([buffer.pending, buffer.waitingFor()]).toEqual([0, []])
})

test('only what is named is waited for', () => {
  const buffer = new DependencyBuffer()
  buffer.add(message('c', 'b'))
  expect(ids(buffer.add(message('d')))).toEqual(['d'])
})

test('what came before, delivered or held back, is dropped', () => {
  const buffer = new DependencyBuffer()
  buffer.add(message('b', 'a', 'a'))
  expect(buffer.add(message('b', 'a'))).toEqual([])
  expect(ids(buffer.add(message('a')))).toEqual(['a', 'b'])
  expect(buffer.add(message('a'))).toEqual([])
  expect(buffer.add(message('b', 'a'))).toEqual([])
})

test('past maxPending a message that would wait is refused, one that need not is taken', () => {
  const buffer = new DependencyBuffer({ maxPending: 1 })
  buffer.add(message('b', 'a'))
  expect(() => buffer.add(message('c', 'a'))).toThrow(
    expect.objectContaining({ held: 'c', missing: 'a', maxPending: 1, outcome: 'not-applied' }),
  )
  expect(() => buffer.add(message('c', 'a'))).toThrow(DeliveryBufferFullError)
  expect(ids(buffer.add(message('d')))).toEqual(['d'])
  expect(ids(buffer.add(message('a')))).toEqual(['a', 'b'])
  expect(ids(buffer.add(message('c', 'a'))), 'sent again').toEqual(['c'])
})

test('isDelivered() answers for what was delivered in an earlier life, forget() gives memory back', () => {
  const store = new Set(['old'])
  const buffer = new DependencyBuffer({ isDelivered: (id) => store.has(id) })
  expect(ids(buffer.add(message('new', 'old')))).toEqual(['new'])
  expect(buffer.add(message('old'))).toEqual([])
  expect(buffer.remembered).toBe(1)
  store.add('new')
  buffer.forget(['new'])
  expect(buffer.remembered).toBe(0)
  expect(ids(buffer.add(message('newer', 'new')))).toEqual(['newer'])
})

test('a message is remembered until the store knows it, however late that is', () => {
  const buffer = new DependencyBuffer({ isDelivered: () => false })
  buffer.add(message('a'))
  expect(ids(buffer.add(message('b', 'a')))).toEqual(['b'])
})

test('catchUp() sets free what waited for a snapshot, also if the store knows of it first', () => {
  const store = new Set<string>()
  const buffer = new DependencyBuffer({ isDelivered: (id) => store.has(id) })
  buffer.add(message('c', 'b'))
  buffer.add(message('b', 'a'))
  buffer.add(message('d', 'c'))
  store.add('a').add('b')
  expect(ids(buffer.catchUp(['a', 'b']))).toEqual(['c', 'd'])
  expect([buffer.pending, buffer.waitingFor(), buffer.remembered]).toEqual([0, [], 2])
})

test('a circle waits for nothing that could come; discard() breaks it', () => {
  const buffer = new DependencyBuffer()
  buffer.add(message('a', 'b'))
  buffer.add(message('b', 'a'))
  expect([buffer.pending, buffer.waitingFor()]).toEqual([2, []])
  expect(buffer.discard('a')?.id).toBe('a')
  expect(buffer.discard('a')).toBeUndefined()
  expect(ids(buffer.add(message('a')))).toEqual(['a', 'b'])
})

test('what is no message is refused', () => {
  const buffer = new DependencyBuffer()
  for (const wrong of [{ id: 1, deps: [] }, { id: 'a' }, { id: 'a', deps: [1] }]) {
    expect(() => buffer.add(wrong as unknown as DependentMessage)).toThrow(TypeError)
  }
  expect(() => buffer.add(message('a', 'a'))).toThrow(RangeError)
  expect(() => new DependencyBuffer({ maxPending: -1 })).toThrow(RangeError)
})

test('in any order and any number of times, each comes out once, after all it names', () => {
  // Message i may name any of those before it.
  const graph = fc
    .array(fc.array(fc.nat(), { maxLength: 3 }), { minLength: 1, maxLength: 25, size: 'max' })
    .map((lists) =>
      lists.map((deps, i) => message(`m${i}`, ...(i === 0 ? [] : deps.map((dep) => `m${dep % i}`)))),
    )
  const arrivals = graph.chain((all) =>
    fc.shuffledSubarray([...all, ...all], { minLength: all.length }).map((some) => [...some, ...all]),
  )
  fc.assert(
    fc.property(arrivals, (list) => {
      const buffer = new DependencyBuffer()
      const seen = new Set<string>()
      const here = new Set<string>()
      for (const arrival of list) {
        here.add(arrival.id)
        for (const { id, deps } of buffer.add(arrival)) {
          expect(seen.has(id)).toBe(false)
          for (const dep of deps) expect(seen.has(dep)).toBe(true)
          seen.add(id)
        }
        const waiting = new Set(list.filter(({ id }) => here.has(id) && !seen.has(id)))
        const missing = [...waiting].flatMap(({ deps }) => deps.filter((dep) => !here.has(dep)))
        expect(new Set(buffer.waitingFor())).toEqual(new Set(missing))
      }
      expect(seen).toEqual(new Set(list.map(({ id }) => id)))
      expect([buffer.pending, buffer.remembered]).toEqual([0, seen.size])
    }),
  )
})
