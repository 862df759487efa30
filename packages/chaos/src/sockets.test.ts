import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { expect, test } from 'vitest'
import { endSocket, resetSocket } from './sockets.ts'

/** A socket and its peer, which reads only if it is told to. */
async function pair(): Promise<{ socket: Socket; peer: Socket }> {
  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true })
  const [[peer]] = (await Promise.all([once(server, 'connection'), once(socket, 'connect')])) as [
    [Socket],
    unknown,
  ]
  server.close()
  return { socket, peer }
}

/** The code of the error that comes with an RST. */
function resetOf(peer: Socket): Promise<unknown> {
  peer.resume()
  return once(peer, 'close').then(
    () => 'closed',
    (error: NodeJS.ErrnoException) => error.code,
  )
}

test('a socket is reset at once', async () => {
  const { socket, peer } = await pair()
  resetSocket(socket)
  await once(socket, 'close')
  expect(await resetOf(peer)).toBe('ECONNRESET')
})

test('one that is sending its FIN is reset after that, and closed', async () => {
  const { socket, peer } = await pair()
  endSocket(socket)
  resetSocket(socket)
  await once(socket, 'close')
  // Whoever has read an end hears of an RST when writing.
  peer.resume()
  await once(peer, 'end')
  const told = resetOf(peer)
  peer.write('more')
  expect(await told).toBe('EPIPE')
})

test('a FIN that has to wait for bytes which nobody reads does not keep a socket from being reset', async () => {
  const { socket, peer } = await pair()
  while (socket.write(Buffer.alloc(1_000_000)));
  endSocket(socket)
  resetSocket(socket)
  await once(socket, 'close')
  expect(socket.bytesWritten).toBeGreaterThan(0)
  expect(await resetOf(peer)).toBe('ECONNRESET')
})

test('a FIN comes after all that was written', async () => {
  const { socket, peer } = await pair()
  const sent = Buffer.alloc(4_000_000, 'x')
  socket.write(sent)
  endSocket(socket)
  let bytes = 0
  peer.on('data', (chunk: Buffer) => (bytes += chunk.length))
  peer.resume()
  await once(peer, 'end')
  expect(bytes).toBe(sent.length)
  peer.destroy()
  socket.destroy()
})
