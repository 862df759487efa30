import { ClockDriftError, DecodeError, VersionVector } from '@quorate/vector-clock'
import { describe, expect, test } from 'vitest'
import { z } from 'zod'
import {
  createOrMap,
  decodeOrMap,
  DuplicateReplicaError,
  field,
  InvalidValueError,
  MAX_MAP_DEPTH,
  MAX_MAP_PATH,
  orMapFromJSON,
} from './index.ts'

const ADDRESS = { street: field.value<string>(), visits: field.counter() }
const USER = {
  name: field.value<string>(),
  phones: field.conflicts<string>(),
  visits: field.counter(),
  active: field.flag(),
  tags: field.set<string | number | bigint>(),
  basket: field.cart(),
  addresses: field.mapOf(ADDRESS),
  home: field.record(ADDRESS),
}
const newUser = (replica: string) => createOrMap({ replica, shape: USER })
const hex = (crdt: { encode(): Uint8Array }): string => Buffer.from(crdt.encode()).toString('hex')
/** A map of sets by any name, as Akka's ORMultiMap and as ORMap is tested there. */
const newSets = (replica: string) => createOrMap({ replica, shape: field.mapOf(field.set()) })

describe('a document', () => {
  test('has a plain value, whatever is in it', () => {
    const user = newUser('a')
    expect(user.value).toEqual({
      name: undefined,
      phones: [],
      visits: 0,
      active: false,
      tags: [],
      basket: {},
      addresses: {},
      home: { street: undefined, visits: 0 },
    })
    expect([user.size, user.keys(), user.has('visits')]).toEqual([0, [], false])
    user.at('name').set('Ada')
    user.at('phones').set('+49 1')
    user.at('visits').increment(5)
    user.at('visits').decrement()
    user.at('active').enable()
    for (const tag of ['b', 'a', 10, 9, 2n, -0]) user.at('tags').add(tag)
    user.at('basket').add('tv')
    user.at('basket').setQuantity('usb', 3)
    user.at('addresses').at('work').at('street').set('Side St 2')
    user.at('home').at('visits').increment()
    const value = {
      name: 'Ada',
      phones: ['+49 1'],
      visits: 4,
      active: true,
      tags: [0, 9, 10, 2n, 'a', 'b'],
      basket: { tv: 1, usb: 3 },
      addresses: { work: { street: 'Side St 2', visits: 0 } },
      home: { street: undefined, visits: 1 },
    }
    expect(user.value).toEqual(value)
    expect(decodeOrMap(user.encode(), { replica: 'b', shape: USER }).value).toEqual(value)
    const json: unknown = JSON.parse(JSON.stringify(user))
    expect(hex(orMapFromJSON(json, { replica: 'b', shape: USER }))).toBe(hex(user))
    expect(user.keys()).toEqual(Object.keys(USER).toSorted())
  })

  test('handles read like the flat types', () => {
    const user = newUser('a')
    const [name, phones, visits, active] = [
      user.at('name'),
      user.at('phones'),
      user.at('visits'),
      user.at('active'),
    ]
    const [tags, basket] = [user.at('tags'), user.at('basket')]
    expect([name.value, name.stamp, phones.values, phones.value]).toEqual([
      undefined,
      undefined,
      [],
      undefined,
    ])
    expect([visits.value, visits.bigValue, active.value, tags.size, basket.quantity('tv')]).toEqual([
      0,
      0n,
      false,
      0,
      0,
    ])
    name.set('Ada')
    phones.set('1')
    active.enable()
    tags.add('x')
    tags.add(0)
    basket.setQuantity('tv', 2)
    basket.add('tv', 3)
    expect([name.value, name.stamp?.node, phones.value, phones.hasConflict]).toEqual(['Ada', 'a', '1', false])
    expect([...tags]).toEqual(expect.arrayContaining(['x', 0]))
    expect([tags.has('x'), tags.has(-0), tags.has('0'), tags.size]).toEqual([true, true, false, 2])
    expect([basket.quantity('tv'), basket.value]).toEqual([5, new Map([['tv', 5]])])
    active.disable()
    tags.remove(-0)
    basket.remove('tv')
    name.clear()
    phones.clear()
    expect(user.value).toEqual({ ...newUser('b').value, tags: ['x'] })
    expect(tags.value).toEqual(new Set(['x']))
  })

  test('a handle shows what is there now, also after the map was merged into or cleared', () => {
    const user = newUser('a')
    const street = user.at('addresses').at('home').at('street')
    const peer = newUser('b')
    peer.at('addresses').at('home').at('street').set('Main St 1')
    user.merge(peer)
    expect(street.value).toBe('Main St 1')
    user.clear()
    expect(street.value).toBeUndefined()
  })

  test('names are any text, and none is special', () => {
    const map = createOrMap({ replica: 'a', shape: field.mapOf(field.counter()) })
    const names = ['', '__proto__', 'constructor', 'a\nb', 'a\\nb', '\\', '\n', '7', '10']
    for (const name of names) map.at(name).increment()
    expect(map.keys()).toEqual(names.toSorted())
    const { value } = decodeOrMap(map.encode(), { replica: 'b', shape: field.mapOf(field.counter()) })
    expect(Object.keys(value).toSorted()).toEqual(names.toSorted())
    // Nothing but what was put in: no `toString` to be found by a careless look.
    expect([value['toString'], value['__proto__']]).toEqual([undefined, 1])
    expect(() => map.at('\ud800')).toThrow(TypeError)
    expect(() => map.delete(1 as unknown as string)).toThrow(TypeError)
  })

  test('names that are not in the shape are refused, also those of Object.prototype', () => {
    const user = newUser('a')
    for (const name of ['nme', 'constructor', '__proto__']) {
      expect(() => user.at(name as 'name')).toThrow(TypeError)
      expect(() => user.delete(name as 'name')).toThrow(TypeError)
      expect(user.has(name as 'name')).toBe(false)
    }
  })
})

