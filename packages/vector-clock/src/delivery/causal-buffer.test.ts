import { expect, test } from 'vitest'
import { VersionVector } from '../index.ts'
import { CausalBuffer, type CausalMessage, DeliveryBufferFullError } from './index.ts'

interface Text extends CausalMessage {
  readonly text: string
}
const of = (counters: Record<string, number>): VersionVector => VersionVector.of(counters)
const message = (node: string, counter: number, deps: Record<string, number>, text = ''): Text => ({
  node,
  counter,
  deps: of(deps),
  text,
})
const texts = (messages: readonly Text[]): string[] => messages.map(({ text }) => text)
const names = (messages: readonly CausalMessage[]): string[] =>
  messages.map(({ node, counter }) => node + counter)

test('the comment waits for its post', () => {
  const buffer = new CausalBuffer<Text>()
  expect(buffer.add(message('B', 1, { A: 1 }, 'First!'))).toEqual([])
  expect(buffer.pending).toBe(1)
  expect(buffer.waitingFor()).toEqual([{ node: 'A', from: 1, to: 1 }])
  expect(texts(buffer.add(message('A', 1, {}, 'Hello')))).toEqual(['Hello', 'First!'])
  expect(buffer.pending).toBe(0)
  expect(buffer.delivered.toJSON()).toEqual({ A: 1, B: 1 })
})

test('a writer comments on its own post: its messages come in order without a word about them', () => {
  const buffer = new CausalBuffer<Text>()
  expect(buffer.add(message('A', 2, {}, 'First!'))).toEqual([])
  expect(texts(buffer.add(message('A', 1, {}, 'Hello')))).toEqual(['Hello', 'First!'])
})

test('stamp() is the place of the next message, as a reader of all that was delivered', () => {
  const ann = new CausalBuffer<Text>()
  const bob = new CausalBuffer<Text>()
  const post: Text = { ...ann.stamp('ann'), text: 'Hello' }
  expect(ann.add(post)).toEqual([post])
  expect(ann.stamp('ann').counter).toBe(2)
  bob.add(post)
  const comment: Text = { ...bob.stamp('bob'), text: 'First!' }
  expect(comment).toMatchObject({ node: 'bob', counter: 1 })
  expect(comment.deps.toJSON()).toEqual({ ann: 1 })
})

test('a vector that counts the message itself, as classic vector clocks do, is the same', () => {
  const buffer = new CausalBuffer<Text>()
  expect(buffer.add(message('B', 1, { A: 1, B: 1 }, 'First!'))).toEqual([])
  expect(texts(buffer.add(message('A', 1, { A: 1 }, 'Hello')))).toEqual(['Hello', 'First!'])
})

test('what came before, delivered or held back, is dropped', () => {
  const buffer = new CausalBuffer<Text>()
  const first = message('A', 1, {})
  const third = message('A', 3, {})
  expect(buffer.add(first)).toHaveLength(1)
  expect(buffer.add(first)).toEqual([])
  buffer.add(third)
  buffer.add(third)
  expect(buffer.pending).toBe(1)
  expect(names(buffer.add(message('A', 2, {})))).toEqual(['A2', 'A3'])
  expect(buffer.add(third)).toEqual([])
})

test('past maxPending a message that would wait is refused, one that need not is taken', () => {
  const buffer = new CausalBuffer<Text>({ maxPending: 2 })
  buffer.add(message('A', 3, {}))
  buffer.add(message('A', 2, {}))
  const refused = message('B', 1, { A: 3 })
  expect(() => buffer.add(refused)).toThrow(DeliveryBufferFullError)
  expect(() => buffer.add(refused)).toThrow(
    expect.objectContaining({
      code: 'QUORATE_DELIVERY_BUFFER_FULL',
      outcome: 'not-applied',
      held: 'B:1',
      missing: 'A:3',
      maxPending: 2,
    }),
  )
  expect(buffer.pending).toBe(2)
  expect(names(buffer.add(message('C', 1, {})))).toEqual(['C1'])
  expect(names(buffer.add(message('A', 1, {})))).toEqual(['A1', 'A2', 'A3'])
  expect(names(buffer.add(refused)), 'sent again').toEqual(['B1'])
})

test('waitingFor() names gaps as runs, also enormous ones, and leaves out what is here', () => {
  const buffer = new CausalBuffer<Text>({ delivered: of({ A: 2 }) })
  buffer.add(message('A', 5, {}))
  buffer.add(message('A', 7, {}))
  buffer.add(message('B', 1, { C: 2 ** 52 }))
  buffer.add(message('C', 10, {}))
  expect(buffer.waitingFor()).toEqual([
    { node: 'A', from: 3, to: 4 },
    { node: 'A', from: 6, to: 6 },
    { node: 'C', from: 1, to: 9 },
    { node: 'C', from: 11, to: 2 ** 52 },
  ])
})

test('catchUp() takes a snapshot as delivered and sets free what waited for it', () => {
  const buffer = new CausalBuffer<Text>()
  buffer.add(message('A', 4, {}))
  buffer.add(message('B', 2, { A: 4 }))
  buffer.add(message('A', 2, {}))
  expect(names(buffer.catchUp(of({ A: 3, B: 1 })))).toEqual(['A4', 'B2'])
  expect(buffer.delivered.toJSON()).toEqual({ A: 4, B: 2 })
  expect(buffer.pending).toBe(0)
  expect(buffer.add(message('A', 2, {})), 'in the snapshot').toEqual([])
})

test('discard() takes a message out; what depends on it goes on waiting', () => {
  const buffer = new CausalBuffer<Text>()
  buffer.add(message('A', 2, {}))
  buffer.add(message('A', 3, {}))
  buffer.add(message('B', 1, { A: 1 }))
  expect(buffer.discard({ node: 'A', counter: 2 })?.counter).toBe(2)
  expect(buffer.discard({ node: 'A', counter: 2 })).toBeUndefined()
  expect(buffer.pending).toBe(2)
  expect(names(buffer.add(message('A', 1, {})))).toEqual(['A1', 'B1'])
  expect(buffer.waitingFor()).toEqual([{ node: 'A', from: 2, to: 2 }])
  expect(names(buffer.add(message('A', 2, {})))).toEqual(['A2', 'A3'])
})

test('100,000 messages that come backwards come out forwards, without a stack to overflow', () => {
  const count = 100_000
  const buffer = new CausalBuffer({ maxPending: count })
  const deps = VersionVector.empty
  for (let counter = count; counter > 1; counter--) buffer.add({ node: 'A', counter, deps })
  const out = buffer.add({ node: 'A', counter: 1, deps })
  expect(out).toHaveLength(count)
  expect(out.every(({ counter }, index) => counter === index + 1)).toBe(true)
})

test('what is no message is refused, and nothing is held back', () => {
  const buffer = new CausalBuffer<Text>()
  expect(() => buffer.add(message('', 1, {}))).toThrow(TypeError)
  expect(() => buffer.add(message('A', 0, {}))).toThrow(RangeError)
  expect(() => buffer.add({ node: 'A', counter: 1 } as Text)).toThrow(TypeError)
  expect(() => buffer.add(message('A', 1, { A: 2 })), 'waits for its own future').toThrow(RangeError)
  expect(buffer.pending).toBe(0)
  for (const maxPending of [-1, 0.5, Number.NaN])
    expect(() => new CausalBuffer({ maxPending })).toThrow(RangeError)
})
