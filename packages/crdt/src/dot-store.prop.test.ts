// The store under the dotted types: a log of removals of any length gives deltas that are right, and a long one
// small ones.
import { VersionVector } from '@quorate/vector-clock'
import { CausalContext } from '@quorate/vector-clock/causal-context'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { DotStore } from './dot-store.ts'
import { addRemoved, type Fragment, group, type Live, type StoreRules } from './fragment.ts'
import { IndexedDotStore } from './indexed-dot-store.ts'
import { createOrSet } from './index.ts'

const RULES: StoreRules<undefined> = { type: 'or-set', samePayload: () => true }
type Store = DotStore<string, undefined>

const REPLICAS = ['a', 'b', 'c', 'd']
const who = fc.nat({ max: REPLICAS.length - 1 })
type Step =
  | { readonly do: 'put' | 'remove'; readonly at: number; readonly key: string }
  | { readonly do: 'send'; readonly from: number; readonly made: number; readonly to: readonly number[] }
  | { readonly do: 'state'; readonly from: number; readonly to: number }
  | { readonly do: 'reload'; readonly at: number }
const step = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constantFrom('put', 'remove'),
      at: who,
      key: fc.constantFrom('x', 'y', 'z', 'w'),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constant('send'),
      from: who,
      made: who,
      to: fc.array(who, { maxLength: 3 }),
    }),
  },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('state'), from: who, to: who }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('reload'), at: who }) },
) as fc.Arbitrary<Step>

const eventsOf = (store: Store): string =>
  JSON.stringify([
    store.context,
    [...store.all()].map(({ key, node, counter }) => `${key} ${node} ${counter}`).toSorted(),
  ])

const entriesOf = (store: Store): ReadonlySet<string> =>
  new Set([...store.all()].map(({ key, node, counter }) => `${key} ${node} ${counter}`))

/** A copy as a restart makes it: from the state alone, without what only memory knows. */
function reloaded(store: Store, make: () => Store): Store {
  const copy = make()
  copy.join({ context: store.context.clone(), entries: [...store.all()] })
  return copy
}

test('since(): whatever the log still holds, a replica at that version gets to the state, and others get no harm', () => {
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 80, size: 'max' }),
      fc.constantFrom(0, 2, 6, 1000),
      fc.boolean(),
      (steps, logMin, indexed) => {
        const make = (): Store =>
          indexed ? new IndexedDotStore(RULES, logMin) : new DotStore<string, undefined>(RULES)
        const stores = REPLICAS.map(make)
        const at = (index: number): Store => stores[index] as Store
        const differences: [string, string][] = []
        const early: [ReadonlySet<string>, ReadonlySet<string>][] = []
        // Who heard of removals by a delta that was made for another may not know the events that they were: until it knows
        // all that anybody knew then, others with its version may have what it has not, and its deltas do not tell them.
        const unsure = new Map<number, CausalContext>()
        const isUnsure = (index: number): boolean =>
          unsure.has(index) && !at(index).context.includes(unsure.get(index) as CausalContext)
        const join = (to: number, fragment: Fragment<string, undefined>, isFor: boolean): void => {
          at(to).join(fragment)
          if (isFor || fragment.context.size === fragment.entries.length) return
          const all = new CausalContext()
          for (const { context } of stores) all.merge(context)
          unsure.set(to, all)
        }
        for (const one of steps) {
          if (one.do === 'put') at(one.at).put(REPLICAS[one.at] as string, one.key, undefined, true)
          else if (one.do === 'remove') at(one.at).remove(REPLICAS[one.at] as string, [one.key])
          else if (one.do === 'reload') stores[one.at] = reloaded(at(one.at), make)
          else if (one.do === 'state') join(one.to, at(one.from).fragment(), !isUnsure(one.from))
          else if (one.do === 'send') {
            const isSure = !isUnsure(one.from)
            const delta = at(one.from).since(at(one.made).context.vector)
            for (const to of [one.made, ...one.to]) join(to, delta, isSure && to === one.made)
            // Of what it does not have, the one it was made for now has what the state would have given it.
            const byState = reloaded(at(one.made), make)
            byState.join(at(one.from).fragment())
            if (isSure) differences.push([eventsOf(at(one.made)), eventsOf(byState)])
            else early.push([entriesOf(at(one.made)), entriesOf(byState)])
          }
        }
        for (const [byDelta, byState] of differences) expect(byDelta).toBe(byState)
        for (const [byDelta, byState] of early)
          expect([...byState].filter((entry) => !byDelta.has(entry))).toEqual([])
        // Each asks each: twice, as an answer may fill a gap that hid a difference.
        for (let round = 0; round < 2; round++) {
          for (const to of stores) for (const from of stores) to.join(from.since(to.context.vector))
        }
        for (const store of stores) {
          expect(eventsOf(store)).toBe(eventsOf(at(0)))
          expect(store.since(at(0).context.vector).context.size).toBe(0)
        }
      },
    ),
    { numRuns: 1_000 },
  )
})

