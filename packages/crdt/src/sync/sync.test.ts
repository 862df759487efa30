import { VersionVector } from '@quorate/vector-clock'
import { expect, test, vi } from 'vitest'
import { type Cart, createCart, createOrSet, createPnCounter, decodeCart } from '../index.ts'
import { memoryBackend, memoryStore } from '../memory/index.ts'
import { Ticks, Wire } from '../../test/wire.ts'
import { type Channel, localReplica, storedReplica, SyncError, syncOver, type SyncOptions } from './index.ts'
import { decodeMessage, encodeMessage, type Message, PROTOCOL } from './message.ts'

interface Pair {
  readonly wire: Wire
  readonly ticks: Ticks
  readonly phone: Cart
  readonly server: Cart
}

function pair(options: SyncOptions = {}): Pair & { readonly sides: readonly [SyncOptions, SyncOptions] } {
  const ticks = new Ticks()
  const side = { clock: ticks.clock, ...options }
  const [phone, server] = [createCart({ replica: 'phone' }), createCart({ replica: 'server' })]
  return { wire: new Wire(), ticks, phone, server, sides: [side, side] }
}

const bytesOf = (cart: Cart): string => Buffer.from(cart.encode()).toString('hex')

test('equal replicas exchange one small message each way, and then nothing', async () => {
  const { wire, ticks, phone, server, sides } = pair()
  phone.add('x')
  phone.remove('x')
  server.merge(phone)
  using one = syncOver(wire.a, sides[0])
  using two = syncOver(wire.b, sides[1])
  const [first, second] = [one.open('cart', phone), two.open('cart', server)]
  await Promise.all([first.synced, second.synced])
  await wire.settled()
  for (let round = 0; round < 3; round++) {
    ticks.tick()
    await wire.settled()
  }
  expect(wire.kinds()).toEqual(['a: hello', 'b: hello'])
  expect(Math.max(...wire.sent.map(({ bytes }) => bytes.length))).toBeLessThan(50)
  // Nobody waits for the next tick.
  expect(ticks.count).toBe(0)
})

test('each side gets what it lacks, removals too', async () => {
  const { wire, phone, server, sides } = pair()
  phone.add('x', 2)
  server.merge(phone)
  server.add('y')
  phone.remove('x')
  using one = syncOver(wire.a, sides[0])
  using two = syncOver(wire.b, sides[1])
  await Promise.all([one.open('cart', phone).synced, two.open('cart', server).synced])
  await wire.settled()
  expect(bytesOf(phone)).toBe(bytesOf(server))
  expect(phone.value).toEqual(new Map([['y', 1]]))
  // What came from the other one is not sent back.
  expect(wire.kinds().toSorted()).toEqual(['a: ack', 'a: hello', 'a: part', 'b: ack', 'b: hello', 'b: part'])
})

test('live: an edit goes out at once, those made meanwhile go together', async () => {
  const { wire, phone, server, sides } = pair()
  using one = syncOver(wire.a, sides[0])
  using two = syncOver(wire.b, sides[1])
  const merged = vi.fn<() => void>()
  const shared = one.open('cart', phone)
  await Promise.all([shared.synced, two.open('cart', server, { onMerge: merged }).synced])
  wire.sent.length = 0
  for (let count = 0; count < 10; count++) {
    phone.add('x')
    shared.push()
  }
  await wire.settled()
  expect(server.quantity('x')).toBe(10)
  expect(wire.kinds()).toEqual(['a: part', 'b: ack', 'a: part', 'b: ack'])
  expect(merged).toHaveBeenCalledTimes(2)
})

test('once: what comes later stays here', async () => {
  const { wire, phone, server, sides } = pair()
  phone.add('x')
  using one = syncOver(wire.a, sides[0])
  using two = syncOver(wire.b, sides[1])
  const shared = one.open('cart', phone, { mode: 'once' })
  await Promise.all([shared.synced, two.open('cart', server).synced])
  phone.add('later')
  shared.push()
  await wire.settled()
  expect([...server.value.keys()]).toEqual(['x'])
})

