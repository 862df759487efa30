// A document that the peer does not have, a peer that never answers, a caller who gives up.
import { beforeEach, expect, test, vi } from 'vitest'
import { Ticks, Wire } from '../../test/wire.ts'
import { type Cart, createCart } from '../index.ts'
import { type SyncError, syncOver, type SyncOptions } from './index.ts'
import { encodeMessage, type Message } from './message.ts'

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
  phone.add('x')
})

async function rounds(count: number): Promise<void> {
  for (let round = 0; round < count; round++) {
    await wire.settled()
    ticks.tick()
  }
  await wire.settled()
}

const problems = (): string[] => errors.map(({ problem }) => problem)
const stateOf = async (synced: Promise<void>): Promise<unknown> =>
  Promise.race([
    synced.then(
      () => 'synced',
      (cause: unknown) => (cause as SyncError).problem,
    ),
    new Promise((resolve) => setImmediate(resolve, 'open')),
  ])

test('a document that the peer does not accept: it says so, once, and both fall silent', async () => {
  using one = syncOver(wire.a, options)
  using two = syncOver(wire.b, { clock: ticks.clock, accept: () => undefined })
  await expect(one.open('cart', phone).synced).rejects.toMatchObject({
    problem: 'unknown-document',
    document: 'cart',
    code: 'QUORATE_CRDT_SYNC',
  })
  await rounds(5)
  expect(wire.kinds()).toEqual(['a: hello', 'b: refusal'])
  expect(Math.max(...wire.sent.map(({ bytes }) => bytes.length))).toBeLessThan(50)
  expect(problems()).toEqual(['unknown-document'])
  expect(ticks.count).toBe(0)
  expect(two).toBeDefined()
})

test('the peer opens it later: its hello revives what was denied', async () => {
  using one = syncOver(wire.a, options)
  using two = syncOver(wire.b, { ...options, accept: () => undefined })
  const merged = vi.fn<() => void>()
  const first = one.open('cart', phone, { onMerge: merged })
  await rounds(5)
  server.add('y')
  const second = two.open('cart', server)
  await rounds(3)
  expect(await stateOf(second.synced)).toBe('synced')
  expect([phone.quantity('y'), server.quantity('x')]).toEqual([1, 1])
  expect(merged).toHaveBeenCalledTimes(1)
  phone.add('z')
  first.push()
  await rounds(1)
  expect(server.quantity('z')).toBe(1)
})

test('the peer accepts it later: a push asks again', async () => {
  let isThere = false
  using one = syncOver(wire.a, options)
  using two = syncOver(wire.b, { ...options, accept: () => (isThere ? server : undefined) })
  expect(two).toBeDefined()
  const first = one.open('cart', phone)
  await rounds(3)
  first.push()
  await rounds(3)
  expect(problems()).toEqual(['unknown-document'])
  isThere = true
  first.push()
  await rounds(3)
  expect(server.quantity('x')).toBe(1)
})

test('two that accept nothing do not answer each other for ever, nor does accept hear of a refusal', async () => {
  const accept = vi.fn<(name: string) => undefined>(() => undefined)
  using one = syncOver(wire.a, { ...options, accept })
  using two = syncOver(wire.b, { ...options, accept })
  const refusal: Message = {
    kind: 'refusal',
    problem: 'unknown-document',
    document: 'cart',
    from: 5,
    to: 0,
    number: 1,
  }
  wire.a.send(encodeMessage(refusal))
  wire.b.send(encodeMessage(refusal))
  await rounds(3)
  expect(wire.sent).toHaveLength(2)
  expect(accept).not.toHaveBeenCalled()
  expect([one, two]).toHaveLength(2)
})

test('without accept, a side that has not opened the document says nothing: it may still do', async () => {
  using one = syncOver(wire.a, options)
  using two = syncOver(wire.b, options)
  const first = one.open('cart', phone)
  await rounds(2)
  expect(await stateOf(first.synced)).toBe('open')
  two.open('cart', server)
  await rounds(2)
  expect(await stateOf(first.synced)).toBe('synced')
})

