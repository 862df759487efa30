import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { createCart } from '../index.ts'
import {
  type Channel,
  portChannel,
  streamChannel,
  syncOver,
  webSocketChannel,
  type WebSocketLike,
} from './index.ts'

/** @returns true if replicas on the two ends become equal. */
async function syncedThrough(a: Channel, b: Channel): Promise<boolean> {
  const [phone, server] = [createCart({ replica: 'phone' }), createCart({ replica: 'server' })]
  // More than one part.
  for (let count = 0; count < 3_000; count++) phone.add(`a stock keeping unit ${count * 7919}`)
  server.add('y')
  using one = syncOver(a, { maxMessageBytes: 4_096 })
  using two = syncOver(b, { maxMessageBytes: 4_096 })
  await Promise.all([one.open('cart', phone).synced, two.open('cart', server).synced])
  return Buffer.from(phone.encode()).equals(server.encode())
}

test('a MessageChannel', async () => {
  const { port1, port2 } = new MessageChannel()
  expect(await syncedThrough(portChannel(port1), portChannel(port2))).toBe(true)
  port1.close()
  port2.close()
})

test('a BroadcastChannel: three tabs on one bus', async () => {
  const tabs = [1, 2, 3].map((tab) => ({
    bus: new BroadcastChannel('carts'),
    cart: createCart({ replica: `tab-${tab}` }),
  }))
  const syncs = tabs.map(({ bus }) => syncOver(portChannel(bus)))
  tabs.forEach(({ cart }, index) => cart.add(`sku-${index}`))
  const shared = tabs.map(({ cart }, index) => syncs[index]?.open('cart', cart))
  await Promise.all(shared.map(async (document) => document?.synced))
  tabs[0]?.cart.add('later')
  shared[0]?.push()
  const skus = ['later', 'sku-0', 'sku-1', 'sku-2']
  await expect.poll(() => tabs.map(({ cart }) => [...cart.value.keys()])).toEqual([skus, skus, skus])
  for (const sync of syncs) sync.close()
  for (const { bus } of tabs) bus.close()
})

/** Two ends of a TCP connection on this machine. */
async function connection(): Promise<[Socket, Socket]> {
  const server = createServer({ allowHalfOpen: false }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const client = connect((server.address() as AddressInfo).port, '127.0.0.1')
  const [[accepted]] = (await Promise.all([once(server, 'connection'), once(client, 'connect')])) as [
    [Socket],
    unknown,
  ]
  server.close()
  return [client, accepted]
}

test('a TCP connection', async () => {
  const [a, b] = await connection()
  expect(await syncedThrough(streamChannel(a), streamChannel(b))).toBe(true)
  a.destroy()
  b.destroy()
})

test('a stream cut anywhere gives the same messages', async () => {
  const frames: Uint8Array[] = []
  const sender = streamChannel({ write: (bytes) => frames.push(bytes), on: () => {}, destroy: () => {} })
  const messages = [Uint8Array.of(1), new Uint8Array(300).fill(2), Uint8Array.of(3, 4, 5)]
  for (const message of messages) sender.send(message)
  const all = Buffer.concat(frames)
  for (const size of [1, 2, 3, 5, 64, all.length]) {
    const heard: Uint8Array[] = []
    let data: ((chunk: Uint8Array) => void) | undefined
    const on = (event: string, listener: never): void => {
      if (event === 'data') data = listener
    }
    streamChannel({ write: () => {}, on, destroy: () => {} }).onMessage((bytes) => heard.push(bytes))
    for (let at = 0; at < all.length; at += size) data?.(all.subarray(at, at + size))
    expect(heard).toEqual(messages)
  }
})

test('a stream that announces more than the bound is destroyed, and nothing is gathered', async () => {
  const [a, b] = await connection()
  streamChannel(b, 1_000).onMessage(() => expect.unreachable('no message is that long'))
  b.on('error', () => {})
  a.write(Uint8Array.of(0, 0, 4, 0))
  await once(a, 'close')
  expect(b.destroyed).toBe(true)
})

test('the end of a connection ends its sync', async () => {
  const [a, b] = await connection()
  using sync = syncOver(streamChannel(a))
  const { synced } = sync.open('cart', createCart({ replica: 'phone' }))
  b.end()
  await expect(synced).rejects.toMatchObject({ code: 'QUORATE_CRDT_SYNC', problem: 'closed' })
})

/** What a WebSocket does, without the network. */
class Socketlike implements WebSocketLike {
  binaryType = 'blob'
  readyState = 0
  peer: Socketlike | undefined
  readonly #listeners = new Map<string, Array<(event: { data: unknown }) => void>>()

  send(data: Uint8Array): void {
    if (this.readyState !== 1) throw new Error('InvalidStateError')
    setImmediate(() => this.peer?.emit('message', data.slice().buffer))
  }

  addEventListener(type: string, listener: (event: { data: unknown }) => void): void {
    this.#listeners.set(type, [...(this.#listeners.get(type) ?? []), listener])
  }

  emit(type: string, data?: unknown): void {
    for (const listener of this.#listeners.get(type) ?? []) listener({ data })
  }
}

test('a WebSocket: what is sent before it is open waits', async () => {
  const [a, b] = [new Socketlike(), new Socketlike()]
  a.peer = b
  b.peer = a
  const done = syncedThrough(webSocketChannel(a), webSocketChannel(b))
  for (const socket of [a, b]) {
    socket.readyState = 1
    socket.emit('open')
  }
  expect(await done).toBe(true)
  expect(a.binaryType).toBe('arraybuffer')
})

test('a peer that does not read fills no memory: what does not leave is lost, and comes later', () => {
  let buffered = 0
  let sent = 0
  const take = (bytes: Uint8Array): void => {
    sent++
    buffered += bytes.length
  }
  const socket: WebSocketLike = {
    binaryType: '',
    readyState: 1,
    get bufferedAmount() {
      return buffered
    },
    send: take,
    addEventListener: () => undefined,
  }
  const stream = {
    get writableLength() {
      return buffered
    },
    write: take,
    on: () => undefined,
    destroy: () => undefined,
  }
  for (const channel of [webSocketChannel(socket), streamChannel(stream)]) {
    ;[buffered, sent] = [0, 0]
    for (let count = 0; count < 1_000; count++) channel.send(new Uint8Array(65_536))
    expect(sent).toBeLessThan(200)
    buffered = 0
    channel.send(new Uint8Array(1))
    expect(buffered).toBeGreaterThan(0)
  }
})