test('what gets lost is asked for or sent again; what comes twice does no harm', async () => {
  const { wire, ticks, phone, server, sides } = pair()
  phone.add('x')
  server.add('y')
  let count = 0
  wire.copies = () => count++ % 3
  using one = syncOver(wire.a, sides[0])
  using two = syncOver(wire.b, sides[1])
  const [first, second] = [one.open('cart', phone), two.open('cart', server)]
  for (let round = 0; round < 12; round++) {
    await wire.settled()
    ticks.tick()
  }
  await Promise.all([first.synced, second.synced])
  expect(bytesOf(phone)).toBe(bytesOf(server))
})

test('who comes late is told without waiting for a change', async () => {
  const { wire, ticks, phone, server, sides } = pair()
  phone.add('x')
  using one = syncOver(wire.a, sides[0])
  const first = one.open('cart', phone)
  await wire.settled()
  using two = syncOver(wire.b, sides[1])
  const second = two.open('cart', server)
  await wire.settled()
  ticks.tick()
  await Promise.all([first.synced, second.synced])
  expect(server.quantity('x')).toBe(1)
})

test('a large delta goes in parts that keep to the bound, and only lost parts are sent again', async () => {
  const { wire, ticks, phone, server, sides } = pair({ maxMessageBytes: 1_024 })
  for (let count = 0; count < 5_000; count++) phone.add(`a rather long stock keeping unit ${count}`)
  let lost = 0
  wire.copies = (message) => (message.kind === 'part' && message.index % 50 === 7 && lost++ < 3 ? 0 : 1)
  using one = syncOver(wire.a, sides[0])
  using two = syncOver(wire.b, sides[1])
  one.open('cart', phone)
  const second = two.open('cart', server)
  for (let round = 0; round < 8; round++) {
    await wire.settled()
    ticks.tick()
  }
  await second.synced
  expect(bytesOf(phone)).toBe(bytesOf(server))
  const parts = wire.sent.filter(({ message }) => message.kind === 'part')
  const [{ message }] = parts as unknown as [{ message: Message & { kind: 'part' } }]
  expect(message.count).toBeGreaterThan(150)
  // Each once, but for the lost ones and the window that was open then.
  expect(parts.length).toBeLessThan(message.count + 100)
  expect(Math.max(...wire.sent.map(({ bytes }) => bytes.length))).toBeLessThanOrEqual(1_024)
})

test('a delta beyond the bound is an error on the side that has it, and nothing is sent', async () => {
  const { wire, phone, server, sides } = pair({ maxDeltaBytes: 2_000 })
  for (let count = 0; count < 500; count++) phone.add(`sku-${count}`)
  using one = syncOver(wire.a, sides[0])
  using two = syncOver(wire.b, sides[1])
  const [first, second] = [one.open('cart', phone), two.open('cart', server)]
  await expect(first.synced).rejects.toMatchObject({ code: 'QUORATE_CRDT_SYNC', problem: 'too-large' })
  await expect(second.synced).rejects.toMatchObject({ problem: 'refused' })
  expect(wire.kinds()).not.toContain('a: part')
})

test('a receiver does not gather more than its bound, whatever a sender says', async () => {
  const errors: SyncError[] = []
  const { wire, server, sides } = pair({ maxDeltaBytes: 1_500, onError: (error) => errors.push(error) })
  using two = syncOver(wire.b, sides[1])
  two.open('cart', server)
  const head = { document: 'cart', from: 5, to: 0, number: 1 } as const
  const part = { kind: 'part', revision: 1, count: 1_000, bytes: new Uint8Array(1_000) } as const
  for (const index of [0, 1]) wire.a.send(encodeMessage({ ...head, ...part, index }))
  await wire.settled()
  expect(errors.map(({ problem }) => problem)).toEqual(['too-large'])
})

