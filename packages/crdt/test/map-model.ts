// What registers and maps must be, by a model that is slow and obvious: a replica is the set of edits it has heard
// of, with what each of them took away of what its replica saw. Places are paths with slashes; what is nested is
// nothing but places that begin alike.
import fc from 'fast-check'
import { expect } from 'vitest'
import {
  type Crdt,
  type CrdtType,
  createLwwMap,
  createLwwRegister,
  createMvRegister,
  createOrMap,
  type Delta,
  field,
  type LwwMap,
  type LwwRegister,
  type MvRegister,
  type OrMapDelta,
} from '../src/index.ts'

export type AnyCrdt = Crdt<CrdtType, unknown>

export interface Op {
  /** What it puts at its path; `delete` takes away all that is there and below. */
  readonly kind: 'value' | 'conflicts' | 'count' | 'there' | 'add' | 'set' | 'delete'
  readonly path: string
  readonly amount: number
}

export interface Event {
  /** When it was made: all clocks show the same time here. */
  readonly time: number
  readonly by: number
  readonly op: Op
  /** All that its replica had heard of. */
  readonly heard: ReadonlySet<Event>
  /** What it takes away of what its replica saw. */
  readonly covers: ReadonlySet<Event>
  /** Of a count: all that its replica has counted there and sees. */
  readonly total: number
}

/** One type under test. */
export interface Subject {
  readonly name: CrdtType
  make(replica: string, now: () => number): AnyCrdt
  edit(crdt: AnyCrdt, ops: readonly Op[]): Delta
  /** What the application sees, to be compared with the model's. */
  seen(crdt: AnyCrdt): unknown
  model(places: ReadonlyMap<string, unknown>): unknown
  readonly op: fc.Arbitrary<Op>
}

/** The rule of each kind: does `by` take `event` away, where its replica has seen it? */
function takes(by: Pick<Event, 'by' | 'op'>, event: Event): boolean {
  const { kind, path } = by.op
  if (kind === 'delete') return path === '' || event.op.path === path || event.op.path.startsWith(`${path}/`)
  if (event.op.path !== path || kind === 'add') return false
  return kind !== 'count' || by.by === event.by
}

const leaves = ({ op }: Event): boolean => op.kind !== 'delete'

/** What the replica that has heard of these sees. */
const visible = (heard: ReadonlySet<Event>): Event[] => {
  const covered = new Set([...heard].flatMap(({ covers }) => [...covers]))
  return [...heard].filter((event) => leaves(event) && !covered.has(event))
}

/** The same by another definition, which needs all events: what nobody who had heard of it took away. */
const visibleInTheEnd = (all: ReadonlySet<Event>): Event[] =>
  [...all].filter((event) => leaves(event) && ![...all].some((by) => by.heard.has(event) && takes(by, event)))

/** What is at each place, of the events that are left. */
function placesOf(events: readonly Event[]): Map<string, unknown> {
  const places = new Map<string, unknown>()
  for (const path of new Set(events.map(({ op }) => op.path))) {
    const here = events.filter(({ op }) => op.path === path)
    places.set(path, valueOf(here))
  }
  return places
}

function valueOf(here: readonly Event[]): unknown {
  const sum = (of: (event: Event) => number): number => here.reduce((total, event) => total + of(event), 0)
  const [{ op: first }] = here as [Event]
  switch (first.kind) {
    case 'value':
      return here.toSorted((a, b) => b.time - a.time)[0]?.op.amount
    case 'conflicts':
      return [...new Set(here.toSorted((a, b) => a.by - b.by || a.time - b.time).map(({ op }) => op.amount))]
    case 'count':
      return sum(({ total }) => total)
    case 'add':
    case 'set':
      return (
        sum(({ op }) => (op.kind === 'add' ? op.amount : 0)) +
        Math.max(0, ...here.map(({ op }) => (op.kind === 'set' ? op.amount : 0)))
      )
    case 'there':
    case 'delete':
  }
  return true
}

const amount = fc.integer({ min: 1, max: 4 })
const opOf = (kind: Op['kind'], ...paths: string[]): fc.Arbitrary<Op> =>
  fc.record({ kind: fc.constant(kind), path: fc.constantFrom(...paths), amount })

