// Laws of all types, and their behaviour against a model that is slow and obvious: a replica is the set of
// edits it has heard of; an edit takes away those that its replica saw when it was made. In the end, when
// all have heard of all, that must be the same as: an edit takes away all that its replica had heard of.
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  type Crdt,
  type CrdtType,
  createCart,
  createOrSet,
  createPnCounter,
  DecodeError,
  decodeCart,
  cartFromJSON,
  decodeOrSet,
  orSetFromJSON,
  decodePnCounter,
  pnCounterFromJSON,
  type Delta,
} from './index.ts'

type Edit =
  | { readonly do: 'add' | 'set'; readonly key: string; readonly amount: number }
  | { readonly do: 'remove'; readonly key: string }
  | { readonly do: 'clear' }
interface Event {
  /** Index of the replica that made it. */
  readonly by: number
  readonly edit: Edit
  /** All that its replica had heard of. */
  readonly heard: ReadonlySet<Event>
  /** What it takes away of what its replica saw. */
  readonly covers: ReadonlySet<Event>
}

/** One type under test: how to make it, edit it, read it back, and what the model says its value is. */
interface Subject {
  readonly name: CrdtType
  make(replica: string): Crdt<CrdtType, unknown>
  decode(bytes: Uint8Array): Crdt<CrdtType, unknown>
  fromJSON(json: unknown): Crdt<CrdtType, unknown>
  edit(crdt: Crdt<CrdtType, unknown>, edit: Edit): Delta
  value(crdt: Crdt<CrdtType, unknown>): Record<string, number>
  /** True if an edit takes an earlier one away. */
  covers(by: Edit, edit: Edit): boolean
  /** The value, of the edits that are left. */
  model(left: readonly Edit[]): Record<string, number>
}

const isAdd = ({ edit }: Event): boolean => edit.do === 'add' || edit.do === 'set'

/** The adds and sets that nobody has taken away: what the replica sees. */
const visible = (events: ReadonlySet<Event>): Event[] =>
  [...events].filter((event) => isAdd(event) && ![...events].some((by) => by.covers.has(event)))

/** The same by the other definition, which needs all events. */
const visibleInTheEnd = (subject: Subject, all: ReadonlySet<Event>): Event[] =>
  [...all].filter(
    (event) =>
      isAdd(event) && ![...all].some((by) => by.heard.has(event) && subject.covers(by.edit, event.edit)),
  )

const keyOf = (edit: Edit): string | undefined => (edit.do === 'clear' ? undefined : edit.key)
const removes = (by: Edit, edit: Edit): boolean =>
  by.do === 'clear' || (by.do === 'remove' && by.key === keyOf(edit))

const cart: Subject = {
  name: 'cart',
  make: (replica) => createCart({ replica }),
  decode: (bytes) => decodeCart(bytes, { replica: 'reader' }),
  fromJSON: (json) => cartFromJSON(json, { replica: 'reader' }),
  edit: (crdt, edit) => {
    const target = crdt as ReturnType<typeof createCart>
    if (edit.do === 'clear') return target.clear()
    if (edit.do === 'remove') return target.remove(edit.key)
    if (edit.do === 'set') return target.setQuantity(edit.key, edit.amount)
    return target.add(edit.key, edit.amount)
  },
  value: (crdt) => Object.fromEntries((crdt as ReturnType<typeof createCart>).value),
  covers: (by, edit) => removes(by, edit) || (by.do === 'set' && by.key === keyOf(edit)),
  model: (left) => {
    const value: Record<string, number> = {}
    for (const key of new Set(left.map(keyOf)) as Set<string>) {
      const amounts = (kind: Edit['do']): number[] =>
        left.flatMap((edit) =>
          edit.do === kind && 'amount' in edit && edit.key === key ? [edit.amount] : [],
        )
      value[key] = amounts('add').reduce((sum, amount) => sum + amount, 0) + Math.max(0, ...amounts('set'))
    }
    return value
  },
}

const orSet: Subject = {
  name: 'or-set',
  make: (replica) => createOrSet({ replica }),
  decode: (bytes) => decodeOrSet(bytes, { replica: 'reader' }),
  fromJSON: (json) => orSetFromJSON(json, { replica: 'reader' }),
  edit: (crdt, edit) => {
    const target = crdt as ReturnType<typeof createOrSet>
    if (edit.do === 'clear') return target.clear()
    return edit.do === 'remove' ? target.remove(edit.key) : target.add(edit.key)
  },
  value: (crdt) => Object.fromEntries([...(crdt as ReturnType<typeof createOrSet>)].map((key) => [key, 1])),
  covers: (by, edit) => removes(by, edit) || keyOf(by) === keyOf(edit),
  model: (left) => Object.fromEntries(left.map((one) => [keyOf(one), 1])),
}

