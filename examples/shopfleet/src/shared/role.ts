/**
 * A role in a group of servers, as `the primary of orders`. Who plays it changes with a fail-over: then new connections
 * lead to the new server by themselves, and those to the old one are cut. That is what a failover manager does behind
 * one DNS name; without it a pool would go on asking a server that is something else by now.
 */
import { Socket } from 'node:net'
import pg from 'pg'

export interface Role {
  /** For a pool: each of its connections goes to whoever plays the role when it is made. */
  readonly Client: typeof pg.Client
  /** Cuts the connections that lead to somebody who does not play it any more. */
  readonly moved: () => void
}

/** @param player the URL of whoever plays it now. */
export function role(player: () => string): Role {
  const connections = new Set<Connection>()

  class Connection extends pg.Client {
    readonly leadsTo: string
    readonly cut: () => void

    constructor(config: pg.ClientConfig = {}) {
      const [connectionString, socket] = [player(), new Socket()]
      super({ ...config, connectionString, stream: () => socket })
      this.leadsTo = connectionString
      // To its owner it looks as if the server had died: an idle one is replaced, a query under way fails.
      this.cut = () => socket.destroy()
      connections.add(this)
      this.once('end', () => connections.delete(this))
    }
  }

  return {
    Client: Connection,
    moved() {
      const leadsNow = player()
      for (const { leadsTo, cut } of connections) if (leadsTo !== leadsNow) cut()
    },
  }
}