const register = (name: 'lww-register' | 'mv-register', kind: 'value' | 'conflicts'): Subject => ({
  name,
  make: (replica, now) =>
    name === 'lww-register'
      ? createLwwRegister<number>({ replica, now })
      : createMvRegister<number>({ replica }),
  edit: (crdt, ops) => {
    const own = crdt as LwwRegister<number> | MvRegister<number>
    return grouped(ops.map((op) => (op.kind === 'delete' ? own.clear() : own.set(op.amount))))
  },
  seen: (crdt) => ('values' in crdt ? (crdt as MvRegister<number>).values : crdt.value),
  model: (places) => places.get('x') ?? (kind === 'value' ? undefined : []),
  op: fc.oneof({ weight: 4, arbitrary: opOf(kind, 'x') }, { weight: 1, arbitrary: opOf('delete', 'x') }),
})

const lwwMap: Subject = {
  name: 'lww-map',
  make: (replica, now) => createLwwMap<number>({ replica, now }),
  edit: (crdt, ops) => {
    const own = crdt as LwwMap<number>
    return grouped(
      ops.map(({ kind, path, amount: value }) => {
        if (kind === 'delete') return path === '' ? own.clear() : own.delete(path)
        return own.set(path, value)
      }),
    )
  },
  seen: (crdt) => {
    const own = crdt as LwwMap<number>
    expect([...own.keys()].map((key) => [key, own.get(key)])).toEqual([...own])
    expect(own.size).toBe(own.value.size)
    return own.value
  },
  model: (places) => new Map(places),
  op: fc.oneof(
    { weight: 6, arbitrary: opOf('value', 'x', 'y', 'z') },
    { weight: 3, arbitrary: opOf('delete', 'x', 'y', 'z') },
    { weight: 1, arbitrary: opOf('delete', '') },
  ),
}

const SHAPE = {
  name: field.value<number>(),
  phones: field.conflicts<number>(),
  visits: field.counter(),
  active: field.flag(),
  tags: field.set(),
  basket: field.cart(),
  people: field.mapOf({
    name: field.value<number>(),
    visits: field.counter(),
    tags: field.set(),
    scores: field.mapOf(field.counter()),
  }),
}
const newMap = (replica: string, now: () => number) => createOrMap({ replica, now, shape: SHAPE })
type Map7 = ReturnType<typeof newMap>

function editMap(map: Map7, { kind, path, amount: by }: Op): OrMapDelta {
  if (path === '') return map.clear()
  const [first = '', key = '', name = '', last = ''] = path.split('/')
  if (first !== 'people') return editFields(map, first as 'name', key, kind, by)
  const people = map.at('people')
  if (key === '') return map.delete('people')
  if (name === '') return people.delete(key)
  const person = people.at(key)
  if (name !== 'scores') return editFields(person as unknown as Map7, name as 'name', last, kind, by)
  if (last === '') return person.delete('scores')
  const score = person.at('scores').at(last)
  return kind === 'delete' ? score.clear() : count(score, by)
}

function editFields(
  map: Map7,
  name: Exclude<keyof typeof SHAPE, 'people'>,
  last: string,
  kind: Op['kind'],
  by: number,
): OrMapDelta {
  if (kind === 'delete' && last === '') return by % 2 === 0 ? map.delete(name) : map.at(name).clear()
  switch (name) {
    case 'name':
    case 'phones':
      return map.at(name).set(by)
    case 'visits':
      return count(map.at(name), by)
    case 'active':
      return map.at(name).enable()
    case 'tags':
      return kind === 'delete' ? map.at(name).remove(last) : map.at(name).add(last)
    case 'basket':
  }
  const basket = map.at(name)
  if (kind === 'delete') return basket.remove(last)
  return kind === 'set' ? basket.setQuantity(last, by) : basket.add(last, by)
}

/** By −1 at most, so that both directions are counted. */
const count = (
  counter: { increment(by: number): OrMapDelta; decrement(by: number): OrMapDelta },
  by: number,
): OrMapDelta => (by === 1 ? counter.decrement(1) : counter.increment(by))
const counted = ({ amount: by }: Op): number => (by === 1 ? -1 : by)

