import net from 'node:net'
import { systemRandom, type Random } from '@quorate/core'

/**
 * Ports are drawn from below the range that kernels hand to outgoing connections (Linux 32768+,
 * macOS 49152+): a server that is killed gets its port back, because no client can have taken it.
 */
const FIRST = 15_000
const LAST = 32_000

/** Drawn in this process and perhaps not bound yet. */
const drawn = new Set<number>()

/** A port of 127.0.0.1 that is free now. The server may still lose the race for it: then draw again. */
export async function freePort(random: Random = systemRandom): Promise<number> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const port = FIRST + Math.floor(random() * (LAST - FIRST))
    if (drawn.has(port)) continue
    drawn.add(port)
    if (await isFree(port)) return port
    drawn.delete(port)
  }
  throw new Error(`Cannot find a free port between ${FIRST} and ${LAST} on 127.0.0.1; end some servers`)
}

/** Gives a drawn port back, once its server is gone for good. */
export function releasePort(port: number): void {
  drawn.delete(port)
}

/** True if a server could listen on this port of 127.0.0.1 now. */
export function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer()
    server.once('error', () => resolve(false))
    server.listen({ port, host: '127.0.0.1', exclusive: true }, () => server.close(() => resolve(true)))
  })
}
