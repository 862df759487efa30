import type { Socket } from 'node:net'

/**
 * FIN, once all that was written is on its way. Not before: what has still to go would hold up the end, and until that is
 * sent a socket cannot be reset.
 */
export function endSocket(socket: Socket): void {
  if (socket.writableLength === 0) {
    socket.end()
    return
  }
  socket.write('', (error) => {
    if (error === null || error === undefined) socket.end()
  })
}

/**
 * RST. While its FIN is being sent, for a turn of the event loop, a socket cannot be reset: libuv refuses it (EINVAL), and
 * Node.js forgets the socket all the same. It is never closed then, and its process, which has nothing left to do, never
 * ends.
 */
export function resetSocket(socket: Socket): void {
  if (socket.writableEnded && !socket.writableFinished) socket.once('finish', () => socket.resetAndDestroy())
  else socket.resetAndDestroy()
}