describe('cases of Riak', () => {
  test('riak_dt_map present_but_removed: what two have removed from each other is gone', () => {
    const [a, b] = [newUser('a'), newUser('b')]
    a.at('name').set('A')
    const c = a.clone({ replica: 'c' })
    a.delete('name')
    b.at('name').set('B')
    a.merge(b)
    b.delete('name')
    a.merge(c)
    a.merge(b)
    expect([a.has('name'), a.value.name]).toEqual([false, undefined])
  })

  test('riak_dt_map no_dots_left: nor does it come back with nothing to hold it', () => {
    const [a, b] = [newUser('a'), newUser('b')]
    a.at('name').set('A')
    b.at('name').set('B')
    const c = a.clone({ replica: 'c' })
    a.delete('name')
    a.merge(b)
    b.delete('name')
    b.merge(c)
    a.merge(b)
    a.merge(c)
    expect([a.has('name'), a.size]).toEqual([false, 0])
  })

  test('riak_dt_orswot disjoint_merge, in a map: a removal holds against a state that had both', () => {
    const [a, b] = [newUser('a'), newUser('b')]
    a.at('tags').add('bar')
    b.at('tags').add('baz')
    const c = a.clone({ replica: 'c' })
    c.merge(b)
    a.at('tags').remove('bar')
    a.merge(c)
    expect(a.value.tags).toEqual(['baz'])
  })

  test('riak_dt_map assoc: removed element and removed field, merged in any order', () => {
    const [a, b] = [newUser('a'), newUser('b')]
    a.at('tags').add(0)
    b.at('tags').add(0)
    b.at('tags').remove(0)
    const c = a.clone({ replica: 'c' })
    c.delete('tags')
    const orders = [
      [a, b, c],
      [b, c, a],
      [c, a, b],
    ].map((order) => {
      const all = newUser('d')
      for (const one of order) all.merge(one)
      return hex(all)
    })
    expect(new Set(orders).size).toBe(1)
  })

  test('riak_dt_map clock and remfield: what was added anew and elsewhere stays, without what was there before', () => {
    const a = newUser('a')
    a.at('tags').add(0)
    const b = a.clone({ replica: 'b' })
    const stale = a.clone({ replica: 'c' })
    b.at('tags').add(1)
    a.at('tags').remove(0)
    a.delete('tags')
    a.at('tags').add(2)
    const withStale = a.clone({ replica: 'd' })
    withStale.merge(stale)
    expect(withStale.value.tags).toEqual([2])
    a.merge(b)
    expect(a.value.tags).toEqual([1, 2])
  })

  test('riak_dt_map tombstone_remove: what was reset does not resurface with a later edit', () => {
    const a = newUser('a')
    a.at('tags').add(0)
    const b = a.clone({ replica: 'b' })
    a.delete('tags')
    b.at('tags').add(1)
    a.merge(b)
    expect(a.value.tags).toEqual([1])
    b.at('tags').add(2)
    a.merge(b)
    a.merge(b)
    expect(a.value.tags).toEqual([1, 2])
  })

  test('riak_dt_map dot_key: of two fields edited at once, one can be removed', () => {
    const a = newUser('a')
    a.update(() => {
      a.at('tags').add('a')
      a.at('active').enable()
    })
    const b = a.clone({ replica: 'b' })
    a.delete('active')
    b.merge(a)
    expect([b.value.tags, b.value.active]).toEqual([['a'], false])
  })

  test('riak_dt_map clear_invisible_after_merge: a removed record takes what was seen in it, at any depth', () => {
    const shape = {
      x: field.record({ a: field.flag(), s: field.set<number>(), y: field.record({ a: field.flag() }) }),
    }
    const a = createOrMap({ replica: 'a', shape })
    a.at('x').at('a').enable()
    const b = a.clone({ replica: 'b' })
    a.at('x').at('a').enable() // b has not seen this one
    b.at('x').at('y').at('a').enable()
    b.at('x').at('s').add(1)
    b.delete('x')
    expect(b.value.x).toEqual({ a: false, s: [], y: { a: false } })
    b.at('x').at('s').add(2)
    b.merge(a)
    expect(b.value.x).toEqual({ a: true, s: [2], y: { a: false } })
  })

  test('riak_dt_map transactions: a removal of one field of two leaves the other', () => {
    const a = newUser('a')
    const b = newUser('b')
    b.merge(
      a.update(() => {
        a.at('home').at('visits').increment()
        a.at('home').at('street').set('x')
      }),
    )
    b.at('home').delete('visits')
    a.at('home').at('visits').increment(2)
    a.merge(b)
    b.merge(a)
    expect(b.value.home).toEqual({ street: 'x', visits: 3 })
    b.delete('home')
    a.merge(b)
    expect(a.has('home')).toBe(false)
  })

  test('riak_dt_emcntr: a reset takes what it has seen; who counted meanwhile keeps all that he ever counted', () => {
    const a = newUser('a')
    a.at('visits').increment(10)
    const b = a.clone({ replica: 'b' })
    b.at('visits').increment(100)
    a.merge(b)
    const reset = a.delete('visits')
    expect(a.value.visits).toBe(0)
    b.at('visits').increment(1) // not seen by the reset, and one with b's 100
    b.merge(reset)
    a.merge(b)
    expect([a.value.visits, b.value.visits]).toEqual([101, 101])
    a.at('visits').increment()
    expect(a.value.visits).toBe(102)
  })

  test('riak_dt_map: name and kind are one, so that two versions of an application do not mix their fields', () => {
    const old = createOrMap({
      replica: 'a',
      shape: { likes: field.counter(), log: field.mapOf(field.flag()) },
    })
    const young = createOrMap({
      replica: 'b',
      shape: { likes: field.set(), extra: field.value<string>() },
    })
    old.at('likes').increment(3)
    young.at('likes').add('ada')
    young.at('extra').set('new')
    old.merge(young)
    young.merge(old)
    expect(old.value).toEqual({ likes: 3, log: {} })
    expect(young.value).toEqual({ likes: ['ada'], extra: 'new' })
    expect([old.keys(), young.keys()]).toEqual([['likes'], ['extra', 'likes']])
    // What the old one does not know it keeps and passes on.
    const third = createOrMap({ replica: 'c', shape: { extra: field.value<string>() } })
    third.merge(old.encode())
    expect(third.value.extra).toBe('new')
    // A delete is for the field of the shape.
    old.delete('likes')
    young.merge(old)
    expect(young.value.likes).toEqual(['ada'])
    old.clear()
    young.merge(old)
    expect(young.size).toBe(0)
  })
})