test('group() of fragments is what joining them one by one gives, in any order', () => {
  fc.assert(
    fc.property(
      fc.array(fc.record({ at: who, put: fc.boolean(), key: fc.constantFrom('x', 'y'), hear: who })),
      fc.nat(),
      (edits, turn) => {
        const stores = REPLICAS.map(() => new DotStore<string, undefined>(RULES))
        const fragments: Fragment<string, undefined>[] = edits.map(({ at, put, key, hear }) => {
          const [store, replica] = [stores[at] as Store, REPLICAS[at] as string]
          store.join((stores[hear] as Store).fragment())
          return put ? store.put(replica, key, undefined, true) : store.remove(replica, [key])
        })
        const cut = turn % (fragments.length + 1)
        const turned = [...fragments.slice(cut), ...fragments.slice(0, cut)]
        const [whole, oneByOne] = [
          new DotStore<string, undefined>(RULES),
          new DotStore<string, undefined>(RULES),
        ]
        whole.join(group(RULES, turned))
        for (const fragment of fragments) oneByOne.join(fragment)
        expect(eventsOf(whole)).toBe(eventsOf(oneByOne))
        const removed = reloaded(whole, () => new DotStore(RULES)).context
        addRemoved(removed, fragments)
        expect(JSON.stringify(removed)).toBe(JSON.stringify(whole.context))
      },
    ),
  )
})

/** Counts the steps along the lists of entries. */
class CountingStore extends DotStore<string, undefined> {
  steps = 0

  protected override insert(entry: Live<string, undefined>): void {
    super.insert(entry)
    let { next } = entry
    Object.defineProperty(entry, 'next', {
      get: () => {
        this.steps++
        return next
      },
      set: (other: Live<string, undefined> | undefined) => {
        next = other
      },
    })
  }
}

test('entries of one key, as many as a hostile sender likes, cost steps in proportion to their number', () => {
  const ENTRIES = 2_000
  const writer = new DotStore<string, undefined>(RULES)
  for (let i = 0; i < ENTRIES; i++) writer.put('a', 'x', undefined, false)
  const reader = new CountingStore(RULES)
  reader.join(writer.fragment())
  writer.put('a', 'x', undefined, true)
  const half = new DotStore<string, undefined>(RULES)
  half.join(reader.fragment())
  reader.steps = 0
  reader.join(half.fragment()) // all are there
  reader.join(writer.fragment()) // all are gone
  // The product of the lengths would be 4,000,000.
  expect(reader.steps).toBeGreaterThan(ENTRIES)
  expect(reader.steps).toBeLessThan(ENTRIES * 20)
  expect([...reader.all()].length).toBe(1)
})

test('a delta names the removals a peer has not seen, not those of the past', () => {
  const a = createOrSet({ replica: 'a' })
  for (let i = 0; i < 10_000; i++) a.add(`element-${i}`)
  const b = a.clone({ replica: 'b' })
  // Every other one: 5,000 runs.
  for (let i = 0; i < 10_000; i += 2) a.remove(`element-${i}`)
  const all = a.deltaSince(b.version)
  b.merge(all)
  expect(all.encode().length).toBeGreaterThan(5_000)
  a.remove('element-1')
  const one = a.deltaSince(b.version)
  expect(one.encode().length).toBeLessThanOrEqual(20)
  b.merge(one.encode())
  expect(b.encode()).toEqual(a.encode())
  // Also from the one that only heard of them, and its copy.
  const c = a.clone({ replica: 'c' })
  const version = a.version
  c.remove('element-3')
  b.merge(c.deltaSince(version))
  expect(b.deltaSince(version).encode().length).toBeLessThanOrEqual(30)
  // A reloaded one does not know who has seen what, and says all.
  const again = createOrSet({ replica: 'd' })
  again.merge(b.encode())
  expect(again.deltaSince(version).encode().length).toBeGreaterThan(5_000)
  expect(again.deltaSince(VersionVector.of(b.version)).isEmpty).toBe(true)
})
