// What the dotted types must be, by a model that is slow and obvious: a replica is the set of edits it has heard
// of; an edit takes away those that its replica saw when it was made. In the end, when all have heard of all, that
// must be the same as: an edit takes away all that its replica had heard of.
import type { Dot } from '@quorate/vector-clock'
import { CausalContext } from '@quorate/vector-clock/causal-context'
import fc from 'fast-check'
import { expect } from 'vitest'
import {
  cartFromJSON,
  type Crdt,
  type CrdtType,
  createCart,
  createDwFlag,
  createEwFlag,
  createOrSet,
  createPnCounter,
  createRwSet,
  decodeCart,
  decodeDwFlag,
  decodeEwFlag,
  decodeOrSet,
  decodePnCounter,
  decodeRwSet,
  type Delta,
  dwFlagFromJSON,
  ewFlagFromJSON,
  orSetFromJSON,
  pnCounterFromJSON,
  rwSetFromJSON,
} from '../src/index.ts'

export type Edit =
  | { readonly do: 'add' | 'set'; readonly key: string; readonly amount: number }
  | { readonly do: 'remove'; readonly key: string }
  | { readonly do: 'clear' }
export interface Event {
  /** Index of the replica that made it. */
  readonly by: number
  readonly edit: Edit
  /** All that its replica had heard of. */
  readonly heard: ReadonlySet<Event>
  /** What it takes away of what its replica saw. */
  readonly covers: ReadonlySet<Event>
  /** Its last event in the CRDT; undefined if it did nothing. */
  readonly dot: Dot | undefined
}

/** One type under test: how to make it, edit it, read it back, and what the model says its value is. */
export interface Subject {
  readonly name: CrdtType
  make(replica: string): Crdt<CrdtType, unknown>
  decode(bytes: Uint8Array): Crdt<CrdtType, unknown>
  fromJSON(json: unknown): Crdt<CrdtType, unknown>
  edit(crdt: Crdt<CrdtType, unknown>, edit: Edit): Delta
  value(crdt: Crdt<CrdtType, unknown>): Record<string, number>
  /** True for edits that leave something to be seen, until a later one takes it away. */
  leaves(edit: Edit): boolean
  /** True if an edit takes an earlier one away. */
  covers(by: Edit, edit: Edit): boolean
  /** The value, of the edits that are left. */
  model(left: readonly Edit[]): Record<string, number>
}

const isAdd = ({ do: it }: Edit): boolean => it === 'add' || it === 'set'

/** The edits that nobody has taken away: what the replica sees. */
export const visible = (subject: Subject, events: ReadonlySet<Event>): Event[] => {
  const covered = new Set([...events].flatMap(({ covers }) => [...covers]))
  return [...events].filter((event) => subject.leaves(event.edit) && !covered.has(event))
}

/** The same by the other definition, which needs all events. */
export const visibleInTheEnd = (subject: Subject, all: ReadonlySet<Event>): Event[] =>
  [...all].filter(
    (event) =>
      subject.leaves(event.edit) &&
      ![...all].some((by) => by.heard.has(event) && subject.covers(by.edit, event.edit)),
  )

const keyOf = (edit: Edit): string | undefined => (edit.do === 'clear' ? undefined : edit.key)
const removes = (by: Edit, edit: Edit): boolean =>
  by.do === 'clear' || (by.do === 'remove' && by.key === keyOf(edit))