describe('cases of Akka', () => {
  test('ORMapSpec: entries are added and merged with others, both ways', () => {
    const [m1, m2] = [newSets('a'), newSets('b')]
    m1.at('a').add('A')
    m1.at('b').add('B1')
    m2.at('c').add('C')
    m2.at('b').add('B2')
    const before = m1.clone()
    m1.merge(m2)
    m2.merge(before)
    expect(m1.value).toEqual({ a: ['A'], b: ['B1', 'B2'], c: ['C'] })
    expect(hex(m1)).toBe(hex(m2))
  })

  test('ORMapSpec: an entry can be removed and added again', () => {
    const m = newSets('a')
    m.at('a').add('A')
    m.delete('a')
    expect([m.has('a'), m.keys()]).toEqual([false, []])
    m.at('a').add('A2')
    expect(m.value).toEqual({ a: ['A2'] })
  })

  test('ORMapSpec remove+updated: an update made meanwhile stays, without what was removed, by state and by delta', () => {
    // Akka shows B again here, as its map cannot tell what of the value was seen.
    const m1 = newSets('a')
    m1.at('a').add('A')
    m1.at('b').add('B')
    const m2 = newSets('b')
    m2.at('c').add('C')
    m1.merge(m2)
    m2.merge(m1)
    const byDelta = m1.clone({ replica: 'c' })
    byDelta.merge(m1.delete('b'))
    const added = m2.at('b').add('B2')
    byDelta.merge(added)
    m1.merge(m2)
    expect(m1.value).toEqual({ a: ['A'], b: ['B2'], c: ['C'] })
    expect(hex(byDelta)).toBe(hex(m1))
  })

  test('ORMultiMapSpec: overlapping entries', () => {
    const [m1, m2] = [newSets('a'), newSets('b')]
    m1.at('a').add('A1')
    m1.at('b').add('B1')
    m1.at('a').remove('A1')
    m1.at('d').add('D1')
    m2.at('c').add('C2')
    m2.at('a').add('A2')
    m2.at('b').add('B2')
    m2.at('b').remove('B2')
    m2.at('d').add('D2')
    m1.merge(m2)
    expect(m1.value).toEqual({ a: ['A2'], b: ['B1'], c: ['C2'], d: ['D1', 'D2'] })
  })

  test('ORMultiMapSpec: a key is gone with its last binding; a binding is replaced; all of a key are removed', () => {
    const m = newSets('a')
    m.at('a').add('A')
    m.at('b').add('B')
    m.at('a').remove('A')
    expect(m.value).toEqual({ b: ['B'] })
    m.update(() => {
      m.at('b').remove('B')
      m.at('b').add('B2')
    })
    m.at('b').add('B3')
    expect(m.value).toEqual({ b: ['B2', 'B3'] })
    m.delete('b')
    expect(m.value).toEqual({})
  })
})

