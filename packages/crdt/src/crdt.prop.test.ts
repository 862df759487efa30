// Laws of the dotted types, and their behaviour against a slow and obvious model; see `test/model.ts`.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  DOTTED,
  edit,
  heal,
  looseSteps,
  type Node,
  Play,
  pnCounter,
  steps,
  type Subject,
  visibleInTheEnd,
  who,
} from '../test/model.ts'
import { type Crdt, type CrdtType, DecodeError, type Delta } from './index.ts'

type AnyCrdt = Crdt<CrdtType, unknown>

const stateOf = (subject: Subject, suffix = ''): fc.Arbitrary<Crdt<CrdtType, unknown>> =>
  fc.tuple(looseSteps, who).map(([list, at]) => (new Play(subject, suffix).run(list).nodes[at] as Node).crdt)
const hex = (crdt: { encode(): Uint8Array }): string => Buffer.from(crdt.encode()).toString('hex')
const merged = (...all: Crdt<CrdtType, unknown>[]): Crdt<CrdtType, unknown> => {
  const [first, ...others] = all as [Crdt<CrdtType, unknown>, ...Crdt<CrdtType, unknown>[]]
  const result = first.clone({ replica: 'merger' })
  for (const other of others) result.merge(other)
  return result
}

describe.each([...DOTTED, pnCounter])('$name', (subject) => {
  test.each([
    ['each is what the model says at each step, and all are equal in the end', steps],
    ['deltas that were made for one go to others too, and all are equal in the end', looseSteps],
  ])('5 replicas on a network that loses, repeats and reorders: %s', (_what, list) => {
    fc.assert(
      fc.property(list, (done) => {
        const { nodes, all } = new Play(subject).run(done)
        heal(nodes)
        const expected = subject.model(visibleInTheEnd(subject, all).map((event) => event.edit))
        for (const { crdt } of nodes) {
          expect(subject.value(crdt)).toEqual(expected)
          expect(hex(crdt)).toBe(hex((nodes[0] as Node).crdt))
          expect(crdt.hasGaps).toBe(false)
          expect(crdt.version.compare((nodes[0] as Node).crdt.version)).toBe('equal')
        }
      }),
      { numRuns: 100 },
    )
  })

  test('merge() commutes, associates and is idempotent, also for states with gaps', () => {
    fc.assert(
      fc.property(stateOf(subject), stateOf(subject, '2'), stateOf(subject, '3'), (a, b, c) => {
        expect(hex(merged(a, b))).toBe(hex(merged(b, a)))
        expect(hex(merged(merged(a, b), c))).toBe(hex(merged(a, merged(b, c))))
        expect(hex(merged(a, a))).toBe(hex(a))
        expect(merged(a, b).merge(a)).toBe(false)
        expect(merged(a, b).version.dominates(a.version)).toBe(true)
      }),
    )
  })

  test('merge() of states of one history commutes and associates', () => {
    fc.assert(
      fc.property(looseSteps, who, who, who, (list, i, j, k) => {
        const { nodes } = new Play(subject).run(list)
        const [a, b, c] = [i, j, k].map((at) => (nodes[at] as Node).crdt) as [AnyCrdt, AnyCrdt, AnyCrdt]
        expect(hex(merged(a, b))).toBe(hex(merged(b, a)))
        expect(hex(merged(merged(a, b), c))).toBe(hex(merged(a, merged(b, c))))
      }),
    )
  })

  test('deltas of edits, grouped in any way, are the deltas one by one', () => {
    fc.assert(
      fc.property(
        looseSteps,
        who,
        fc.array(edit, { maxLength: 12, size: 'max' }),
        fc.nat(),
        (list, at, edits, at2) => {
          const { crdt } = new Play(subject).run(list).nodes[at] as Node
          const deltas = edits.map((one) => subject.edit(crdt, one))
          const cut = deltas.length === 0 ? 0 : at2 % deltas.length
          const alone = subject.make('reader')
          for (const delta of deltas) alone.merge(delta)
          const [empty] = [subject.make('nobody').deltaSince(alone.version)]
          const joined = (of: readonly Delta[]): Delta => of.reduce((group, one) => group.merge(one), empty)
          const whole = joined(deltas)
          const left = joined(deltas.slice(0, cut))
          const right = joined(deltas.slice(cut))
          const inTwo = right.merge(left)
          expect(hex(whole)).toBe(hex(inTwo))
          expect(hex(whole.merge(left))).toBe(hex(whole))
          // Neither of the two has changed.
          expect(hex(left)).toBe(hex(joined(deltas.slice(0, cut))))
          const byGroup = subject.make('reader')
          byGroup.merge(inTwo.encode())
          expect(hex(byGroup)).toBe(hex(alone))
          expect(hex(whole)).toBe(hex(alone))
        },
      ),
    )
  })

  test('the deltas of all edits, in any order, are the state', () => {
    fc.assert(
      fc.property(
        fc.array(edit, { maxLength: 20, size: 'max' }),
        fc.infiniteStream(fc.nat()),
        (edits, random) => {
          const writer = subject.make('a')
          const deltas = edits.map((one) => subject.edit(writer, one))
          const reader = subject.make('b')
          for (const delta of deltas.toSorted(() => ((random.next().value as number) % 2) - 0.5))
            reader.merge(delta)
          expect(hex(reader)).toBe(hex(writer))
        },
      ),
    )
  })

  test('deltaSince() brings a replica that is behind to the same bytes as the whole state does', () => {
    fc.assert(
      fc.property(looseSteps, who, who, (list, i, j) => {
        const { nodes } = new Play(subject).run(list)
        const [from, to] = [(nodes[i] as Node).crdt, (nodes[j] as Node).crdt]
        const byState = merged(to, from)
        to.merge(from.deltaSince(to.version))
        expect(hex(to)).toBe(hex(byState))
        expect(from.hasGaps || to.hasGaps || from.deltaSince(to.version).isEmpty).toBe(true)
      }),
    )
  })

  test('bytes come back as they went; changed or random ones give the same bytes or a DecodeError', () => {
    const bytes = stateOf(subject).map((crdt) => crdt.encode())
    const changed = fc
      .tuple(bytes, fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 3 }))
      .map(([good, changes]) =>
        changes.reduce((result, [at, byte]) => result.with(at % result.length, byte), good),
      )
    const cut = fc.tuple(bytes, fc.nat()).map(([good, at]) => good.slice(0, at % (good.length + 1)))
    fc.assert(
      fc.property(bytes, (good) => {
        expect(subject.decode(good).encode()).toEqual(good)
      }),
    )
    fc.assert(
      fc.property(fc.oneof(changed, cut, fc.uint8Array({ maxLength: 60 })), (hostile) => {
        try {
          expect(subject.decode(hostile).encode()).toEqual(hostile)
        } catch (error) {
          if (!(error instanceof DecodeError)) throw error
        }
      }),
      { numRuns: 300 },
    )
  })

  test('JSON comes back as it went', () => {
    fc.assert(
      fc.property(stateOf(subject), (crdt) => {
        expect(hex(subject.fromJSON(JSON.parse(JSON.stringify(crdt))))).toBe(hex(crdt))
      }),
    )
  })
})
