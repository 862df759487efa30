import { connect, createServer, type AddressInfo } from 'node:net'

/** A port that is taken but not listened on. */
export interface HeldPort {
  release(): void
}

/**
 * Keeps a port ours while nobody listens on it: connections are refused, and yet the system gives it to
 * nobody who asks for a free one, because an outgoing connection to ourselves is bound to it. Where the
 * system does not allow that, the port is just free meanwhile.
 *
 * @param vacate stops the listening; called at the moment the port can be bound anew.
 */
export async function holdPort(
  host: string,
  port: number,
  vacate: () => void,
): Promise<HeldPort | undefined> {
  const anchor = createServer((socket) => {
    socket.on('error', () => {})
    socket.unref()
  })
  anchor.on('error', () => {})
  anchor.unref()
  await new Promise<void>((resolve) => {
    anchor.once('error', () => resolve())
    anchor.listen({ host, port: 0 }, () => resolve())
  })
  vacate()
  const address = anchor.address() as AddressInfo | null
  if (address === null) return undefined
  const holder = connect({ host, port: address.port, localAddress: host, localPort: port })
  holder.unref()
  const held = await new Promise<boolean>((resolve) => {
    holder.once('connect', () => resolve(true))
    holder.once('error', () => resolve(false))
  })
  holder.on('error', () => {})
  const release = (): void => {
    holder.resetAndDestroy()
    anchor.close()
  }
  if (held) return { release }
  release()
  return undefined
}
