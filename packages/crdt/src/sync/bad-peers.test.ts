// Peers that lie, fall silent, forget, or ask for too much; replicas and callbacks that fail in the middle.
import { VersionVector } from '@quorate/vector-clock'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { Ticks, Wire } from '../../test/wire.ts'
import { type Cart, createCart, decodeCart } from '../index.ts'
import { memoryBackend, memoryStore } from '../memory/index.ts'
import { StoreError } from '../store/index.ts'
import {
  localReplica,
  storedReplica,
  type SyncError,
  syncOver,
  type SyncOptions,
  type SyncReplica,
} from './index.ts'
import { encodeMessage, type Hello } from './message.ts'

let wire: Wire
let ticks: Ticks
let errors: SyncError[]
let options: SyncOptions
let phone: Cart
let server: Cart

beforeEach(() => {
  wire = new Wire()
  ticks = new Ticks()
  errors = []
  options = { clock: ticks.clock, onError: (error) => errors.push(error) }
  phone = createCart({ replica: 'phone' })
  server = createCart({ replica: 'server' })
})

const unhandled: unknown[] = []
const onUnhandled = (reason: unknown): number => unhandled.push(reason)
beforeEach(() => void process.on('unhandledRejection', onUnhandled))
afterEach(() => {
  process.off('unhandledRejection', onUnhandled)
  unhandled.length = 0
})

async function rounds(count: number): Promise<void> {
  for (let round = 0; round < count; round++) {
    await wire.settled()
    ticks.tick()
  }
  await wire.settled()
}

const bytesOf = (cart: Cart): string => Buffer.from(cart.encode()).toString('hex')
const head = { document: 'cart', from: 5, to: 0, number: 1 } as const
const hello: Hello = {
  ...head,
  kind: 'hello',
  asks: true,
  type: 'cart',
  version: VersionVector.empty,
  digest: undefined,
}
const problems = (): string[] => errors.map(({ problem }) => problem)

test('a peer cannot throw anything into the channel by the name it asks for', async () => {
  const accept = vi.fn<(name: string) => Cart>((name) => {
    if (name === 'broken') throw new Error('no such table')
    return createCart({ replica: 'server' })
  })
  using sync = syncOver(wire.b, { ...options, accept, maxMessageBytes: 1_024 })
  let hear: ((bytes: Uint8Array) => void) | undefined
  using direct = syncOver(
    { send: () => undefined, onMessage: (listener) => (hear = listener) },
    { ...options, accept, maxMessageBytes: 1_024 },
  )
  for (const document of ['', 'n'.repeat(10_000), 'broken']) {
    expect(() => hear?.(encodeMessage({ ...hello, document }))).not.toThrow()
  }
  expect(() => hear?.(encodeMessage({ ...hello, from: 0 }))).not.toThrow()
  expect(problems()).toEqual(['unreadable', 'unreadable', 'unreadable', 'unreadable'])
  expect([sync, direct]).toHaveLength(2)
})

test('peers open no more documents than they may', async () => {
  const accept = vi.fn<(name: string) => Cart>(() => createCart({ replica: 'server' }))
  using sync = syncOver(wire.b, { ...options, accept, maxDocuments: 10 })
  for (let count = 0; count < 30; count++) {
    wire.a.send(encodeMessage({ ...hello, document: `cart ${count}` }))
    wire.a.send(encodeMessage({ ...hello, document: `cart ${count}` }))
  }
  await wire.settled()
  expect(accept).toHaveBeenCalledTimes(10)
  expect(new Set(problems())).toEqual(new Set(['too-many']))
  // What this side opens itself is not counted.
  await expect(Promise.resolve(sync.open('mine', server))).resolves.toBeDefined()
})

