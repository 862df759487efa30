import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  covers,
  inHistory,
  merged,
  NOWHERE,
  replaced,
  type RedisHistory,
  type RedisPosition,
} from './position.ts'

const [A, B, C] = ['a'.repeat(40), 'b'.repeat(40), 'c'.repeat(40)] as const
const at = (replid: string, offset: number): RedisPosition => ({ replid, offset: BigInt(offset) })
const positions = fc.record({
  replid: fc.constantFrom(A, B, C),
  offset: fc.bigInt({ min: 0n, max: 20n }),
}) satisfies fc.Arbitrary<RedisPosition>
const lists = fc.array(positions, { maxLength: 5 })
const asText = (list: readonly RedisPosition[]): string[] =>
  list.map(({ replid, offset }) => `${replid}:${offset}`).toSorted()

/**
 * The slow and obvious: a history is the list of what was written, each write once. A failover keeps a
 * beginning of it, and offsets go on from there.
 */
interface Model {
  readonly history: RedisHistory
  /** At index n, what the write was that ends at offset n + 1: the history it was made in. */
  readonly writes: readonly string[]
}
const models: fc.Arbitrary<{ readonly old: Model; readonly next: Model }> = fc
  .record({ old: fc.nat(20), kept: fc.nat(20), more: fc.nat(20) })
  .map(({ old, kept, more }) => {
    const before = Array.from({ length: old }, () => A)
    const keeps = Math.min(old, kept)
    return {
      old: { history: { replid: A, previous: undefined }, writes: before },
      next: {
        // A server that is promoted at offset n says n + 1.
        history: { replid: B, previous: { replid: A, end: BigInt(keeps + 1) } },
        writes: [...before.slice(0, keeps), ...Array.from({ length: more }, () => B)],
      },
    }
  })

test('covers() is true exactly if the server has the write, also across a failover', () => {
  fc.assert(
    fc.property(models, fc.nat(40), fc.nat(40), fc.boolean(), ({ old, next }, wanted, stands, isOld) => {
      const token = isOld ? at(A, 1 + (wanted % (old.writes.length + 1))) : at(B, 1 + wanted)
      const made = Number(token.offset) - 1 // the write that ends there
      const source = isOld ? old : next
      fc.pre(made < source.writes.length)
      const offset = stands % (next.writes.length + 1)
      const has = made < offset && next.writes[made] === source.writes[made]
      expect(covers({ ...next.history, offset: BigInt(offset) }, [token])).toBe(has)
    }),
  )
})

test('inHistory() takes the last offset that was kept, and not the first that was lost', () => {
  const history = { replid: B, previous: { replid: A, end: 101n } }
  expect(inHistory(at(A, 100), history)).toEqual(at(B, 100))
  expect(inHistory(at(A, 101), history)).toBeUndefined()
  expect(inHistory(at(C, 1), history)).toBeUndefined()
})

test('nobody covers a write of which nobody knows where it is', () => {
  const none = { replid: NOWHERE.replid, end: 10n }
  expect(covers({ replid: A, previous: none, offset: 99n }, [NOWHERE])).toBe(false)
  expect(covers({ replid: NOWHERE.replid, previous: none, offset: 99n }, [NOWHERE])).toBe(false)
})

test('merged() does not care for order or repetition, and holds one position of each history', () => {
  fc.assert(
    fc.property(lists, lists, (a, b) => {
      const both = merged(a, b)
      expect(asText(merged(b, a))).toEqual(asText(both))
      expect(asText(merged(both, a, b))).toEqual(asText(both))
      expect(new Set(both.map(({ replid }) => replid)).size).toBe(both.length)
      for (const { replid, offset } of [...a, ...b]) {
        expect(both.some((one) => one.replid === replid && one.offset >= offset)).toBe(true)
      }
    }),
  )
})

test('replaced() drops what was known when the primary was asked, and nothing that came meanwhile', () => {
  fc.assert(
    fc.property(lists, lists, positions, (before, meanwhile, seen) => {
      const past = merged(before)
      const next = replaced(merged(past, meanwhile), past, seen)
      for (const { replid, offset } of merged(past, meanwhile)) {
        const isOld = past.some((one) => one.replid === replid && one.offset === offset)
        const isKept = next.some((one) => one.replid === replid && one.offset >= offset)
        expect(isKept).toBe(!isOld || replid === seen.replid)
      }
      expect(covers({ ...seen, previous: undefined }, [seen])).toBe(true)
      expect(next.some((one) => one.replid === seen.replid && one.offset >= seen.offset)).toBe(true)
    }),
  )
})
