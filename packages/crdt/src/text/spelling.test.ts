// Equal states have equal bytes: of each state one spelling is read, and all others are refused.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { encodeOps } from './codec.ts'
import { createText, DecodeError, decodeText, textFromJSON } from './index.ts'
import { DERIVED, Insertion, NOWHERE } from './ops.ts'

const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')

/** Messages of small numbers: enough for all that rows can say about a few characters of two writers. */
const small = fc.integer({ min: 0, max: 5 })
const kinds = fc.constantFrom(0, 1, 1, 2, 2, 3, 4, 5, 8, 9, 10, 12, 13)
const row = fc.oneof(
  fc.tuple(kinds, small),
  fc.constantFrom([0], [3], [8], [11]),
  fc.tuple(fc.constantFrom(6, 6, 14), fc.constantFrom(1, 2, 2, 4), fc.nat(2), small),
  fc.tuple(fc.constantFrom(6, 14), fc.constant(0), fc.nat(2), small, fc.nat(2), small),
  fc.constantFrom([6, 2, 0], [14, 2, 0], [6, 0, 0, 0], [6, 0, 0, 1, 2], [6, 0, 1, 0, 0]),
)
// Mostly something is put in first, which the others can be about.
const start = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom([6, 2, 0], [14, 2, 0]) },
  { weight: 1, arbitrary: row },
)
const rows = fc
  .tuple(start, fc.array(row, { maxLength: 2 }))
  .map(([one, more]) => [0, ...one, ...more.flat(), 7])
const message = fc.oneof(
  rows.map((own) => [1, 15, 1, 3, 97, ...own]),
  fc.tuple(rows, rows).map(([one, other]) => [1, 15, 2, 3, 97, 3, 98, ...one, ...other]),
)

test('whatever rows are read, they are what the state would write', () => {
  let read = 0
  let refused = 0
  fc.assert(
    fc.property(message, (bytes) => {
      // Of the lengths that the text may have, one is right.
      for (let length = 0; length <= 8; length++) {
        const all = Uint8Array.from([...bytes, length * 2, ...Array.from({ length }, () => 120)])
        try {
          const text = decodeText(all, { replica: 'reader' })
          read++
          expect(hex(text.encode())).toBe(hex(all))
          const merged = createText({ replica: 'reader' })
          merged.merge(all)
          expect([merged.toString(), hex(merged.encode())]).toEqual([text.toString(), hex(all)])
        } catch (error) {
          if (!(error instanceof DecodeError)) throw error
          refused++
        }
      }
    }),
    { numRuns: 4000 },
  )
  expect([read > 500, refused > 1000]).toEqual([true, true])
})

describe('of two origins only one is told where the other follows', () => {
  const head = [1, 15, 1, 3, 97, 0]
  const first = [6, 2, 0]
  test.each<[string, number[], string]>([
    ['start and end', [...head, 6, 0, 0, 0, 7, 2, 120], '010f 01 0361 00 060200 07 0278'],
    [
      'the left one and its right one',
      [...head, ...first, 6, 0, 1, 0, 0, 7, 4, 120, 121],
      '010f 01 0361 00 0e0200 07 047879',
    ],
    [
      'the right one and its left one',
      [...head, ...first, 6, 0, 0, 1, 0, 7, 4, 120, 121],
      '010f 01 0361 00 060200 00 07 047879',
    ],
  ])('%s', (_name, long, short) => {
    const bytes = Uint8Array.from(long)
    expect(() => decodeText(bytes, { replica: 'b' })).toThrow(DecodeError)
    expect(() => createText({ replica: 'b' }).merge(bytes)).toThrow(DecodeError)
    const text = decodeText(Buffer.from(short.replaceAll(' ', ''), 'hex'), { replica: 'b' })
    expect(hex(text.encode())).toBe(short.replaceAll(' ', ''))
    expect(text.length).toBe(long.at(-1) === 121 ? 2 : 1)
  })

  test('what does not follow from the edits at hand is told, and taken', () => {
    const x = new Insertion('a', 1, 1, 'x', NOWHERE, 0, NOWHERE, DERIVED)
    const y = new Insertion('b', 1, 1, 'y', NOWHERE, 0, 'a', 1)
    const [alone, both] = [encodeOps([y]), encodeOps([x, y])]
    const text = createText({ replica: 'c' })
    expect(text.merge(alone)).toBe(true)
    expect(hex(text.encode())).toBe(hex(alone))
    text.merge(encodeOps([x]))
    expect([text.toString(), hex(text.encode())]).toEqual(['yx', hex(both)])
    expect(decodeText(both, { replica: 'd' }).toString()).toBe('yx')
  })

  test('what waits is told in short as soon as the edits at hand show it, so that the state can be read', () => {
    // The second waits for one before it; of the first it can be seen by now that it is its right origin's left child.
    const x = new Insertion('a', 1, 1, 'x', NOWHERE, 0, NOWHERE, DERIVED)
    const y = new Insertion('b', 2, 1, 'y', NOWHERE, 0, 'a', 1)
    const text = createText({ replica: 'c' })
    text.merge(encodeOps([y]))
    text.merge(encodeOps([x]))
    const read = decodeText(text.encode(), { replica: 'd' })
    expect([read.toString(), read.hasGaps, hex(read.encode())]).toEqual(['x', true, hex(text.encode())])
    expect(hex(textFromJSON(JSON.parse(JSON.stringify(text)), { replica: 'd' }).encode())).toBe(
      hex(text.encode()),
    )
  })

  test('a circle of origins, told twice, follows from nothing', () => {
    const bytes = encodeOps([
      new Insertion('a', 1, 1, 'x', 'b', 1, 'c', 1),
      new Insertion('b', 1, 1, 'y', 'a', 1, NOWHERE, DERIVED),
      new Insertion('c', 1, 1, 'z', NOWHERE, DERIVED, 'a', 1),
    ])
    const text = decodeText(bytes, { replica: 'd' })
    expect([text.toString(), text.hasGaps, hex(text.encode())]).toEqual(['', true, hex(bytes)])
  })
})