test('accept may open the document itself, to hear of what comes and to push', async () => {
  using one = syncOver(wire.a, options)
  const merged = vi.fn<() => void>()
  let shared: { push(): void } | undefined
  using two = syncOver(wire.b, {
    ...options,
    accept: (name) => {
      shared = two.open(name, server, { onMerge: merged })
      return undefined
    },
  })
  phone.add('x')
  await one.open('cart', phone).synced
  await wire.settled()
  expect(merged).toHaveBeenCalledTimes(1)
  server.add('y')
  shared?.push()
  await wire.settled()
  expect(phone.quantity('y')).toBe(1)
})

test('parts of nothing, or of next to nothing, are refused', async () => {
  using two = syncOver(wire.b, options)
  two.open('cart', server)
  for (const [index, size] of [0, 1, 255].entries()) {
    const from = 10 + index
    const part = {
      ...head,
      from,
      kind: 'part',
      revision: 1,
      index: 0,
      count: 1_000,
      bytes: new Uint8Array(size),
    } as const
    wire.a.send(encodeMessage(part))
  }
  wire.a.send(
    encodeMessage({
      ...head,
      from: 20,
      kind: 'part',
      revision: 1,
      index: 0,
      count: 16_000_000,
      bytes: new Uint8Array(300),
    }),
  )
  await wire.settled()
  expect(problems()).toEqual(['too-large', 'too-large', 'too-large', 'too-large'])
})

test('a delta of many parts costs time by its length, not by the square of it', async () => {
  const count = 20_000
  const part = (index: number): Uint8Array =>
    encodeMessage({ ...head, kind: 'part', revision: 1, index, count, bytes: new Uint8Array(256) })
  let hear: (bytes: Uint8Array) => void = () => undefined
  using two = syncOver({ send: () => undefined, onMessage: (listener) => (hear = listener) }, options)
  two.open('cart', server)
  const took = (from: number, to: number): number => {
    const start = process.cpuUsage()
    for (let index = from; index < to; index++) hear(part(index))
    const { user, system } = process.cpuUsage(start)
    return user + system
  }
  const first = took(0, 2_000)
  took(2_000, 16_000)
  const late = took(16_000, 18_000)
  expect(late).toBeLessThan(Math.max(10 * first, 200_000))
  expect(problems()).toEqual([])
})

test('many sessions together fill no more memory than one channel may, and honest ones get through', async () => {
  const maxDeltaBytes = 64_000
  using two = syncOver(wire.b, { ...options, maxDeltaBytes })
  two.open('cart', server)
  const acks = (): number => wire.sent.filter(({ message }) => message.kind === 'ack').length
  for (let from = 100; from < 160; from++) {
    for (let index = 0; index < 60; index++) {
      const part = {
        ...head,
        from,
        kind: 'part',
        revision: 1,
        index,
        count: 62,
        bytes: new Uint8Array(1_000),
      } as const
      wire.a.send(encodeMessage(part))
    }
  }
  await wire.settled()
  expect(acks()).toBe(60 * 60)
  // The first of them were dropped for the last: else this would complete one, of bytes that nobody can read.
  for (const index of [60, 61]) {
    wire.a.send(
      encodeMessage({
        ...head,
        from: 100,
        kind: 'part',
        revision: 1,
        index,
        count: 62,
        bytes: new Uint8Array(1_000),
      }),
    )
  }
  await wire.settled()
  expect(problems()).toEqual([])
  using one = syncOver(wire.a, { ...options, maxMessageBytes: 1_024, maxDeltaBytes })
  for (let count = 0; count < 500; count++) phone.add(`a rather long stock keeping unit ${count}`)
  one.open('cart', phone)
  await rounds(8)
  expect(bytesOf(server)).toBe(bytesOf(phone))
})

test('a receiver that had to drop what it had gathered gets it again', async () => {
  for (let count = 0; count < 2_000; count++) phone.add(`a rather long stock keeping unit ${count}`)
  const small = { ...options, maxMessageBytes: 1_024 }
  using one = syncOver(wire.a, small)
  using two = syncOver(wire.b, small)
  one.open('cart', phone)
  two.open('cart', server)
  // Halfway, 64 others make it forget the phone.
  let parts = 0
  wire.copies = (message) => {
    if (message.kind === 'part' && ++parts === 40) {
      for (let from = 100; from < 170; from++) wire.a.send(encodeMessage({ ...hello, from, asks: false }))
    }
    return 1
  }
  await rounds(12)
  expect(bytesOf(server)).toBe(bytesOf(phone))
})

