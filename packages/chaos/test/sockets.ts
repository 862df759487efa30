// Real loopback sockets for the tests of this package, with waits for events instead of sleeps.
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

/** One end of a connection that remembers what came in and lets a test wait for it. */
export class Peer {
  readonly socket: Socket
  readonly #chunks: Buffer[] = []
  #waiters: (() => void)[] = []
  ended = false
  closed = false
  error: NodeJS.ErrnoException | undefined

  constructor(socket: Socket) {
    this.socket = socket
    socket.setNoDelay(true)
    socket.on('data', (chunk) => {
      this.#chunks.push(chunk)
      this.#note(() => (this.length += chunk.length))
    })
    socket.on('end', () => this.#note(() => (this.ended = true)))
    socket.on('error', (error) => this.#note(() => (this.error = error)))
    socket.on('close', () => this.#note(() => (this.closed = true)))
  }

  get bytes(): Buffer {
    return Buffer.concat(this.#chunks)
  }

  get text(): string {
    return this.bytes.toString()
  }

  /** Bytes so far, counted: joining them on each read would be quadratic. */
  length = 0

  async until(condition: () => boolean): Promise<void> {
    while (!condition()) await new Promise<void>((resolve) => this.#waiters.push(resolve))
  }

  untilText(text: string): Promise<void> {
    return this.until(() => this.text === text)
  }

  /** Writes and waits until the system has taken the bytes. */
  send(data: string | Buffer): Promise<void> {
    return new Promise((resolve, reject) => {
      this.socket.write(data, (error) => (error ? reject(error) : resolve()))
    })
  }

  #note(change: () => void): void {
    change()
    const waiters = this.#waiters
    this.#waiters = []
    for (const wake of waiters) wake()
  }
}

/** A server that hands out its side of each connection, in order. */
export class Target implements AsyncDisposable {
  readonly #server: Server
  readonly #peers: Peer[] = []
  readonly #waiters: (() => void)[] = []
  readonly #echo: boolean

  private constructor(server: Server, echo: boolean) {
    this.#server = server
    this.#echo = echo
    server.on('connection', (socket) => {
      const peer = new Peer(socket)
      if (this.#echo) {
        socket.on('data', (chunk) => socket.write(chunk))
        socket.on('end', () => socket.end())
      }
      this.#peers.push(peer)
      for (const wake of this.#waiters.splice(0)) wake()
    })
  }

  static async open({ echo = false, port = 0 }: { echo?: boolean; port?: number } = {}): Promise<Target> {
    const server = createServer({ allowHalfOpen: true })
    const target = new Target(server, echo)
    server.listen(port, '127.0.0.1')
    await once(server, 'listening')
    return target
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  get count(): number {
    return this.#peers.length
  }

  /** The target's side of the nth connection, 0 first, when it is there. */
  async peer(index = 0): Promise<Peer> {
    for (;;) {
      const peer = this.#peers[index]
      if (peer !== undefined) return peer
      await new Promise<void>((resolve) => this.#waiters.push(resolve))
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { socket } of this.#peers) socket.destroy()
    this.#server.close()
    if (this.#server.listening) await once(this.#server, 'close')
  }
}

/** Connects and waits until it is connected, or reset at once. */
export async function dial(port: number): Promise<Peer> {
  const socket = connect({ host: '127.0.0.1', port, allowHalfOpen: true, noDelay: true })
  const peer = new Peer(socket)
  await once(socket, 'connect').catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ECONNRESET') throw error
  })
  return peer
}

/** Tries to connect; the error code if that fails. */
export function dialError(port: number): Promise<string | undefined> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.on('connect', () => {
      socket.destroy()
      resolve(undefined)
    })
    socket.on('error', (error: NodeJS.ErrnoException) => resolve(error.code))
  })
}

/** Resolves when the condition holds, looked at once per turn of the event loop: for state with no event. */
export async function untilTrue(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setImmediate(resolve))
}
