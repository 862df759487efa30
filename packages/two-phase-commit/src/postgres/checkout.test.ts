import { createServer, type Socket } from 'node:net'
import { systemClock } from '@quorate/core'
import pg from 'pg'
import { expect, onTestFinished, test } from 'vitest'
import { Deadline } from '../deadline.ts'
import { Checkout } from './checkout.ts'

/** A message of the server: type, length, body. */
function message(type: string, body: string | Buffer): Buffer {
  const text = Buffer.from(body)
  const head = Buffer.alloc(5)
  head.write(type)
  head.writeInt32BE(4 + text.length, 1)
  return Buffer.concat([head, text])
}

const WELCOME = [message('R', Buffer.alloc(4)), message('Z', 'I')]
const GOODBYE = message('E', 'SFATAL\0C57P01\0Mterminating connection\0\0')

/** A pool of a server that answers each new connection so. */
async function poolOf(answer: (socket: Socket) => void): Promise<pg.Pool> {
  const server = createServer((socket) => socket.once('data', () => answer(socket)))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  const port = typeof address === 'object' ? address?.port : undefined
  const pool = new pg.Pool({ host: '127.0.0.1', port: port ?? 0, user: 'x', database: 'x', ssl: false })
  pool.on('error', () => {})
  onTestFinished(async () => {
    await pool.end()
    server.close()
  })
  return pool
}

const minute = (): Deadline => new Deadline(systemClock, 60_000, () => new Error('never'))

test('from() survives a connection that ends with the bytes that open it', async () => {
  using deadline = minute()
  const pool = await poolOf((socket) => socket.end(Buffer.concat([...WELCOME, GOODBYE])))
  const checkout = await Checkout.from(pool, deadline)
  await expect(checkout.query('SELECT 1', deadline)).rejects.toThrow(/terminat|connection error/)
  checkout.release(true)
  expect(pool.totalCount).toBe(0)
})

test('from() gives back what comes too late, and leaves no listener on it', async () => {
  const controller = new AbortController()
  using deadline = new Deadline(systemClock, 60_000, () => new Error('never'), controller.signal)
  const { promise: asked, resolve } = Promise.withResolvers<Socket>()
  const pool = await poolOf(resolve)
  const checkout = Checkout.from(pool, deadline)
  const socket = await asked
  controller.abort(new Error('left'))
  await expect(checkout).rejects.toThrow('left')
  socket.write(Buffer.concat(WELCOME))
  const client = await new Promise<pg.PoolClient>((taken) => pool.once('acquire', taken))
  await expect.poll(() => pool.idleCount).toBe(1)
  expect(client.listenerCount('error')).toBe(1) // the pool's
})

test('from() takes a pool that knows only promises, and says what it says', async () => {
  using deadline = minute()
  const refused = Checkout.from({ connect: () => Promise.reject(new Error('no room')) }, deadline)
  await expect(refused).rejects.toThrow('no room')
})
