// Replicas that are gone, in the types of dotted entries: nothing of what they made is lost or comes back, and in
// the end no byte of them is left.
import { VersionVector } from '@quorate/vector-clock'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  DOTTED,
  type Event,
  heal,
  type Node,
  Play,
  REPLICAS,
  type Step,
  steps,
  type Subject,
  visible,
} from '../test/model.ts'
import {
  type Cart,
  type Crdt,
  type CrdtType,
  createCart,
  createOrSet,
  decodeCart,
  type Delta,
} from './index.ts'

type Retiring = Crdt<CrdtType, unknown> & Pick<Cart, 'forget'> & { retire(gone: string): Delta }

const GONE = REPLICAS.length - 1
const NAME = REPLICAS[GONE] as string
const crdtOf = (play: Play, at: number): Retiring => (play.nodes[at] as Node).crdt as Retiring

/** The same steps without the one that is gone. */
const byOthers = (list: readonly Step[]): Step[] =>
  list.map((one) => {
    if (one.step === 'edit') return { ...one, at: one.at % GONE }
    return one.step === 'deliver' ? one : { ...one, from: one.from % GONE, to: one.to % GONE }
  })

/** The first replica hears the last of it, and takes over what it left. */
function retire(subject: Subject, play: Play): void {
  const [heir, gone] = [play.nodes[0] as Node, play.nodes[GONE] as Node]
  heir.crdt.merge(gone.crdt.encode())
  heir.heard = new Set([...heir.heard, ...gone.heard])
  const left = visible(subject, heir.heard).filter(({ by }) => by === GONE)
  const heard = new Set(heir.heard)
  play.edit(
    0,
    (crdt) => (crdt as Retiring).retire(NAME),
    (dot) => left.map((event): Event => ({ by: 0, edit: event.edit, heard, covers: new Set([event]), dot })),
  )
}

/** The least of each counter. */
function stable(play: Play): VersionVector {
  const versions = REPLICAS.slice(0, GONE).map((_, at) => crdtOf(play, at).version)
  return VersionVector.of(
    REPLICAS.map((name) => [name, Math.min(...versions.map((version) => version.get(name)))] as const),
  )
}

const forgetAll = (play: Play, seen: VersionVector): boolean[] =>
  REPLICAS.slice(0, GONE).map((_, at) => crdtOf(play, at).forget(NAME, seen))

const namesOf = (crdt: Crdt<CrdtType, unknown>): string[] =>
  Object.keys((crdt.toJSON() as { readonly context: object }).context)

describe.each(DOTTED)('$name', (subject) => {
  test('one replica goes for good, another takes over; all forget it at some time, while edits and old messages go on', () => {
    fc.assert(
      fc.property(steps, steps, fc.array(steps, { maxLength: 4 }), (before, between, rounds) => {
        const play = new Play(subject).run(before)
        retire(subject, play)
        play.run(byOthers(between))
        for (const round of rounds) {
          forgetAll(play, stable(play))
          play.run(byOthers(round))
        }
        const others = play.nodes.slice(0, GONE)
        let done = false
        for (let round = 0; round < 3 && !done; round++) {
          for (const to of others)
            for (const from of others) to.crdt.merge(from.crdt.deltaSince(to.crdt.version))
          done = forgetAll(play, stable(play)).every(Boolean)
        }
        expect(done).toBe(true)
        heal(others)
        const all = new Set(others.flatMap(({ heard }) => [...heard]))
        const expected = subject.model(visible(subject, all).map((event) => event.edit))
        for (const { crdt } of others) {
          expect(subject.value(crdt)).toEqual(expected)
          expect(Buffer.from(crdt.encode())).toEqual(Buffer.from((others[0] as Node).crdt.encode()))
          expect(namesOf(crdt)).not.toContain(NAME)
        }
      }),
      { numRuns: 60 },
    )
  })
})

