// Two that look alike and are not: versions are equal, contents differ. And those that look otherwise and are fine.
import { VersionVector } from '@quorate/vector-clock'
import fc from 'fast-check'
import { beforeEach, describe, expect, test } from 'vitest'
import { SUBJECTS } from '../../test/all-subjects.ts'
import { hex, play } from '../../test/play.ts'
import { Ticks, Wire } from '../../test/wire.ts'
import { type Cart, createCart, createPnCounter, createRwSet, decodeCart } from '../index.ts'
import { memoryBackend, memoryStore } from '../memory/index.ts'
import type { AnyCrdt } from '../store.ts'
import { createText } from '../text/index.ts'
import { digestOf } from './digest.ts'
import { localReplica, storedReplica, type SyncError, syncOver, type SyncOptions } from './index.ts'
import { encodeMessage } from './message.ts'

let wire: Wire
let ticks: Ticks
let errors: SyncError[]
let options: SyncOptions

beforeEach(() => {
  wire = new Wire()
  ticks = new Ticks()
  errors = []
  options = { clock: ticks.clock, onError: (error) => errors.push(error) }
})

async function rounds(count: number): Promise<void> {
  for (let round = 0; round < count; round++) {
    await wire.settled()
    ticks.tick()
  }
  await wire.settled()
}

/** A server that has what one writer did, and another writer of the same name. */
function twins(): { readonly server: Cart; readonly b: Cart } {
  const [a, b] = [createCart({ replica: 'p' }), createCart({ replica: 'p' })]
  a.add('a')
  b.add('b')
  const server = createCart({ replica: 'server' })
  server.merge(a)
  return { server, b }
}

/** How many hashes it took, by the bytes that were asked for. */
function counting(crdt: AnyCrdt): {
  readonly replica: ReturnType<typeof localReplica>
  readonly encoded: () => number
} {
  let count = 0
  const encode = crdt.encode.bind(crdt)
  crdt.encode = () => {
    count++
    return encode()
  }
  return { replica: localReplica(crdt), encoded: () => count }
}

test('two writers with one name do not pass for equal: both sides are told, and nothing is merged', async () => {
  const { server, b } = twins()
  using one = syncOver(wire.a, options)
  using two = syncOver(wire.b, options)
  const [first, second] = [one.open('cart', b), two.open('cart', server)]
  await expect(first.synced).rejects.toMatchObject({ problem: 'diverged', document: 'cart' })
  await expect(second.synced).rejects.toMatchObject({ problem: 'diverged' })
  await rounds(3)
  expect(errors.map(({ problem }) => problem)).toEqual(['diverged', 'diverged'])
  expect([[...b.value.keys()], [...server.value.keys()]]).toEqual([['b'], ['a']])
  expect(ticks.count).toBe(0)
})

test.each(['the hello of one side', 'all refusals'])('also if %s is lost', async (what) => {
  const { server, b } = twins()
  let hellos = 0
  wire.copies = ({ kind, from }) => {
    if (what === 'all refusals') return kind === 'refusal' ? 0 : 1
    return kind === 'hello' && hellos++ === 0 && from > 0 ? 0 : 1
  }
  using one = syncOver(wire.a, options)
  using two = syncOver(wire.b, options)
  const both = [one.open('cart', b).synced, two.open('cart', server).synced]
  await rounds(4)
  for (const each of both) await expect(each).rejects.toMatchObject({ problem: 'diverged' })
})

test('a peer that comes late, to a replica that was edited since it was opened', async () => {
  const { server, b } = twins()
  using two = syncOver(wire.b, { ...options, maxSilence: 2 })
  const early = createCart({ replica: 'server' })
  const second = two.open('cart', early)
  await rounds(5)
  early.merge(server)
  second.push()
  await wire.settled()
  using one = syncOver(wire.a, options)
  const first = one.open('cart', b)
  await rounds(3)
  await expect(first.synced).rejects.toMatchObject({ problem: 'diverged' })
  expect([...b.value.keys()]).toEqual(['b'])
})

test('a document of a store is compared, too', async () => {
  const { server, b } = twins()
  const store = memoryStore({ backend: memoryBackend(), type: { create: createCart, decode: decodeCart } })
  await store.merge('ann', server)
  using one = syncOver(wire.a, options)
  using two = syncOver(wire.b, { ...options, accept: (key) => storedReplica(store, key, 'cart') })
  expect(two).toBeDefined()
  await expect(one.open('ann', b).synced).rejects.toMatchObject({ problem: 'diverged' })
  expect((await store.load('ann')).value).toEqual(server.value)
})

test('counters: as much up here as down there', async () => {
  const [up, down] = [createPnCounter({ replica: 'p' }), createPnCounter({ replica: 'p' })]
  up.increment(3)
  down.decrement(3)
  using one = syncOver(wire.a, options)
  using two = syncOver(wire.b, options)
  two.open('n', down)
  await expect(one.open('n', up).synced).rejects.toMatchObject({ problem: 'diverged' })
})

test('one hash for a version, however many channels; none by the one who is asked and has another version', async () => {
  const { server } = twins()
  const { replica, encoded } = counting(server)
  for (let count = 0; count < 3; count++) {
    wire = new Wire()
    using one = syncOver(wire.a, options)
    using two = syncOver(wire.b, { ...options, accept: () => replica })
    expect(two).toBeDefined()
    await one.open('cart', server.clone({ replica: `peer ${count}` })).synced
    await wire.settled()
  }
  expect(encoded()).toBe(1)
  const { server: other } = twins()
  const fresh = counting(other)
  wire = new Wire()
  using one = syncOver(wire.a, options)
  using two = syncOver(wire.b, { ...options, accept: () => fresh.replica })
  expect(two).toBeDefined()
  await one.open('cart', createCart({ replica: 'new' })).synced
  expect(fresh.encoded()).toBe(0)
})

