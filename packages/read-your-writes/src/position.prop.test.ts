import fc from 'fast-check'
import { expect, test } from 'vitest'
import { endOfLastRecord, formatLsn, parseLsn } from './lsn.ts'
import { covers, laterOf, type Position } from './position.ts'

const positions: fc.Arbitrary<Position> = fc.record({
  cluster: fc.constant('1'),
  timeline: fc.integer({ min: 1, max: 3 }),
  lsn: fc.bigInt({ min: 0n, max: 5n }),
})

test('laterOf() merges like a maximum: in any order, in any grouping, any number of times', () => {
  fc.assert(
    fc.property(positions, positions, positions, (a, b, c) => {
      const ab = laterOf(a, b) as Position
      expect(ab).toEqual(laterOf(b, a))
      expect(laterOf(ab, c)).toEqual(laterOf(a, laterOf(b, c) as Position))
      expect(laterOf(a, a)).toEqual(a)
      expect([a, b]).toContainEqual(ab)
    }),
  )
})

test('on one timeline, a server that covers the later of two covers both', () => {
  fc.assert(
    fc.property(positions, positions, positions, (at, a, b) => {
      fc.pre(a.timeline === b.timeline)
      expect(covers(at, laterOf(a, b) as Position)).toBe(covers(at, a) && covers(at, b))
    }),
  )
})

test('positions of different clusters neither merge nor cover', () => {
  const here = { cluster: '1', timeline: 1, lsn: 9n }
  const there = { cluster: '2', timeline: 1, lsn: 1n }
  expect(laterOf(here, there)).toBeUndefined()
  expect(covers(here, there)).toBe(false)
})

test('a position of another timeline is covered by nobody, however far they are', () => {
  expect(covers({ cluster: '1', timeline: 2, lsn: 9n }, { cluster: '1', timeline: 1, lsn: 1n })).toBe(false)
  expect(covers({ cluster: '1', timeline: 1, lsn: 9n }, { cluster: '1', timeline: 2, lsn: 1n })).toBe(false)
})

test('log positions read back as they were written', () => {
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), (lsn) => {
      expect(parseLsn(formatLsn(lsn))).toBe(lsn)
    }),
  )
  expect(parseLsn('16/B374D848')).toBe(0x16b374d848n)
  for (const text of ['', '1', '1/2/3', 'G/1', '1/123456789'])
    expect(() => parseLsn(text)).toThrow(RangeError)
})

test('endOfLastRecord() steps back over a page header, and over nothing else', () => {
  const layout = { pageBytes: 8_192n, segmentBytes: 1_048_576n }
  const page = 0x5002000n
  const segment = 0x5000000n
  expect(endOfLastRecord(page + 24n, layout)).toBe(page)
  expect(endOfLastRecord(segment + 40n, layout)).toBe(segment)
  fc.assert(
    fc.property(fc.bigInt({ min: 0n, max: 2n ** 40n }), (lsn) => {
      const inPage = lsn % 8_192n
      const inSegment = lsn % 1_048_576n
      fc.pre(inSegment !== 40n && (inPage !== 24n || inSegment === 24n))
      expect(endOfLastRecord(lsn, layout)).toBe(lsn)
    }),
  )
  expect(endOfLastRecord(page + 40n, layout)).toBe(page + 40n)
})