const pnCounter: Subject = {
  name: 'pn-counter',
  make: (replica) => createPnCounter({ replica }),
  decode: (bytes) => decodePnCounter(bytes, { replica: 'reader' }),
  fromJSON: (json) => pnCounterFromJSON(json, { replica: 'reader' }),
  edit: (crdt, edit) => {
    const target = crdt as ReturnType<typeof createPnCounter>
    if (edit.do === 'add') return target.increment(edit.amount)
    return target.decrement(edit.do === 'set' ? edit.amount : 0)
  },
  value: (crdt) => ({ sum: (crdt as ReturnType<typeof createPnCounter>).value }),
  covers: () => false,
  model: (left) => ({
    sum: left.reduce((sum, one) => sum + ('amount' in one ? one.amount * (one.do === 'add' ? 1 : -1) : 0), 0),
  }),
}

const key = fc.constantFrom('x', 'y', 'z')
const edit: fc.Arbitrary<Edit> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({ do: fc.constant('add'), key, amount: fc.integer({ min: 1, max: 5 }) }),
  },
  {
    weight: 2,
    arbitrary: fc.record({ do: fc.constant('set'), key, amount: fc.integer({ min: 1, max: 5 }) }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('remove'), key }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('clear') }) },
) as fc.Arbitrary<Edit>

const REPLICAS = ['a', 'b', 'c', 'd', 'e']
const who = fc.nat({ max: REPLICAS.length - 1 })
type Step =
  | { readonly step: 'edit'; readonly at: number; readonly edit: Edit; readonly lost: readonly boolean[] }
  | { readonly step: 'deliver'; readonly pick: number; readonly keep: boolean }
  | { readonly step: 'sync' | 'state'; readonly from: number; readonly to: number; readonly lost: boolean }
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      step: fc.constant('edit'),
      at: who,
      edit,
      lost: fc.array(fc.boolean(), { minLength: REPLICAS.length, maxLength: REPLICAS.length }),
    }),
  },
  { weight: 6, arbitrary: fc.record({ step: fc.constant('deliver'), pick: fc.nat(), keep: fc.boolean() }) },
  {
    weight: 1,
    arbitrary: fc.record({ step: fc.constantFrom('sync', 'state'), from: who, to: who, lost: fc.boolean() }),
  },
) as fc.Arbitrary<Step>

interface Node {
  readonly crdt: Crdt<CrdtType, unknown>
  heard: Set<Event>
}
interface Letter {
  readonly to: number
  readonly bytes: Uint8Array
  readonly events: ReadonlySet<Event>
}

/** Plays the steps over a network that loses, repeats and reorders; checks each replica after each. */
function play(subject: Subject, list: readonly Step[]): Node[] {
  const nodes: Node[] = REPLICAS.map((replica) => ({ crdt: subject.make(replica), heard: new Set() }))
  const post: Letter[] = []
  const at = (index: number): Node => nodes[index] as Node
  const check = (node: Node): void =>
    expect(subject.value(node.crdt)).toEqual(subject.model(visible(node.heard).map((event) => event.edit)))
  const receive = (node: Node, bytes: Uint8Array, events: ReadonlySet<Event>): void => {
    const versionBefore = node.crdt.version
    node.crdt.merge(bytes)
    node.heard = new Set([...node.heard, ...events])
    expect(node.crdt.version.dominates(versionBefore)).toBe(true)
    check(node)
  }
  for (const one of list) {
    if (one.step === 'edit') {
      const node = at(one.at)
      const bytes = subject.edit(node.crdt, one.edit).encode()
      const event: Event = {
        by: one.at,
        edit: one.edit,
        heard: new Set(node.heard),
        covers: new Set(visible(node.heard).filter((seen) => subject.covers(one.edit, seen.edit))),
      }
      node.heard.add(event)
      check(node)
      for (const to of nodes.keys()) {
        if (to !== one.at && one.lost[to] !== true) post.push({ to, bytes, events: carried(subject, event) })
      }
    } else if (one.step === 'deliver') {
      if (post.length === 0) continue
      const letter = post[one.pick % post.length] as Letter
      if (!one.keep) post.splice(one.pick % post.length, 1)
      receive(at(letter.to), letter.bytes, letter.events)
    } else if (one.from !== one.to && !one.lost) {
      const from = at(one.from).crdt
      const bytes = one.step === 'sync' ? from.deltaSince(at(one.to).crdt.version).encode() : from.encode()
      receive(at(one.to), bytes, at(one.from).heard)
    }
  }
  return nodes
}

