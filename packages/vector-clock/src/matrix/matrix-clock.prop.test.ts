import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DecodeError, VersionVector } from '../index.ts'
import { MatrixClock } from './index.ts'

const NODES = ['a', 'b', 'c'] as const
const step = fc.record({
  do: fc.constantFrom('write', 'sync', 'gossip'),
  on: fc.nat({ max: 2 }),
  from: fc.nat({ max: 2 }),
})
const version = fc
  .dictionary(fc.constantFrom('a', 'b', 'c', 'd'), fc.integer({ min: 1, max: 4 }))
  .map((counters) => VersionVector.of(counters))
const matrix = fc.tuple(version, version, version).map((rows) => {
  const clock = new MatrixClock({ node: 'a', members: NODES })
  NODES.forEach((node, index) => clock.observe(node, rows[index] as VersionVector))
  return clock
})

test('what a clock calls stable, everybody has; it never goes back; and all of it is stable in the end', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 50, size: 'max' }), (steps) => {
      const clocks = NODES.map((node) => new MatrixClock({ node, members: NODES }))
      const run = ({ do: what, on, from }: { do: string; on: number; from: number }): void => {
        const mine = clocks[on] as MatrixClock
        const theirs = clocks[from] as MatrixClock
        const before = mine.stable
        if (what === 'write') mine.observe(mine.node, mine.version.increment(mine.node))
        // A sync copies the events and says so; gossip carries the matrix alone.
        if (what === 'sync') mine.observe(mine.node, theirs.version)
        if (what !== 'write') mine.merge(theirs)
        expect(mine.stable.dominates(before)).toBe(true)
        for (const other of clocks) expect(other.version.dominates(mine.stable)).toBe(true)
      }
      steps.forEach(run)
      for (let round = 0; round < 3; round++) {
        for (let on = 0; on < 3; on++) for (let from = 0; from < 3; from++) run({ do: 'sync', on, from })
      }
      const all = clocks.reduce((sum, clock) => sum.merge(clock.version), VersionVector.empty)
      for (const clock of clocks) expect(clock.stable.compare(all)).toBe('equal')
    }),
  )
})

test('stable is the least counter of every node, laggards are those below', () => {
  fc.assert(
    fc.property(matrix, (clock) => {
      for (const node of ['a', 'b', 'c', 'd']) {
        const counters = NODES.map((member) => clock.of(member).get(node))
        expect(clock.stable.get(node)).toBe(Math.min(...counters))
        const behind = NODES.filter((_, index) => (counters[index] as number) < 2)
        expect(clock.laggards({ node, counter: 2 })).toEqual(behind)
      }
    }),
  )
})

test('merge() commutes, associates and is idempotent', () => {
  const merged = (...clocks: MatrixClock[]): unknown => {
    const out = new MatrixClock({ node: 'a', members: NODES })
    for (const clock of clocks) out.merge(clock)
    return out.toJSON()
  }
  fc.assert(
    fc.property(matrix, matrix, matrix, (a, b, c) => {
      expect(merged(a, b, c)).toEqual(merged(c, a, b))
      expect(merged(a, a)).toEqual(a.toJSON())
    }),
  )
})

test('decode() either fails with a DecodeError or gives a clock that encodes to the same bytes', () => {
  const mutated = fc
    .tuple(matrix, fc.nat(), fc.nat({ max: 255 }))
    .map(([clock, at, byte]) => clock.encode().with(at % clock.encode().length, byte))
  fc.assert(
    fc.property(fc.oneof(fc.uint8Array({ maxLength: 40 }), mutated), (bytes) => {
      try {
        expect(MatrixClock.decode(bytes, { node: 'a' }).encode()).toEqual(bytes)
      } catch (error) {
        if (!(error instanceof DecodeError)) throw error
      }
    }),
    { numRuns: 1_000 },
  )
})
