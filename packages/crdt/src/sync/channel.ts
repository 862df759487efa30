/** Two ends of one wire, or a bus of several. Messages may get lost, come twice, or out of order. */
export interface Channel {
  /** Sends a message to the other end. What it throws counts as lost. */
  send(bytes: Uint8Array<ArrayBuffer>): void
  /** Whoever listens gets every message from now on. Called once. */
  onMessage(listener: (bytes: Uint8Array) => void): void
  /** Called when no message will come any more. */
  onClose?(listener: () => void): void
}

/** The part of `MessagePort` and `BroadcastChannel` that is called. */
export interface PortLike {
  postMessage(message: unknown): void
  addEventListener(type: 'message' | 'close', listener: (event: object) => void): void
  start?(): void
}

/** A `MessagePort` (workers, frames) or a `BroadcastChannel` (tabs: any number of replicas on one bus). */
export function portChannel(port: PortLike): Channel {
  return {
    send: (bytes) => port.postMessage(bytes),
    onMessage: (listener) => {
      port.addEventListener('message', (event) => {
        const { data } = event as { readonly data?: unknown }
        if (data instanceof Uint8Array) listener(data)
      })
      port.start?.()
    },
    onClose: (listener) => port.addEventListener('close', listener),
  }
}

/** A peer that does not read: from here on what is sent counts as lost, and is sent again when there is room. */
const MAX_BUFFERED_BYTES = 8_388_608

/** The part of a `WebSocket` that is called, of a browser, Node or `ws`. */
export interface WebSocketLike {
  binaryType: string
  readonly readyState: number
  /** Bytes that were sent and have not left yet. */
  readonly bufferedAmount?: number | undefined
  send(data: Uint8Array<ArrayBuffer>): void
  addEventListener(type: 'message' | 'open' | 'close', listener: (event: object) => void): void
}

const OPEN = 1

/** A WebSocket. What is sent before it is open waits for that. */
export function webSocketChannel(socket: WebSocketLike): Channel {
  socket.binaryType = 'arraybuffer'
  const early: Uint8Array<ArrayBuffer>[] = []
  socket.addEventListener('open', () => {
    for (const bytes of early.splice(0)) socket.send(bytes)
  })
  return {
    send: (bytes) => {
      if ((socket.bufferedAmount ?? 0) > MAX_BUFFERED_BYTES) return
      if (socket.readyState === OPEN) socket.send(bytes)
      // A few hellos; what would be more is sent again anyway.
      else if (socket.readyState < OPEN && early.length < 1_000) early.push(bytes)
    },
    onMessage: (listener) =>
      socket.addEventListener('message', (event) => {
        const { data } = event as { readonly data?: unknown }
        if (data instanceof ArrayBuffer) listener(new Uint8Array(data))
      }),
    onClose: (listener) => socket.addEventListener('close', listener),
  }
}

/** The part of a Node stream that is called, for example a `net.Socket`. */
export interface StreamLike {
  write(bytes: Uint8Array): unknown
  /** Bytes that were written and have not left yet. */
  readonly writableLength?: number | undefined
  on(event: 'data', listener: (chunk: Uint8Array) => void): unknown
  on(event: 'close', listener: () => void): unknown
  destroy(error?: Error): unknown
}

const LENGTH_BYTES = 4

/**
 * A stream of bytes: each message goes after its length, 4 bytes, big-endian.
 *
 * @param maxMessageBytes a longer one is not waited for, the stream is destroyed. Default 65,536, as that of `syncOver`.
 */
export function streamChannel(stream: StreamLike, maxMessageBytes = 65_536): Channel {
  return {
    send: (bytes) => {
      if ((stream.writableLength ?? 0) > MAX_BUFFERED_BYTES) return
      const framed = new Uint8Array(LENGTH_BYTES + bytes.length)
      new DataView(framed.buffer).setUint32(0, bytes.length)
      framed.set(bytes, LENGTH_BYTES)
      stream.write(framed)
    },
    onMessage: (listener) => {
      const take = unframer(maxMessageBytes, listener)
      stream.on('data', (chunk) => {
        if (!take(chunk)) stream.destroy(new Error(`a message is longer than ${maxMessageBytes} bytes`))
      })
    },
    onClose: (listener) => void stream.on('close', listener),
  }
}

/** @returns takes the next bytes; false when a message is too long: nothing more can be read then. */
function unframer(maxBytes: number, listener: (message: Uint8Array) => void): (chunk: Uint8Array) => boolean {
  const head = new Uint8Array(LENGTH_BYTES)
  /** What is being filled, and how far. */
  let target = head
  let filled = 0
  let isBroken = false
  return (chunk) => {
    for (let at = 0; at < chunk.length && !isBroken;) {
      const taken = Math.min(chunk.length - at, target.length - filled)
      target.set(chunk.subarray(at, at + taken), filled)
      at += taken
      filled += taken
      if (filled < target.length) break
      filled = 0
      if (target === head) {
        const length = new DataView(head.buffer).getUint32(0)
        isBroken = length === 0 || length > maxBytes
        if (!isBroken) target = new Uint8Array(length)
      } else {
        listener(target)
        target = head
      }
    }
    return !isBroken
  }
}
