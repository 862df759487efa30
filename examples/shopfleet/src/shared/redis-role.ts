/** The same for a Redis as `role.ts` for Postgres: a client whose next connection leads to whoever plays the role. */
import { connect, type Socket } from 'node:net'
import { AbstractConnector, type RedisOptions } from 'ioredis'

export interface RedisRole {
  /** For a client: how it gets to the server, each time it connects. */
  readonly Connector: NonNullable<RedisOptions['Connector']>
  /** Cuts the connections that lead to somebody who does not play it any more. */
  readonly moved: () => void
}

/** How long a connection that is closed on purpose may take to say goodbye, ms; as ioredis has it. */
const GOODBYE_MS = 2_000

/** @param player the URL of whoever plays it now. */
export function redisRole(player: () => string): RedisRole {
  /** Open connections, and where each leads. */
  const connections = new Map<Socket, string>()

  class Connector extends AbstractConnector {
    constructor() {
      super(GOODBYE_MS)
    }

    async connect(): Promise<Socket> {
      const leadsTo = player()
      const { hostname, port } = new URL(leadsTo)
      const socket = connect({ host: hostname, port: Number(port) })
      this.connecting = true
      this.stream = socket
      // The client listens only from the next turn on, and asks for what went wrong before.
      socket.once('error', (error: Error) => (this.firstError = error))
      connections.set(socket, leadsTo)
      socket.once('close', () => connections.delete(socket))
      return socket
    }
  }

  return {
    Connector,
    moved() {
      const leadsNow = player()
      // To its client it looks as if the server had died: it connects again.
      for (const [socket, leadsTo] of connections) if (leadsTo !== leadsNow) socket.destroy()
    },
  }
}