export const cart: Subject = {
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
  leaves: isAdd,
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

export const orSet: Subject = {
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
  leaves: isAdd,
  covers: (by, edit) => removes(by, edit) || keyOf(by) === keyOf(edit),
  model: (left) => Object.fromEntries(left.map((one) => [keyOf(one), 1])),
}

export const pnCounter: Subject = {
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
  leaves: isAdd,
  covers: () => false,
  model: (left) => ({
    sum: left.reduce((sum, one) => sum + ('amount' in one ? one.amount * (one.do === 'add' ? 1 : -1) : 0), 0),
  }),
}

/** A `clear` removes one element here: what it does is a test of its own. */
export const rwSet: Subject = {
  name: 'rw-set',
  make: (replica) => createRwSet({ replica }),
  decode: (bytes) => decodeRwSet(bytes, { replica: 'reader' }),
  fromJSON: (json) => rwSetFromJSON(json, { replica: 'reader' }),
  edit: (crdt, edit) => {
    const target = crdt as ReturnType<typeof createRwSet>
    return isAdd(edit) ? target.add(rwKey(edit)) : target.remove(rwKey(edit))
  },
  value: (crdt) => {
    const target = crdt as ReturnType<typeof createRwSet>
    expect(target.size).toBe([...target].length)
    return Object.fromEntries([...target].map((key) => [key, 1]))
  },
  leaves: () => true,
  covers: (by, edit) => rwKey(by) === rwKey(edit),
  model: (left) => {
    const removed = new Set(left.filter((edit) => !isAdd(edit)).map(rwKey))
    return Object.fromEntries(left.map(rwKey).flatMap((key) => (removed.has(key) ? [] : [[key, 1]])))
  },
}
const rwKey = (edit: Edit): string => keyOf(edit) ?? 'x'

export const ewFlag: Subject = {
  name: 'ew-flag',
  make: (replica) => createEwFlag({ replica }),
  decode: (bytes) => decodeEwFlag(bytes, { replica: 'reader' }),
  fromJSON: (json) => ewFlagFromJSON(json, { replica: 'reader' }),
  edit: (crdt, edit) => {
    const target = crdt as ReturnType<typeof createEwFlag>
    return isAdd(edit) ? target.enable() : target.disable()
  },
  value: (crdt) => ({ on: Number(crdt.value) }),
  leaves: isAdd,
  covers: () => true,
  model: (left) => ({ on: Number(left.length > 0) }),
}

export const dwFlag: Subject = {
  name: 'dw-flag',
  make: (replica) => createDwFlag({ replica }),
  decode: (bytes) => decodeDwFlag(bytes, { replica: 'reader' }),
  fromJSON: (json) => dwFlagFromJSON(json, { replica: 'reader' }),
  edit: (crdt, edit) => {
    const target = crdt as ReturnType<typeof createDwFlag>
    return isAdd(edit) ? target.enable() : target.disable()
  },
  value: (crdt) => ({ on: Number(crdt.value) }),
  leaves: () => true,
  covers: () => true,
  model: (left) => ({ on: Number(left.length > 0 && left.every(isAdd)) }),
}

/** All that are made of dotted entries. */
export const DOTTED: readonly Subject[] = [cart, orSet, rwSet, ewFlag, dwFlag]

const key = fc.constantFrom('x', 'y', 'z')
export const edit: fc.Arbitrary<Edit> = fc.oneof(
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

export const REPLICAS: readonly string[] = ['a', 'b', 'c', 'd', 'e']
export const who: fc.Arbitrary<number> = fc.nat({ max: REPLICAS.length - 1 })
export type Step =
  | { readonly step: 'edit'; readonly at: number; readonly edit: Edit; readonly lost: readonly boolean[] }
  | { readonly step: 'deliver'; readonly pick: number; readonly keep: boolean }
  | { readonly step: 'sync' | 'state'; readonly from: number; readonly to: number; readonly lost: boolean }
  // A delta made for one replica goes to the others: late, twice, or never.
  | { readonly step: 'forward'; readonly from: number; readonly to: number }
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
const forward: fc.Arbitrary<Step> = fc.record({ step: fc.constant('forward'), from: who, to: who })

/** Steps after each of which a replica is what the model says. */
export const steps: fc.Arbitrary<Step[]> = fc.array(step, { maxLength: 60, size: 'max' })
/** Steps after which it may hold a part of an edit: the model knows what all are in the end. */
export const looseSteps: fc.Arbitrary<Step[]> = fc.array(
  fc.oneof({ weight: 10, arbitrary: step }, { weight: 2, arbitrary: forward }),
  { maxLength: 60, size: 'max' },
)

export interface Node {
  readonly crdt: Crdt<CrdtType, unknown>
  heard: Set<Event>
}
interface Letter {
  readonly to: number
  readonly bytes: Uint8Array
  readonly events: ReadonlySet<Event>
}

/**
 * Plays steps over a network that loses, repeats and reorders. Checks each replica after each step, unless a step
 * forwards, from where on the replicas may hold parts of edits.
 */
export class Play {
  readonly nodes: readonly Node[]
  readonly #subject: Subject
  readonly #post: Letter[] = []
  #isExact = true

  /** @param suffix for the names of the replicas, which are letters. */
  constructor(subject: Subject, suffix = '') {
    this.#subject = subject
    this.nodes = REPLICAS.map((name) => ({ crdt: subject.make(name + suffix), heard: new Set() }))
  }

  /** All that any replica has heard of. */
  get all(): Set<Event> {
    return new Set(this.nodes.flatMap(({ heard }) => [...heard]))
  }

  run(list: readonly Step[]): this {
    for (const one of list) this.#step(one)
    return this
  }

  /** An edit, or what is as good as some, and its letters to the others. */
  edit(
    at: number,
    make: (crdt: Crdt<CrdtType, unknown>) => Delta,
    events: (dot: Dot | undefined) => Event[],
  ): void {
    const node = this.nodes[at] as Node
    const before = node.crdt.version
    const bytes = make(node.crdt).encode()
    const counter = node.crdt.version.get(node.crdt.replica)
    const made = events(
      counter > before.get(node.crdt.replica) ? { node: node.crdt.replica, counter } : undefined,
    )
    for (const event of made) node.heard.add(event)
    this.#check(node)
    for (const to of this.nodes.keys()) {
      if (to !== at) this.#post.push({ to, bytes, events: carried(this.#subject, made) })
    }
  }

  #step(one: Step): void {
    if (one.step === 'edit') {
      const { heard } = this.nodes[one.at] as Node
      const sent = this.#post.length
      this.edit(
        one.at,
        (crdt) => this.#subject.edit(crdt, one.edit),
        (dot) => [
          {
            by: one.at,
            edit: one.edit,
            heard: new Set(heard),
            covers: new Set(
              visible(this.#subject, heard).filter((seen) => this.#subject.covers(one.edit, seen.edit)),
            ),
            dot,
          },
        ],
      )
      const kept = this.#post.splice(sent).filter(({ to }) => one.lost[to] !== true)
      this.#post.push(...kept)
    } else if (one.step === 'deliver') {
      if (this.#post.length === 0) return
      const at = one.pick % this.#post.length
      const letter = this.#post[at] as Letter
      if (!one.keep) this.#post.splice(at, 1)
      this.#receive(letter.to, letter.bytes, letter.events)
    } else if (one.from === one.to) {
      return
    } else if (one.step === 'forward') {
      this.#forward(one.from, one.to)
    } else if (!one.lost) {
      const { crdt, heard } = this.nodes[one.from] as Node
      const { version } = (this.nodes[one.to] as Node).crdt
      this.#receive(one.to, one.step === 'sync' ? crdt.deltaSince(version).encode() : crdt.encode(), heard)
    }
  }

  #forward(from: number, made: number): void {
    this.#isExact = false
    const { crdt, heard } = this.nodes[from] as Node
    const delta = crdt.deltaSince((this.nodes[made] as Node).crdt.version)
    const { context, counts } = delta.toJSON() as { context?: unknown; counts?: object }
    const held = context === undefined ? undefined : CausalContext.fromJSON(context)
    const events = new Set(
      [...heard].filter(({ by, dot }) =>
        held === undefined
          ? REPLICAS[by] !== undefined &&
            Object.keys(counts ?? {}).some((name) => name.startsWith(REPLICAS[by] as string))
          : dot === undefined || held.has(dot),
      ),
    )
    for (const to of this.nodes.keys())
      if (to !== from) this.#post.push({ to, bytes: delta.encode(), events })
  }

  #receive(to: number, bytes: Uint8Array, events: ReadonlySet<Event>): void {
    const node = this.nodes[to] as Node
    mergeForward(node.crdt, bytes)
    node.heard = new Set([...node.heard, ...events])
    this.#check(node)
  }

  #check(node: Node): void {
    if (this.#isExact) checkModel(this.#subject, node)
  }
}

/** The version never goes back. */
function mergeForward(crdt: Crdt<CrdtType, unknown>, bytes: Uint8Array): void {
  const before = crdt.version
  crdt.merge(bytes)
  expect(crdt.version.dominates(before)).toBe(true)
}

function checkModel(subject: Subject, { crdt, heard }: Node): void {
  const left = visible(subject, heard).map((event) => event.edit)
  expect(subject.value(crdt)).toEqual(subject.model(left))
}

/** A counter's delta holds all that its replica ever counted, the others' hold the edit. */
function carried(subject: Subject, made: readonly Event[]): ReadonlySet<Event> {
  const own = made.flatMap((event) =>
    subject === pnCounter && isAdd(event.edit) ? [...event.heard].filter(({ by }) => by === event.by) : [],
  )
  return new Set([...own, ...made])
}

/** Everybody syncs with everybody by deltas, until nobody lacks anything. */
export function heal(nodes: readonly Node[]): void {
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