test('a peer with another type under the name is told so, on both sides, and nothing is merged', async () => {
  const { wire, phone, sides } = pair()
  const set = createOrSet({ replica: 'server' })
  set.add('x')
  using one = syncOver(wire.a, sides[0])
  using two = syncOver(wire.b, sides[1])
  const [first, second] = [one.open('cart', phone), two.open('cart', set)]
  await expect(first.synced).rejects.toMatchObject({ problem: 'type', document: 'cart' })
  await expect(second.synced).rejects.toMatchObject({ problem: 'type' })
  expect(phone.items()).toEqual([])
})

test('a delta that the replica refuses ends the sync of this document on both sides, with the cause', async () => {
  const { wire, phone, server, sides } = pair()
  phone.add('x')
  const cause = new Error('not from this peer')
  const strict = {
    ...localReplica(server),
    merge: () => {
      throw cause
    },
  }
  using one = syncOver(wire.a, sides[0])
  using two = syncOver(wire.b, sides[1])
  const [first, second] = [one.open('cart', phone), two.open('cart', strict)]
  await expect(second.synced).rejects.toMatchObject({ problem: 'unreadable', cause })
  await expect(first.synced).rejects.toMatchObject({ problem: 'refused' })
})

test('another protocol and rubbish are reported, and nothing else happens', async () => {
  const errors: SyncError[] = []
  const { wire, phone, server, sides } = pair({ onError: (error) => errors.push(error) })
  let hear: ((bytes: Uint8Array) => void) | undefined
  const channel = {
    send: (bytes: Uint8Array<ArrayBuffer>) => wire.a.send(bytes),
    onMessage: (listener: (bytes: Uint8Array) => void) => (hear = listener),
  }
  using one = syncOver(channel, sides[0])
  one.open('cart', phone)
  hear?.(Uint8Array.of(PROTOCOL + 1, 0, 0))
  hear?.(Uint8Array.of(PROTOCOL, 9, 9, 9))
  hear?.(new Uint8Array())
  expect(errors.map(({ problem }) => problem)).toEqual(['protocol', 'unreadable', 'unreadable'])
  expect(server.items()).toEqual([])
})

test('many documents over one channel, opened by the one who has them when they are asked for', async () => {
  const { wire, sides } = pair()
  const held = new Map([
    ['a', createCart({ replica: 'server' })],
    ['b', createCart({ replica: 'server' })],
  ])
  held.get('a')?.add('x')
  using server = syncOver(wire.b, { ...sides[1], accept: (document) => held.get(document) })
  using one = syncOver(wire.a, sides[0])
  const carts = ['a', 'b', 'c'].map(() => createCart({ replica: 'phone' }))
  const [a, b, c] = ['a', 'b', 'c'].map((name, index) => one.open(name, carts[index] as Cart))
  carts[1]?.add('y')
  b?.push()
  await wire.settled()
  await Promise.all([a?.synced, b?.synced])
  expect(carts[0]?.quantity('x')).toBe(1)
  expect(held.get('b')?.quantity('y')).toBe(1)
  await expect(c?.synced).rejects.toMatchObject({ problem: 'unknown-document', document: 'c' })
  expect(server).toBeDefined()
})

test('a document of a store is synced with a replica', async () => {
  const { wire, phone, sides } = pair()
  const backend = memoryBackend()
  const type = { create: createCart, decode: decodeCart }
  const [store, other] = [0, 1].map(() => memoryStore({ backend, type })) as [
    ReturnType<typeof memoryStore<Cart>>,
    ReturnType<typeof memoryStore<Cart>>,
  ]
  await store.edit('ann', (cart) => cart.add('stored'))
  phone.add('mine')
  using one = syncOver(wire.a, sides[0])
  using two = syncOver(wire.b, sides[1])
  const [first, second] = [one.open('cart', phone), two.open('cart', storedReplica(store, 'ann', 'cart'))]
  await Promise.all([first.synced, second.synced])
  expect((await other.load('ann')).value).toEqual(phone.value)
  await other.edit('ann', (cart) => cart.add('later'))
  second.push()
  await vi.waitFor(() => expect(phone.quantity('later')).toBe(1))
})