/** A counter's delta holds all that its replica ever counted, the others' hold the one edit. */
function carried(subject: Subject, event: Event): ReadonlySet<Event> {
  const own =
    subject === pnCounter && isAdd(event) ? [...event.heard].filter(({ by }) => by === event.by) : []
  return new Set([...own, event])
}

/** Everybody syncs with everybody by deltas, until nobody lacks anything. */
function heal(nodes: readonly Node[]): void {
  for (let round = 0; ; round++) {
    let sent = 0
    for (const from of nodes) {
      for (const to of nodes) {
        const delta = from.crdt.deltaSince(to.crdt.version)
        if (delta.isEmpty) continue
        sent++
        to.crdt.merge(delta.encode())
      }
    }
    if (sent === 0) return
    expect(round, 'rounds of sync').toBeLessThan(3)
  }
}

const steps = fc.array(step, { maxLength: 60 })
const stateOf = (subject: Subject): fc.Arbitrary<Crdt<CrdtType, unknown>> =>
  fc.tuple(steps, who).map(([list, at]) => (play(subject, list)[at] as Node).crdt)
const hex = (crdt: { encode(): Uint8Array }): string => Buffer.from(crdt.encode()).toString('hex')
const merged = (...all: Crdt<CrdtType, unknown>[]): Crdt<CrdtType, unknown> => {
  const [first, ...others] = all as [Crdt<CrdtType, unknown>, ...Crdt<CrdtType, unknown>[]]
  const result = first.clone({ replica: 'merger' })
  for (const other of others) result.merge(other)
  return result
}

describe.each([cart, orSet, pnCounter])('$name', (subject) => {
  test('5 replicas on a network that loses, repeats and reorders: each is what the model says at each step, and all are equal in the end', () => {
    fc.assert(
      fc.property(steps, (list) => {
        const nodes = play(subject, list)
        const all = new Set(nodes.flatMap(({ heard }) => [...heard]))
        heal(nodes)
        const expected = subject.model(visibleInTheEnd(subject, all).map((event) => event.edit))
        for (const { crdt } of nodes) {
          expect(subject.value(crdt)).toEqual(expected)
          expect(hex(crdt)).toBe(hex((nodes[0] as Node).crdt))
          expect(crdt.hasGaps).toBe(false)
          expect(crdt.version.compare((nodes[0] as Node).crdt.version)).toBe('equal')
        }
      }),
      { numRuns: 1_000 },
    )
  })

  test('merge() commutes, associates and is idempotent, also for states with gaps and names used twice', () => {
    // States of three separate plays share the names of their replicas: the worst misuse.
    const state = stateOf(subject)
    fc.assert(
      fc.property(state, state, state, (a, b, c) => {
        expect(hex(merged(a, b))).toBe(hex(merged(b, a)))
        expect(hex(merged(merged(a, b), c))).toBe(hex(merged(a, merged(b, c))))
        expect(hex(merged(a, a))).toBe(hex(a))
        expect(merged(a, b).merge(a)).toBe(false)
        expect(merged(a, b).version.dominates(a.version)).toBe(true)
      }),
    )
  })

  test('the deltas of all edits, in any order, are the state', () => {
    fc.assert(
      fc.property(fc.array(edit, { maxLength: 20 }), fc.infiniteStream(fc.nat()), (edits, random) => {
        const writer = subject.make('a')
        const deltas = edits.map((one) => subject.edit(writer, one))
        const reader = subject.make('b')
        for (const delta of deltas.toSorted(() => ((random.next().value as number) % 2) - 0.5))
          reader.merge(delta)
        expect(hex(reader)).toBe(hex(writer))
      }),
    )
  })

  test('deltaSince() brings a replica that is behind to the same bytes as the whole state does', () => {
    fc.assert(
      fc.property(steps, who, who, (list, i, j) => {
        const nodes = play(subject, list)
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
      { numRuns: 1_000 },
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
