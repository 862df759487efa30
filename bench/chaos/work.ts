// What the two ends of a connection do in the chaos bench.
import { once } from 'node:events'
import { connect, createServer, type Server } from 'node:net'

/** The first byte of a connection says what to do: count bytes and answer with the number, or send each back. */
export async function serve(): Promise<Server> {
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (socket) => {
    socket.on('error', () => {})
    socket.once('data', (first) => {
      if (first[0] === 0x65) {
        socket.on('data', (chunk) => socket.write(chunk))
        socket.on('end', () => socket.end())
      } else {
        let bytes = first.length
        socket.on('data', (chunk) => (bytes += chunk.length))
        socket.on('end', () => socket.end(String(bytes)))
      }
      if (first[0] === 0x65 && first.length > 1) socket.write(first.subarray(1))
    })
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return server
}

/** Sends `amount` bytes as fast as the other side takes them; the answer is how many arrived. */
export async function stream(port: number, amount: number): Promise<{ seconds: number }> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true, allowHalfOpen: true })
  await once(socket, 'connect')
  const block = Buffer.alloc(65_536, 0x73)
  const start = process.hrtime.bigint()
  let answer = ''
  socket.on('data', (chunk) => (answer += chunk.toString()))
  for (let sent = 0; sent < amount; sent += block.length) {
    if (!socket.write(block)) await once(socket, 'drain')
  }
  socket.end()
  await once(socket, 'end')
  const seconds = Number(process.hrtime.bigint() - start) / 1e9
  if (Number(answer) < amount) throw new Error(`sent ${amount} bytes, ${answer} arrived`)
  return { seconds }
}

/** Sends 64 bytes and waits for them, `amount` times. */
export async function roundTrips(port: number, amount: number): Promise<{ p50Us: number; p99Us: number }> {
  const socket = connect({ host: '127.0.0.1', port, noDelay: true })
  await once(socket, 'connect')
  socket.write('e')
  const message = Buffer.alloc(64, 0x70)
  const times: number[] = []
  await new Promise<void>((resolve) => {
    let got = 0
    let start = process.hrtime.bigint()
    socket.on('data', (chunk) => {
      got += chunk.length
      if (got < message.length) return
      got = 0
      const elapsedNs = process.hrtime.bigint() - start
      times.push(Number(elapsedNs) / 1e3)
      if (times.length === amount) {
        resolve()
        return
      }
      start = process.hrtime.bigint()
      socket.write(message)
    })
    socket.write(message)
  })
  socket.destroy()
  times.sort((a, b) => a - b)
  return { p50Us: times[Math.floor(amount / 2)] ?? 0, p99Us: times[Math.floor(amount * 0.99)] ?? 0 }
}