const IN_PERSON = (path: string): string[] => [`people/x/${path}`, `people/y/${path}`]
const orMap: Subject = {
  name: 'or-map',
  make: newMap,
  edit: (crdt, ops) => {
    const own = crdt as Map7
    const [only] = ops
    if (ops.length === 1 && only !== undefined) return editMap(own, only)
    return own.update(() => {
      for (const op of ops) editMap(own, op)
    })
  },
  seen: (crdt) => {
    const own = crdt as Map7
    // Handles and keys tell the same story as the value, at each level.
    const { people, ...fields } = own.value
    expect(own.at('people').keys()).toEqual(Object.keys(people))
    expect(own.at('people').size).toBe(Object.keys(people).length)
    expect(own.has('people')).toBe(Object.keys(people).length > 0)
    expect(new Set(own.at('tags'))).toEqual(new Set(fields.tags))
    expect(Object.fromEntries(own.at('basket').value)).toEqual(fields.basket)
    expect(own.keys().filter((name) => !own.has(name))).toEqual([])
    for (const key of own.at('people').keys()) expect(own.at('people').at(key).value).toEqual(people[key])
    return { ...own.value }
  },
  model: (places) => {
    const under = (prefix: string): [string, unknown][] =>
      [...places]
        .filter(([path]) => path.startsWith(prefix))
        .map(([path, value]) => [path.slice(prefix.length), value])
    const common = (prefix: string): object => ({
      name: places.get(`${prefix}name`),
      visits: places.get(`${prefix}visits`) ?? 0,
      tags: under(`${prefix}tags/`)
        .map(([element]) => element)
        .toSorted(),
    })
    const keys = new Set(under('people/').map(([path]) => path.split('/')[0] as string))
    return {
      ...common(''),
      phones: places.get('phones') ?? [],
      active: places.has('active'),
      basket: Object.fromEntries(under('basket/')),
      people: Object.fromEntries(
        [...keys].map((key) => [
          key,
          { ...common(`people/${key}/`), scores: Object.fromEntries(under(`people/${key}/scores/`)) },
        ]),
      ),
    }
  },
  op: fc.oneof(
    { weight: 3, arbitrary: opOf('value', 'name', ...IN_PERSON('name')) },
    { weight: 2, arbitrary: opOf('conflicts', 'phones') },
    { weight: 4, arbitrary: opOf('count', 'visits', ...IN_PERSON('visits'), ...IN_PERSON('scores/a')) },
    { weight: 3, arbitrary: opOf('there', 'active', 'tags/a', 'tags/b', ...IN_PERSON('tags/a')) },
    { weight: 2, arbitrary: opOf('add', 'basket/tv', 'basket/usb') },
    { weight: 1, arbitrary: opOf('set', 'basket/tv') },
    {
      weight: 4,
      arbitrary: opOf(
        'delete',
        'name',
        'phones',
        'visits',
        'active',
        'tags',
        'tags/a',
        'basket',
        'basket/tv',
        '',
        'people',
        'people/x',
        'people/y',
        ...['name', 'visits', 'tags', 'tags/a', 'scores', 'scores/a'].flatMap(IN_PERSON),
      ),
    },
  ),
}

/** Several deltas as one. */
function grouped([first, ...others]: readonly Delta[]): Delta {
  return others.reduce((sum, one) => sum.merge(one), first as Delta)
}

export const SUBJECTS: readonly Subject[] = [
  register('lww-register', 'value'),
  register('mv-register', 'conflicts'),
  lwwMap,
  orMap,
]

const REPLICAS = ['a', 'b', 'c', 'd', 'e']
const who: fc.Arbitrary<number> = fc.nat({ max: REPLICAS.length - 1 })

export type Step =
  | {
      readonly step: 'edit'
      readonly at: number
      readonly ops: readonly Op[]
      readonly lost: readonly boolean[]
    }
  | { readonly step: 'deliver'; readonly pick: number; readonly keep: boolean }
  | { readonly step: 'sync' | 'state'; readonly from: number; readonly to: number }