test('both sides gave up on each other: a push tries again, and all goes on', async () => {
  const brief = { ...options, maxSilence: 3 }
  using one = syncOver(wire.a, brief)
  using two = syncOver(wire.b, brief)
  const [first, second] = [one.open('cart', phone), two.open('cart', server)]
  await Promise.all([first.synced, second.synced])
  wire.copies = () => 0
  phone.add('x')
  first.push()
  server.add('y')
  second.push()
  await rounds(8)
  expect(ticks.count).toBe(0)
  wire.copies = () => 1
  phone.add('z')
  first.push()
  await rounds(3)
  expect(bytesOf(server)).toBe(bytesOf(phone))
  expect(server.items()).toHaveLength(3)
})

test('nobody was there for long: a push is heard by who has come since', async () => {
  const brief = { ...options, maxSilence: 3 }
  using one = syncOver(wire.a, brief)
  const first = one.open('cart', phone)
  await rounds(8)
  // Its hello gets lost.
  wire.copies = () => 0
  using two = syncOver(wire.b, { ...brief, maxSilence: 1 })
  two.open('cart', server)
  await rounds(4)
  wire.copies = () => 1
  phone.add('x')
  first.push()
  await rounds(2)
  expect(server.quantity('x')).toBe(1)
})

test('a name that one side has forgotten: both are in sync, and fall silent', async () => {
  const gone = createCart({ replica: 'gone' })
  gone.add('x')
  server.merge(gone)
  server.retire('gone')
  phone.merge(server)
  server.merge(phone)
  expect(server.forget('gone', server.version)).toBe(true)
  using one = syncOver(wire.a, options)
  using two = syncOver(wire.b, options)
  const shared = [one.open('cart', phone), two.open('cart', server)]
  const synced = Promise.all(shared.map((each) => each.synced)).then(() => 'in sync')
  await rounds(5)
  await expect(Promise.race([synced, Promise.resolve('not yet')])).resolves.toBe('in sync')
  wire.sent.length = 0
  await rounds(5)
  expect(wire.kinds()).toEqual([])
  expect(phone.value).toEqual(server.value)
})

test('a peer that says it has more and never sends it is not asked for ever', async () => {
  using two = syncOver(wire.b, { ...options, maxSilence: 5 })
  two.open('cart', server)
  const more = { ...hello, asks: false, version: VersionVector.of({ nobody: 9 }) } as const
  let number = 0
  wire.copies = (message) => {
    if (message.from !== head.from)
      wire.a.send(encodeMessage({ ...more, to: message.from, number: ++number }))
    return 1
  }
  wire.a.send(encodeMessage(more))
  await rounds(20)
  wire.sent.length = 0
  await rounds(5)
  expect(wire.kinds()).toEqual([])
})

test('a store that was set back gets again what the peer has', async () => {
  const store = memoryStore({ backend: memoryBackend(), type: { create: createCart, decode: decodeCart } })
  phone.add('x')
  using one = syncOver(wire.a, options)
  using two = syncOver(wire.b, options)
  const [first, second] = [one.open('cart', phone), two.open('cart', storedReplica(store, 'ann', 'cart'))]
  await Promise.all([first.synced, second.synced])
  await store.delete('ann')
  second.push()
  await rounds(4)
  expect((await store.load('ann')).quantity('x')).toBe(1)
})

/** A replica that fails so often. */
function failing(cart: Cart, reads: number, merges: number): SyncReplica {
  const local = localReplica(cart)
  const cause = new StoreError({
    action: 'read',
    key: 'ann',
    outcome: 'not-applied',
    cause: new Error('is down'),
  })
  return {
    type: 'cart',
    read: async (since) => {
      if (since !== undefined && reads-- > 0) throw cause
      return local.read(since)
    },
    merge: async (bytes) => {
      if (merges-- > 0) throw cause
      return local.merge(bytes)
    },
  }
}

