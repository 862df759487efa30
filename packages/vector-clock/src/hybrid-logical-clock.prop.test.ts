import fc from 'fast-check'
import { expect, test } from 'vitest'
import { hlcFromBigInt, hlcFromBytes, hlcToBigInt, hlcToBytes } from './hlc/index.ts'
import {
  compareHlc,
  HLC_MAX_COUNTER,
  HLC_MAX_MS,
  hlcFromString,
  type HlcTimestamp,
  hlcToString,
  HybridLogicalClock,
} from './index.ts'

const stamp: fc.Arbitrary<HlcTimestamp> = fc.record({
  ms: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: HLC_MAX_MS })),
  counter: fc.oneof(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: HLC_MAX_COUNTER })),
  node: fc.constantFrom('a', 'b', 'eu-1', 'é', 'Z'),
})

test('each encoding comes back as it went', () => {
  fc.assert(
    fc.property(stamp, (at) => {
      expect(hlcFromString(hlcToString(at))).toEqual(at)
      expect(hlcFromBytes(hlcToBytes(at), at.node)).toEqual(at)
      expect(hlcFromBigInt(hlcToBigInt(at), at.node)).toEqual(at)
    }),
  )
})

test('strings, bytes and bigints sort as the stamps do', () => {
  fc.assert(
    fc.property(stamp, stamp, (a, b) => {
      const order = Math.sign(compareHlc(a, b))
      const texts = [hlcToString(a), hlcToString(b)] as const
      expect(texts[0] < texts[1] ? -1 : texts[0] > texts[1] ? 1 : 0).toBe(order)
      const sameNode = Math.sign(compareHlc(a, { ...b, node: a.node }))
      expect(Math.sign(Buffer.compare(hlcToBytes(a), hlcToBytes(b)))).toBe(sameNode)
      const difference = hlcToBigInt(a) - hlcToBigInt(b)
      expect(difference > 0n ? 1 : difference < 0n ? -1 : 0).toBe(sameNode)
    }),
  )
})

test('with clocks that jump about, every stamp is greater than all its node knew of', () => {
  const step = fc.record({
    from: fc.nat({ max: 2 }),
    to: fc.nat({ max: 2 }),
    wallMs: fc.integer({ min: 0, max: 40 }),
  })
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60, size: 'max' }), (steps) => {
      let wallMs = 0
      const clocks = ['a', 'b', 'c'].map(
        (node) => new HybridLogicalClock({ node, now: () => wallMs, maxDriftMs: Infinity }),
      )
      for (const { from, to, wallMs: nextMs } of steps) {
        wallMs = nextMs
        const known = clocks.map(({ latest }) => latest)
        const sent = (clocks[from] as HybridLogicalClock).now()
        expect(compareHlc(sent, known[from] as HlcTimestamp)).toBeGreaterThan(0)
        const got = (clocks[to] as HybridLogicalClock).receive(sent)
        expect(compareHlc(got, sent)).toBeGreaterThan(0)
        expect(compareHlc(got, known[to] as HlcTimestamp)).toBeGreaterThan(0)
      }
    }),
  )
})