/** Steps over a network that loses, repeats and reorders. */
export const stepsOf = (subject: Subject): fc.Arbitrary<Step[]> =>
  fc.array(
    fc.oneof(
      {
        weight: 4,
        arbitrary: fc.record({
          step: fc.constant('edit' as const),
          at: who,
          ops: fc.oneof(
            { weight: 3, arbitrary: fc.tuple(subject.op) },
            { weight: 1, arbitrary: fc.array(subject.op, { minLength: 2, maxLength: 4 }) },
          ),
          lost: fc.array(fc.boolean(), { minLength: REPLICAS.length, maxLength: REPLICAS.length }),
        }),
      },
      {
        weight: 6,
        arbitrary: fc.record({ step: fc.constant('deliver' as const), pick: fc.nat(), keep: fc.boolean() }),
      },
      {
        weight: 1,
        arbitrary: fc.record({
          step: fc.constantFrom('sync' as const, 'state' as const),
          from: who,
          to: who,
        }),
      },
    ),
    { maxLength: 50, size: 'max' },
  )

export interface Node {
  readonly crdt: AnyCrdt
  heard: Set<Event>
}

/** Plays the steps and compares each replica with the model after each. */
export function play(subject: Subject, steps: readonly Step[]): Node[] {
  let time = 0
  const nodes: Node[] = REPLICAS.map((replica) => ({
    crdt: subject.make(replica, () => time),
    heard: new Set(),
  }))
  const post: { to: number; bytes: Uint8Array; events: readonly Event[] }[] = []
  const check = (node: Node): void =>
    expect(subject.seen(node.crdt)).toEqual(subject.model(placesOf(visible(node.heard))))
  const receive = (node: Node, bytes: Uint8Array, events: Iterable<Event>): void => {
    const before = node.crdt.version
    node.crdt.merge(bytes)
    expect(node.crdt.version.dominates(before)).toBe(true)
    for (const event of events) node.heard.add(event)
    check(node)
  }
  for (const one of steps) {
    if (one.step === 'edit') {
      const node = nodes[one.at] as Node
      time++
      const bytes = subject.edit(node.crdt, one.ops).encode()
      const events = one.ops.map((op, i) => note(node, one.at, op, time + i / 10))
      check(node)
      for (const to of nodes.keys())
        if (to !== one.at && one.lost[to] !== true) post.push({ to, bytes, events })
    } else if (one.step === 'deliver') {
      const letter = post[one.pick % Math.max(post.length, 1)]
      if (letter === undefined) continue
      if (!one.keep) post.splice(one.pick % post.length, 1)
      receive(nodes[letter.to] as Node, letter.bytes, letter.events)
    } else if (one.from !== one.to) {
      const [from, to] = [nodes[one.from] as Node, nodes[one.to] as Node]
      const bytes = one.step === 'sync' ? from.crdt.deltaSince(to.crdt.version).encode() : from.crdt.encode()
      receive(to, bytes, from.heard)
    }
  }
  return nodes
}

/** Tells the model of an edit. */
function note(node: Node, by: number, op: Op, time: number): Event {
  const covers = visible(node.heard).filter((event) => takes({ by, op }, event))
  const event: Event = {
    time,
    by,
    op,
    heard: new Set(node.heard),
    covers: new Set(covers),
    total: covers.reduce((sum, { total }) => sum + total, op.kind === 'count' ? counted(op) : 0),
  }
  node.heard.add(event)
  return event
}

/** Everybody syncs with everybody by deltas, until nobody lacks anything. @returns what all must see then. */
export function heal(subject: Subject, nodes: readonly Node[]): unknown {
  for (let sent = 1, round = 0; sent > 0; round++) {
    expect(round, 'rounds of sync').toBeLessThan(4)
    sent = 0
    for (const from of nodes) {
      for (const to of nodes) {
        const delta = from.crdt.deltaSince(to.crdt.version)
        if (delta.isEmpty) continue
        sent++
        to.crdt.merge(delta.encode())
      }
    }
  }
  const all = new Set(nodes.flatMap(({ heard }) => [...heard]))
  return subject.model(placesOf(visibleInTheEnd(all)))
}