describe('update()', () => {
  test('gives many edits as one delta, in which what came and went is not', () => {
    const a = newUser('a')
    const delta = a.update(() => {
      a.at('name').set('draft')
      a.at('name').set('Ada')
      a.at('tags').add('x')
      a.update(() => a.at('visits').increment())
      a.at('tags').remove('x')
    })
    expect((delta.toJSON() as { entries: unknown[] }).entries.length).toBe(2)
    const b = newUser('b')
    b.merge(delta.encode())
    expect(hex(b)).toBe(hex(a))
    expect(b.value).toMatchObject({ name: 'Ada', tags: [], visits: 1 })
  })

  test('with nothing in it is empty', () => {
    expect(newUser('a').update(() => {}).isEmpty).toBe(true)
  })

  test('that throws keeps what was done, for deltaSince; and the next edit is on its own again', () => {
    const a = newUser('a')
    const b = newUser('b')
    const failing = (): unknown =>
      a.update(() => {
        a.at('visits').increment()
        a.at('visits').increment(-1)
      })
    expect(failing).toThrow(RangeError)
    b.merge(a.deltaSince(b.version))
    expect(b.value.visits).toBe(1)
    expect((a.at('tags').add('x').toJSON() as { entries: unknown[] }).entries.length).toBe(1)
    b.merge(a.update(() => a.at('tags').add('y')))
    expect(b.value.tags).toEqual(['y'])
  })

  test('must not be async', () => {
    const a = newUser('a')
    // oxlint-disable-next-line typescript/no-misused-promises
    expect(() => a.update(async () => Promise.resolve())).toThrow(TypeError)
  })
})

