import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { ReplayLineError } from './errors.ts'
import { drawFaults } from './fault-schedule.ts'
import type { Fault } from './faults.ts'
import type { Plan } from './plan.ts'
import { formatPlan, parsePlan } from './plan-codec.ts'
import { streamOf } from './streams.ts'

const cluster = { nodes: ['r1', 'r2', 'replica-3'], clients: ['c.1', 'c_2'] }
const id = fc.constantFrom(...cluster.nodes, ...cluster.clients)
const ms = fc
  .oneof(fc.nat(10_000), fc.double({ min: 0, max: 1e6, noNaN: true, noDefaultInfinity: true }))
  .map((value) => value + 0) // -0 reads as 0
const signed = fc.integer({ min: -100_000, max: 100_000 })
const window = { atMs: ms, forMs: ms }
const side = fc.uniqueArray(id, { minLength: 1 })
const fault: fc.Arbitrary<Fault> = fc.oneof(
  fc.record({ ...window, kind: fc.constant('cut' as const), from: side, to: side, bothWays: fc.boolean() }),
  fc.record({ ...window, kind: fc.constant('crash' as const), node: id, mixed: fc.boolean() }),
  fc.record({ ...window, kind: fc.constant('pause' as const), node: id }),
  fc.record({
    ...window,
    kind: fc.constantFrom('loss' as const, 'duplicate' as const),
    rate: fc.constantFrom(0, 0.05, 1),
  }),
  fc.record({ ...window, kind: fc.constant('delay' as const), upToMs: ms }),
  fc.record({
    ...window,
    kind: fc.constantFrom('skew' as const, 'slow-disk' as const),
    node: id,
    byMs: signed,
  }),
  fc.record({ ...window, kind: fc.constant('drift' as const), node: id, ppm: signed }),
)
const operation = fc.oneof(fc.record({ index: fc.nat() }), fc.record({ index: fc.nat(), afterMs: ms }))
const plan: fc.Arbitrary<Plan> = fc.record(
  {
    seed: fc.nat(),
    salt: fc.integer({ min: 1, max: 99 }),
    operations: fc.array(operation),
    faults: fc.array(fault),
  },
  { requiredKeys: ['seed'] },
)

describe('a plan in one line', () => {
  test('reads back as it was', () => {
    fc.assert(
      fc.property(plan, (one) => {
        const line = formatPlan(one)
        expect(line).not.toMatch(/[\s']/) // fits between single quotes of a shell
        expect(parsePlan(line)).toEqual(one)
      }),
      { numRuns: 1_000 },
    )
  })

  test('of a seed alone is the seed', () => {
    expect(formatPlan({ seed: 42 })).toBe('v1:seed=42')
    expect(parsePlan('v1:seed=42')).toEqual({ seed: 42 })
  })

  test.each([
    '',
    'seed=1',
    'v2:seed=1',
    'v1:salt=1;seed=1',
    'v1:seed=x',
    'v1:seed=1.5',
    'v1:seed=1;ops=x',
    'v1:seed=1;ops=1+',
    'v1:seed=1;faults=crash(r1)',
    'v1:seed=1;faults=crash(r1,maybe)@1+1',
    'v1:seed=1;faults=cut(r1)@1+1',
    'v1:seed=1;faults=fire(r1)@1+1',
    'v1:seed=1;faults=loss()@1+1',
    'v1:seed=1;faults=pause(r1)@-1+1',
    'v1:seed=1;moon=full',
  ])('"%s" is refused', (line) => {
    expect(() => parsePlan(line)).toThrow(ReplayLineError)
  })
})

test('drawFaults() is a pure function of the stream, and every fault is over in time', () => {
  fc.assert(
    fc.property(fc.nat(), fc.nat(8), fc.integer({ min: 1, max: 500 }), (seed, max, withinMs) => {
      const options = { max, withinMs, forMs: [1, 100] as const }
      const faults = drawFaults(streamOf(seed, 'faults'), cluster, options)
      expect(drawFaults(streamOf(seed, 'faults'), cluster, options)).toEqual(faults)
      expect(faults.length).toBeLessThanOrEqual(max)
      for (const { atMs, forMs } of faults) {
        expect(atMs).toBeGreaterThanOrEqual(0)
        expect(forMs).toBeGreaterThan(0)
        expect(atMs + forMs).toBeLessThanOrEqual(withinMs)
      }
    }),
  )
})

test('drawFaults() draws each kind, and one-way as well as two-way cuts', () => {
  const drawn = Array.from({ length: 500 }, (_, seed) => drawFaults(streamOf(seed, 'faults'), cluster)).flat()
  expect([...new Set(drawn.map(({ kind }) => kind))].toSorted()).toEqual([
    'crash',
    'cut',
    'delay',
    'drift',
    'duplicate',
    'loss',
    'pause',
    'skew',
    'slow-disk',
  ])
  const cuts = drawn.filter((one) => one.kind === 'cut')
  expect(new Set(cuts.map(({ bothWays }) => bothWays)).size).toBe(2)
  expect(cuts.some(({ from, to }) => from.length > 1 && to.length > 1)).toBe(true)
})