test('a bus: who does not have it does not speak for who has', async () => {
  using one = syncOver(wire.a, options)
  using two = syncOver(wire.b, options)
  const first = one.open('cart', phone)
  two.open('cart', server)
  await first.synced
  wire.b.send(
    encodeMessage({
      kind: 'refusal',
      problem: 'unknown-document',
      document: 'cart',
      from: 5,
      to: 0,
      number: 1,
    }),
  )
  await rounds(1)
  expect(problems()).toEqual([])
  phone.add('y')
  first.push()
  await rounds(1)
  expect(server.quantity('y')).toBe(1)
})

test('nobody answers: after maxSilence questions, and the time of the last one, synced rejects', async () => {
  using one = syncOver(wire.a, { ...options, maxSilence: 3 })
  const first = one.open('cart', phone)
  await rounds(3)
  expect(await stateOf(first.synced)).toBe('open')
  await rounds(1)
  expect(await stateOf(first.synced)).toBe('silent')
  await rounds(3)
  expect(problems()).toEqual(['silent'])
  expect(ticks.count).toBe(0)
  // And yet it is still there.
  using two = syncOver(wire.b, options)
  two.open('cart', server)
  await rounds(3)
  expect(server.quantity('x')).toBe(1)
})

test('a peer that said hello and nothing more: silent as well, and heard again', async () => {
  let isCut = false
  wire.copies = ({ kind }) => (isCut || kind !== 'hello' ? 0 : 1)
  using one = syncOver(wire.a, { ...options, maxSilence: 3 })
  using two = syncOver(wire.b, { ...options, maxSilence: 3 })
  const [first, second] = [one.open('cart', phone), two.open('cart', server)]
  await wire.settled()
  isCut = true
  await rounds(6)
  expect(await stateOf(first.synced)).toBe('silent')
  expect(await stateOf(second.synced)).toBe('silent')
  expect(problems()).toEqual(['silent', 'silent'])
  wire.copies = () => 1
  first.push()
  await rounds(3)
  expect(server.quantity('x')).toBe(1)
})

test('who was in sync and falls silent later is not reported: synced said what it had to', async () => {
  using one = syncOver(wire.a, { ...options, maxSilence: 2 })
  using two = syncOver(wire.b, options)
  const first = one.open('cart', phone)
  two.open('cart', server)
  await first.synced
  await wire.settled()
  wire.copies = () => 0
  phone.add('y')
  first.push()
  await rounds(6)
  expect(problems()).toEqual([])
})

test('a signal closes the document, rejects synced with its reason, and is let go of', async () => {
  using one = syncOver(wire.a, options)
  const reason = new Error('the user went on')
  const controller = new AbortController()
  const first = one.open('cart', phone, { signal: controller.signal })
  await wire.settled()
  controller.abort(reason)
  await expect(first.synced).rejects.toBe(reason)
  wire.sent.length = 0
  first.push()
  await rounds(3)
  expect(wire.kinds()).toEqual([])
  // The name is free again.
  const after = new AbortController()
  const removed = vi.spyOn(after.signal, 'removeEventListener')
  one.open('cart', phone, { signal: after.signal }).close()
  expect(removed).toHaveBeenCalledTimes(1)
  one.open('cart', phone, { signal: after.signal })
  one.close()
  expect(removed).toHaveBeenCalledTimes(2)
})

test('a signal that was aborted before: nothing is opened, nothing is sent', async () => {
  using one = syncOver(wire.a, options)
  const reason = new Error('too late')
  const first = one.open('cart', phone, { signal: AbortSignal.abort(reason) })
  await expect(first.synced).rejects.toBe(reason)
  first.push()
  first.close()
  await rounds(2)
  expect(wire.sent).toEqual([])
  expect(errors).toEqual([])
})