describe('counters', () => {
  test('refuse what does not count, before anything changes', () => {
    const a = newUser('a')
    for (const by of [-1, 0.5, Number.NaN, 2 ** 53, '1' as unknown as number]) {
      expect(() => a.at('visits').increment(by)).toThrow(RangeError)
      expect(() => a.at('visits').decrement(by)).toThrow(RangeError)
    }
    a.at('visits').increment(Number.MAX_SAFE_INTEGER)
    expect(() => a.at('visits').increment()).toThrow(RangeError)
    expect([a.value.visits, a.version.get('a')]).toEqual([Number.MAX_SAFE_INTEGER, 1])
  })

  test('whose sum is too large for a number say so, and have it as a bigint', () => {
    const [a, b, c] = [newUser('a'), newUser('b'), newUser('c')]
    a.at('visits').increment(Number.MAX_SAFE_INTEGER)
    b.at('visits').increment(Number.MAX_SAFE_INTEGER)
    a.merge(b)
    expect(() => a.at('visits').value).toThrow(RangeError)
    expect(a.at('visits').bigValue).toBe(2n * BigInt(Number.MAX_SAFE_INTEGER))
    c.at('visits').decrement(Number.MAX_SAFE_INTEGER)
    a.merge(c)
    expect(a.at('visits').value).toBe(Number.MAX_SAFE_INTEGER)
  })

  test('are there once they were counted, also by 0 and back to 0', () => {
    const a = newUser('a')
    a.at('visits').increment(0)
    expect([a.has('visits'), a.value.visits]).toEqual([true, 0])
  })

  test('keep their sum when a replica is gone: taken over, counted on, forgotten', () => {
    const gone = newUser('gone')
    gone.at('visits').increment(5)
    gone.at('addresses').at('x').at('visits').decrement(2)
    gone.at('name').set('Ada')
    const [a, b] = [newUser('a'), newUser('b')]
    a.at('visits').increment(10)
    for (const one of [a, b]) one.merge(gone)
    b.merge(a)
    const taken = a.retire('gone')
    expect(a.value).toEqual(b.value)
    b.merge(taken)
    b.merge(a.at('visits').increment(100))
    expect([a.value.visits, b.value.visits]).toEqual([115, 115])
    expect(b.value.addresses).toEqual({ x: { street: undefined, visits: -2 } })
    expect(b.value.name).toBe('Ada')
    expect(a.forget('gone', VersionVector.empty)).toBe(false)
    const stable = b.version
    expect([a.forget('gone', stable), b.forget('gone', stable)]).toEqual([true, true])
    expect(a.version.get('gone')).toBe(0)
    expect(hex(a)).toBe(hex(b))
    expect(a.value.visits).toBe(115)
  })
})

