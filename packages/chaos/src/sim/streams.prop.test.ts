import fc from 'fast-check'
import { expect, test } from 'vitest'
import { type StreamName, streamOf } from './streams.ts'

const NAMES: readonly StreamName[] = [
  'workload',
  'faults',
  'network',
  'loss',
  'disk/r1',
  'disk/r2',
  'node/r1',
  'node/r2',
]
const draws = (random: () => number, count: number): number[] => Array.from({ length: count }, random)
const anyName = fc.constantFrom(...NAMES)

test('draws of one stream do not shift another one', () => {
  fc.assert(
    fc.property(fc.nat(), anyName, anyName, fc.nat(50), (seed, name, other, count) => {
      fc.pre(name !== other)
      const alone = draws(streamOf(seed, name), 10)
      const disturber = streamOf(seed, other)
      const disturbed = streamOf(seed, name)
      const seen: number[] = []
      for (let index = 0; index < 10; index++) {
        draws(disturber, count)
        seen.push(disturbed())
      }
      expect(seen).toEqual(alone)
    }),
  )
})

test('streams of different names, seeds and salts have nothing in common', () => {
  fc.assert(
    fc.property(fc.nat(1_000_000), (seed) => {
      const all = [0, 1, 2].flatMap((salt) =>
        [seed, seed + 1].flatMap((one) => NAMES.flatMap((name) => draws(streamOf(one, name, salt), 5))),
      )
      expect(new Set(all).size).toBe(all.length)
    }),
  )
})