test('a replica of a kind that gives no digest syncs by versions alone', async () => {
  const { server, b } = twins()
  const local = localReplica(server)
  const plain = {
    ...local,
    read: (since?: VersionVector) => ({
      version: server.version,
      hasGaps: server.hasGaps,
      delta: since === undefined ? undefined : server.deltaSince(since).encode(),
    }),
  }
  using one = syncOver(wire.a, options)
  using two = syncOver(wire.b, options)
  await expect(
    Promise.all([one.open('cart', b).synced, two.open('cart', plain).synced]),
  ).resolves.toHaveLength(2)
})

test('a digest beside a gap is no reason to quarrel: what is beyond it is in no version', async () => {
  const writer = createCart({ replica: 'writer' })
  const [first, second, third] = [writer.add('x'), writer.add('y'), writer.add('z')]
  const [phone, server] = [createCart({ replica: 'phone' }), createCart({ replica: 'server' })]
  for (const cart of [phone, server]) cart.merge(first)
  phone.merge(third)
  using one = syncOver(wire.a, options)
  using two = syncOver(wire.b, options)
  const shared = [one.open('cart', phone), two.open('cart', server)]
  await Promise.all(shared.map(({ synced }) => synced))
  await wire.settled()
  expect([server.hasGaps, server.version.get('writer')]).toEqual([true, 1])
  wire.a.send(
    encodeMessage({
      kind: 'hello',
      document: 'cart',
      from: 7,
      to: 0,
      number: 1,
      asks: false,
      type: 'cart',
      version: VersionVector.of({ writer: 1 }),
      digest: 1,
    }),
  )
  await rounds(1)
  server.merge(second)
  shared[1]?.push()
  await rounds(2)
  expect(errors).toEqual([])
  expect(hex(phone)).toBe(hex(server))
})

describe('replicas of equal versions without gaps have equal bytes', () => {
  test.each(SUBJECTS)('$name, whatever was merged', (subject) => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 2 ** 31 - 1 }), (seed) => {
        const { replicas, deltas } = play(subject, seed)
        const [a, b] = replicas as [AnyCrdt, AnyCrdt]
        for (const delta of deltas) {
          b.merge(delta)
          if (a.hasGaps || b.hasGaps || a.version.compare(b.version) !== 'equal') continue
          expect(hex(a)).toBe(hex(b))
        }
        for (const delta of deltas.toReversed()) a.merge(delta)
        expect(a.version.compare(b.version)).toBe('equal')
        expect(hex(a)).toBe(hex(b))
      }),
      { numRuns: 30 },
    )
  })

  test.each([
    ['cart', (replica: string) => createCart({ replica }), (crdt: AnyCrdt) => (crdt as Cart).add('x')],
    [
      'counter',
      (replica: string) => createPnCounter({ replica }),
      (crdt: AnyCrdt) => (crdt as ReturnType<typeof createPnCounter>).increment(2),
    ],
  ])('%s: a name that one has forgotten leaves the version as well', (_, make, edit) => {
    const [gone, a, b] = ['gone', 'a', 'b'].map((name) => make(name)) as [Cart, Cart, Cart]
    edit(gone)
    a.merge(gone)
    a.retire('gone')
    b.merge(a)
    expect(a.forget('gone', b.version)).toBe(true)
    expect(hex(a)).not.toBe(hex(b))
    expect(a.version.compare(b.version)).not.toBe('equal')
    expect(b.forget('gone', a.version.merge(b.version))).toBe(true)
    expect(a.version.compare(b.version)).toBe('equal')
    expect(hex(a)).toBe(hex(b))
  })

  test('rw-set: a compaction is an edit', () => {
    const [a, b] = [createRwSet({ replica: 'a' }), createRwSet({ replica: 'b' })]
    a.add('x')
    a.remove('x')
    b.merge(a)
    expect(a.compact([a.version, b.version]).isEmpty).toBe(false)
    expect(a.version.compare(b.version)).toBe('after')
  })

  test('text: what was collected was not in the bytes', () => {
    const [a, b] = [createText({ replica: 'a' }), createText({ replica: 'b' })]
    a.insert(0, 'to be or not')
    a.delete(2, 6)
    b.merge(a)
    expect(a.collect(a.version)).toBeGreaterThan(0)
    expect(a.version.compare(b.version)).toBe('equal')
    expect(hex(a)).toBe(hex(b))
  })
})

test('a digest is a whole number of 53 bits that any changed, added, missing or moved byte changes', () => {
  const seen = new Set<number>()
  const bytes = Uint8Array.from({ length: 64 }, (_, index) => index)
  const variants = [new Uint8Array(), bytes]
  for (let at = 0; at < 64; at++) {
    for (let bit = 0; bit < 8; bit++)
      variants.push(bytes.map((byte, index) => (index === at ? byte ^ (1 << bit) : byte)))
    if (at > 0) variants.push(Uint8Array.of(...bytes.subarray(at), ...bytes.subarray(0, at)))
    if (at > 0) variants.push(bytes.subarray(0, at), new Uint8Array(at + 1))
  }
  for (const variant of variants) {
    const digest = digestOf(variant)
    expect(Number.isSafeInteger(digest) && digest >= 0).toBe(true)
    seen.add(digest)
  }
  expect(seen.size).toBe(variants.length)
  // 2 ** 18 of them would meet about 8 times in 32 bits.
  const many = new Set<number>()
  for (let count = 0; count < 2 ** 18; count++)
    many.add(digestOf(Uint8Array.of(count, count >> 8, count >> 16)))
  expect(many.size).toBe(2 ** 18)
})