test('a store that is down for a moment is tried again, when reading and when merging', async () => {
  phone.add('x')
  server.add('y')
  using one = syncOver(wire.a, options)
  using two = syncOver(wire.b, options)
  one.open('cart', phone)
  two.open('cart', failing(server, 2, 2))
  await rounds(8)
  expect(bytesOf(server)).toBe(bytesOf(phone))
  expect(new Set(problems())).toEqual(new Set(['unreadable']))
})

test('a document that could not be read when it was opened begins with the next push', async () => {
  let isDown = true
  const local = localReplica(server)
  const replica: SyncReplica = {
    ...local,
    read: async (since) => {
      if (isDown) throw new Error('is down')
      return local.read(since)
    },
  }
  phone.add('x')
  using one = syncOver(wire.a, options)
  using two = syncOver(wire.b, options)
  one.open('cart', phone)
  const second = two.open('cart', replica)
  await wire.settled()
  isDown = false
  second.push()
  await rounds(3)
  expect(server.quantity('x')).toBe(1)
})

test('a replica that throws is an error of its document, not of the channel', async () => {
  const local = localReplica(server)
  const replica: SyncReplica = {
    ...local,
    read: (since) => {
      if (since !== undefined) throw new Error('out of order')
      return local.read(since)
    },
  }
  server.add('x')
  let hear: (bytes: Uint8Array) => void = () => undefined
  using two = syncOver({ send: () => undefined, onMessage: (listener) => (hear = listener) }, options)
  two.open('cart', replica)
  expect(() => hear(encodeMessage(hello))).not.toThrow()
  expect(problems()).toEqual(['unreadable'])
})

test('callbacks that throw stop nothing: neither merging nor ticking', async () => {
  const thrown = new Error('mine')
  const onError = (): void => {
    throw thrown
  }
  using one = syncOver(wire.a, { ...options, onError })
  using two = syncOver(wire.b, { ...options, onError })
  one.open('cart', phone, {
    onMerge: () => {
      throw thrown
    },
  })
  server.add('x')
  wire.a.send(Uint8Array.of(9))
  two.open('cart', server)
  await rounds(2)
  expect(phone.quantity('x')).toBe(1)
  await wire.settled()
  expect(unhandled).toContain(thrown)
  unhandled.length = 0
})

test('pushes while a store is being read wait for one more read, all together', async () => {
  let reads = 0
  const local = localReplica(server)
  const slow: SyncReplica = {
    ...local,
    read: async (since) => {
      if (since === undefined) reads++
      await new Promise(setImmediate)
      return local.read(since)
    },
  }
  using two = syncOver(wire.b, options)
  const shared = two.open('cart', slow)
  await wire.settled()
  reads = 0
  for (let count = 0; count < 1_000; count++) shared.push()
  await rounds(4)
  expect(reads).toBe(2)
})

test('a version that does not fit into a message is an error, once, and not a silence for ever', async () => {
  for (let index = 0; index < 200; index++) {
    const writer = createCart({ replica: `a writer with a long name, number ${index}` })
    writer.add('x')
    phone.merge(writer)
  }
  using one = syncOver(wire.a, { ...options, maxMessageBytes: 1_024 })
  const shared = one.open('cart', phone)
  await expect(shared.synced).rejects.toMatchObject({ problem: 'too-large' })
  await rounds(5)
  expect(problems()).toEqual(['too-large'])
})

test('a clock that fails does not make it run in circles', async () => {
  let sleeps = 0
  const clock = {
    sleep: () => {
      if (++sleeps > 100) throw new Error('it runs in circles')
      return Promise.reject(new Error('stopped'))
    },
  }
  using one = syncOver(wire.a, { ...options, clock })
  one.open('cart', phone)
  await wire.settled()
  expect(sleeps).toBe(1)
})