test('forget() waits for what was left, for what is under way, and for all to know', () => {
  const phone = createCart({ replica: 'phone' })
  const [one, two] = [phone.add('x', 2), phone.add('y', 3)]
  const server = createCart({ replica: 'server' })
  server.merge(two)
  const far = VersionVector.of({ phone: 100, server: 100 })
  expect(server.forget('phone', far)).toBe(false) // an edit is missing
  server.merge(one)
  expect(server.forget('phone', far)).toBe(false) // two entries are left
  const old = server.clone({ replica: 'old' })
  const taken = server.retire('phone')
  expect(server.items()).toEqual(phone.items())
  expect(server.retire('phone').isEmpty).toBe(true)
  expect(server.forget('phone', old.version)).toBe(false)
  old.merge(taken.encode())
  expect(old.items()).toEqual(phone.items())
  expect(server.forget('phone', old.version)).toBe(true)
  expect([namesOf(server), namesOf(old)]).toEqual([['server'], ['phone', 'server']])
  // What comes back from one that has not forgotten, or is late, is known.
  expect([server.merge(old), server.merge(one), server.clone({ replica: 'c' }).merge(two)]).toEqual([
    false,
    false,
    false,
  ])
  expect(old.forget('phone', old.version)).toBe(true)
  expect(old.encode()).toEqual(server.encode())
  expect(server.forget('nobody', VersionVector.empty)).toBe(true)
})

test('two that are gone, forgotten one after the other: that the first lacks in later versions does not hold up the second', () => {
  const [one, two] = [createCart({ replica: 'one' }), createCart({ replica: 'two' })]
  const server = createCart({ replica: 'server' })
  for (const gone of [one, two]) server.merge(gone.add('x', 2))
  server.retire('one')
  server.retire('two')
  const other = server.clone({ replica: 'other' })
  expect(other.forget('two', VersionVector.of({ server: 1 }))).toBe(false)
  const first = server.version
  for (const replica of [server, other]) expect(replica.forget('one', first)).toBe(true)
  const second = server.version
  expect([second.get('one'), second.get('two')]).toEqual([0, 1])
  for (const replica of [server, other]) expect(replica.forget('two', second)).toBe(true)
  expect([server.quantity('x'), namesOf(other)]).toEqual([4, ['server']])
})

test('a name that was forgotten before all had its last edit comes back with it, and can be forgotten again', () => {
  const phone = createCart({ replica: 'phone' })
  const add = phone.add('x')
  const heir = createCart({ replica: 'heir' })
  const other = createCart({ replica: 'other' })
  for (const cart of [heir, other]) cart.merge(add)
  heir.merge(other.remove('x'))
  phone.add('y')
  heir.merge(phone)
  heir.retire('phone')
  // Both have its first event, of which nothing is left; the other one does not know that there are more.
  const early = VersionVector.of({ phone: 1, heir: 2, other: 1 })
  expect(other.forget('phone', early)).toBe(true)
  expect(heir.forget('phone', early)).toBe(false)
  other.merge(heir.deltaSince(other.version))
  expect([other.hasGaps, other.version.get('phone'), other.quantity('y')]).toEqual([false, 2, 1])
  expect(other.deltaSince(heir.version).isEmpty).toBe(true)
  const late = createCart({ replica: 'late' })
  late.merge(add)
  late.merge(other.deltaSince(late.version))
  expect(late.items()).toEqual([{ sku: 'y', quantity: 1 }])
  const seen = heir.version
  for (const cart of [heir, other, late]) expect(cart.forget('phone', seen)).toBe(true)
  expect(other.encode()).toEqual(heir.encode())
})

test('a name that is used again after it was forgotten is a new writer', () => {
  const server = createOrSet({ replica: 'server' })
  const phone = createOrSet({ replica: 'phone' })
  server.merge(phone.add('x'))
  server.retire('phone')
  expect(server.forget('phone', server.version)).toBe(true)
  phone.add('y')
  phone.remove('x')
  server.merge(phone)
  expect([...server].toSorted()).toEqual(['x', 'y'])
  server.retire('phone')
  expect(server.forget('phone', server.version)).toBe(true)
  expect([...server].toSorted()).toEqual(['x', 'y'])
})

test('what takes over under its own name is refused, as is a name that is none', () => {
  const cart = decodeCart(createCart({ replica: 'a' }).encode(), { replica: 'a' })
  expect(() => cart.retire('a')).toThrow(TypeError)
  expect(() => cart.retire('')).toThrow(TypeError)
  expect(() => cart.forget('a', cart.version)).toThrow(TypeError)
  expect(() => cart.forget('b', undefined as never)).toThrow(/VersionVector/u)
})