describe('what is refused', () => {
  const shape = {
    email: field.value({ schema: z.email() }),
    aliases: field.mapOf({ alias: field.conflicts({ schema: z.string().max(5) }) }),
    free: field.value<string>(),
  }
  const open = { email: field.value<string>(), aliases: field.mapOf({ alias: field.conflicts<string>() }) }

  test('values that the schema does not allow, from a call and from a peer, with all that came with them', () => {
    const mine = createOrMap({ replica: 'a', shape })
    mine.at('email').set('a@example.com')
    mine.at('aliases').at('x').at('alias').set('ok')
    const before = hex(mine)
    expect(() => mine.at('email').set('nobody')).toThrow(InvalidValueError)
    expect(() => mine.at('aliases').at('x').at('alias').set('too long')).toThrow(InvalidValueError)
    for (const edit of ['email', 'aliases'] as const) {
      const peer = createOrMap({ replica: 'b', shape: open })
      peer.at('aliases').at('y').at('alias').set('fine')
      if (edit === 'email') peer.at('email').set('nobody')
      else peer.at('aliases').at('z').at('alias').set('too long')
      expect(() => mine.merge(peer)).toThrow(InvalidValueError)
      expect(() => mine.merge(peer.encode())).toThrow(InvalidValueError)
      expect(() => decodeOrMap(peer.encode(), { replica: 'c', shape })).toThrow(InvalidValueError)
    }
    expect(hex(mine)).toBe(before)
  })

  test('not the values of fields that are none of the shape, nor of another kind', () => {
    const mine = createOrMap({ replica: 'a', shape })
    const peer = createOrMap({
      replica: 'b',
      shape: {
        email: field.conflicts<string>(),
        aliases: field.record({ x: field.value<string>() }),
        more: field.value<string>(),
      },
    })
    peer.at('email').set('nobody')
    peer.at('aliases').at('x').set('much too long')
    peer.at('more').set('x')
    expect(mine.merge(peer)).toBe(true)
    expect(mine.value).toEqual({ email: undefined, aliases: {}, free: undefined })
  })

  test('stamps from the future; a value that only looks like one is a value', () => {
    const mine = createOrMap({ replica: 'a', shape: USER, now: () => 1_000 })
    const peer = createOrMap({ replica: 'b', shape: USER, now: () => 9_000 })
    peer.at('visits').increment()
    peer.at('name').set('x')
    const before = hex(mine)
    expect(() => mine.merge(peer)).toThrow(ClockDriftError)
    expect(hex(mine)).toBe(before)
    const values = createOrMap({
      replica: 'c',
      shape: { phones: field.conflicts<{ ms: number; counter: number }>() },
    })
    values.at('phones').set({ ms: 2 ** 47, counter: 1 })
    expect(mine.merge(values.encode())).toBe(true)
    mine.at('name').set('x')
    expect(mine.at('name').stamp?.ms).toBe(1_000)
  })

  test('two writers of one name', () => {
    const [one, other] = [newUser('a'), newUser('a')]
    one.at('visits').increment(1)
    other.at('visits').increment(2)
    expect(() => one.merge(other)).toThrow(DuplicateReplicaError)
    expect(one.value.visits).toBe(1)
  })

  test('shapes that are none', () => {
    for (const bad of [undefined, null, 1, { a: 1 }, { a: { kind: 'tree' } }, field.counter(), field.set()]) {
      expect(() => createOrMap({ replica: 'a', shape: bad as never })).toThrow(TypeError)
    }
    expect(() => field.record({ a: {} as never })).toThrow(TypeError)
    expect(() => field.value({ schema: {} as never })).toThrow(TypeError)
    // A field may have any name, also one that fields themselves have.
    expect(createOrMap({ replica: 'a', shape: { kind: field.counter() } }).value).toEqual({ kind: 0 })
  })

  test('fields too deep, or behind too long names, on the way in and by a call', () => {
    type Deep = ReturnType<typeof field.mapOf>
    let of = field.mapOf(field.counter()) as unknown as Deep
    for (let i = 0; i < MAX_MAP_DEPTH; i++) of = field.mapOf(of)
    const descend = (from: unknown, steps: number): unknown => {
      let at = from as { at(name: string): unknown }
      for (let i = 0; i < steps; i++) at = at.at('x') as typeof at
      return at
    }
    const deep = createOrMap({ replica: 'a', shape: of })
    expect(() => descend(deep, MAX_MAP_DEPTH)).toThrow(RangeError)
    const nested = createOrMap({ replica: 'a', shape: field.mapOf(field.mapOf(field.counter())) })
    expect(() => nested.at('x'.repeat(MAX_MAP_PATH))).toThrow(RangeError)
    const long = 'x'.repeat(MAX_MAP_PATH - 2)
    nested.at(long).at('y'.repeat(10_000)).increment()
    const copy = decodeOrMap(nested.encode(), {
      replica: 'b',
      shape: field.mapOf(field.mapOf(field.counter())),
    })
    expect(hex(copy)).toBe(hex(nested))
  })

  test('bytes of another type, and bytes in which a key shares its beginning with none', () => {
    expect(() => newUser('a').merge(Uint8Array.of(1, 1, 0, 0))).toThrow(DecodeError)
    expect(() => newUser('a').merge(Uint8Array.of(1, 14, 0, 1, 5, 0))).toThrow(DecodeError)
    expect(() => newUser('a').merge({ type: 'or-set' } as never)).toThrow(TypeError)
  })
})

test('an emptied map of 10,000 entries is under 32 bytes', () => {
  const map = newUser('a')
  for (let i = 0; i < 2_000; i++) {
    map.at('tags').add(i)
    map.at('basket').add(`sku-${i}`)
    map.at('addresses').at(`a${i}`).at('street').set('x')
    map.at('addresses').at(`a${i}`).at('visits').increment()
    map.at('visits').increment()
  }
  map.clear()
  expect(map.encode().length).toBeLessThan(32)
  expect(map.size).toBe(0)
})
