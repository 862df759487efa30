// What comes out as bytes goes into what takes bytes, as the DOM and Node type it.
import { createCart } from './index.ts'
import { createText } from './text/index.ts'
import { webSocketChannel, type WebSocketLike } from './sync/index.ts'

const cart = createCart({ replica: 'phone' })
const text = createText({ replica: 'phone' })

export const body: Response = new Response(cart.encode())
export const blob: Blob = new Blob([cart.add('tea').encode(), text.encode(), cart.version.encode()])
export const digest: Promise<ArrayBuffer> = crypto.subtle.digest('SHA-256', text.insert(0, 'x').encode())
export const own: Uint8Array<ArrayBuffer> = cart.deltaSince(cart.version).encode()

declare const socket: WebSocketLike & {
  /** As in the DOM. */
  send(data: string | ArrayBuffer | Blob | ArrayBufferView<ArrayBuffer>): void
}
export const channel: unknown = webSocketChannel(socket)