test('replicas with gaps fall silent as well, and the gap is filled by whoever can', async () => {
  const { wire, ticks, phone, server, sides } = pair()
  const writer = createCart({ replica: 'writer' })
  const [first, second] = [writer.add('x'), writer.add('y')]
  phone.merge(second)
  using one = syncOver(wire.a, sides[0])
  using two = syncOver(wire.b, sides[1])
  const [mine, theirs] = [one.open('cart', phone), two.open('cart', server)]
  await Promise.all([mine.synced, theirs.synced])
  await wire.settled()
  expect([server.quantity('y'), server.hasGaps]).toEqual([1, true])
  wire.sent.length = 0
  for (let round = 0; round < 3; round++) {
    ticks.tick()
    await wire.settled()
  }
  expect(wire.kinds()).toEqual([])
  server.merge(first)
  theirs.push()
  await wire.settled()
  expect(phone.hasGaps).toBe(false)
  expect(bytesOf(phone)).toBe(bytesOf(server))
})

test('a counter, whose version counts otherwise, is synced too', async () => {
  const { wire, sides } = pair()
  const [a, b] = [createPnCounter({ replica: 'a' }), createPnCounter({ replica: 'b' })]
  a.increment(5)
  b.decrement(2)
  using one = syncOver(wire.a, sides[0])
  using two = syncOver(wire.b, sides[1])
  await Promise.all([one.open('n', a).synced, two.open('n', b).synced])
  expect([a.value, b.value]).toEqual([3, 3])
})

test('after close() nothing is sent or merged, and what waits is rejected', async () => {
  const { wire, phone, server, sides } = pair()
  const one = syncOver(wire.a, sides[0])
  using two = syncOver(wire.b, sides[1])
  const first = one.open('cart', phone)
  two.open('cart', server)
  one.close()
  phone.add('x')
  first.push()
  await wire.settled()
  await expect(first.synced).rejects.toMatchObject({ problem: 'closed' })
  expect(wire.kinds()).toEqual(['a: hello', 'b: hello'])
  expect(() => one.open('other', phone)).toThrow(SyncError)
})

test('wrong arguments are refused', () => {
  const { wire, phone } = pair()
  expect(() => syncOver({} as Channel)).toThrow(TypeError)
  for (const wrong of [{ tickMs: 0 }, { maxMessageBytes: 100 }, { maxTickMs: 10 }, { maxSilence: 0 }]) {
    expect(() => syncOver(wire.a, wrong)).toThrow(RangeError)
  }
  using sync = syncOver(wire.a)
  expect(() => sync.open('', phone)).toThrow(TypeError)
  expect(() => sync.open('n'.repeat(30_000), phone)).toThrow(RangeError)
  sync.open('cart', phone)
  expect(() => sync.open('cart', phone)).toThrow(TypeError)
})

test('messages are read as they were written, and no other spelling is', () => {
  const head = { document: 'cart:ann', from: 2 ** 47, to: 0, number: 7 }
  const version = VersionVector.of({ a: 3 })
  const messages: Message[] = [
    { ...head, kind: 'hello', asks: true, type: 'cart', version, digest: undefined },
    { ...head, kind: 'hello', asks: false, type: 'cart', version, digest: Number.MAX_SAFE_INTEGER },
    { ...head, kind: 'part', revision: 4, index: 1, count: 3, bytes: Uint8Array.of(1, 2, 3) },
    { ...head, kind: 'ack', revision: 4, index: 0, version },
    { ...head, kind: 'ack', revision: 4, index: 2, version: undefined },
    { ...head, kind: 'refusal', problem: 'too-large' },
    { ...head, kind: 'refusal', problem: 'unknown-document' },
  ]
  for (const message of messages) {
    const bytes = encodeMessage(message)
    const again = decodeMessage(bytes) as Message
    expect(JSON.stringify(again)).toBe(JSON.stringify(message))
    expect(Buffer.from(encodeMessage(again))).toEqual(Buffer.from(bytes))
    for (let length = 1; length < bytes.length; length++) {
      expect(() => decodeMessage(bytes.subarray(0, length))).toThrow(/sync message|version vector/)
    }
    expect(() => decodeMessage(Uint8Array.of(...bytes, 0))).toThrow(/follow/)
  }
})
