import { once } from 'node:events'
import { createServer } from 'node:net'

/** @throws what the gateway would after half a minute of starting databases, `EADDRINUSE` or `EACCES`. */
export async function assertPortFree(port: number | undefined): Promise<void> {
  if (port === undefined) return
  const server = createServer()
  server.listen({ port, host: '127.0.0.1' })
  await once(server, 'listening')
  server.close()
  await once(server, 'close')
}
