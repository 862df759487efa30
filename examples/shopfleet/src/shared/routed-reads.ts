import { readYourWrites, type ReadYourWrites, type ReadYourWritesOptions } from '@quorate/read-your-writes'
import { readYourWritesExpress } from '@quorate/read-your-writes/express'
import type { RequestHandler } from 'express'
import type { Pool } from 'pg'
import { USER_HEADER } from '../api.ts'
import type { ReplicaWatch } from './replica-watch.ts'

export interface RoutedReadsOptions {
  /** Names its database in session tokens: no two services take each other's for their own. */
  readonly service: string
  readonly primary: Pool
  readonly replicas: readonly Pool[]
  /** Signs session tokens; the same in all copies of a service. */
  readonly secret: string
  readonly watch: ReplicaWatch
}

/** For routers over any store. */
export const ROUTER_TIMES = {
  probeIntervalMs: 200,
  // The services share a process here, and its event loop: an answer that waits there is no sign of a server.
  probeDeadlineMs: 500,
  // Says that the primary is away before the gateway stops waiting.
  deadlineMs: 3_000,
} as const

/** Reads go to replicas that have all this user wrote or has seen, writes to the primary. */
export function routerOptions(options: RoutedReadsOptions): ReadYourWritesOptions {
  const { service, primary, replicas, secret, watch } = options
  return {
    name: service,
    primary,
    replicas: replicas.map((pool, index) => ({ id: replicaId(index), pool })),
    secret,
    ...ROUTER_TIMES,
    onEvent: watch.onEvent,
  }
}

export const replicaId = (index: number): string => `replica-${index + 1}`

/** How a request of the gateway gets its session: the token comes in a header, the gateway keeps the cookie. */
export const GATEWAY_SESSION = {
  cookie: false,
  key: ({ headers }: { readonly headers: Readonly<Record<string, string | string[] | undefined>> }) => {
    const user = headers[USER_HEADER]
    return typeof user === 'string' ? user : undefined
  },
} as const

export interface RoutedReads extends AsyncDisposable {
  readonly db: ReadYourWrites
  /** Gives each request the session of its user. */
  readonly middleware: RequestHandler
}

/** The same for a service on Express. */
export function routedReads(options: RoutedReadsOptions): RoutedReads {
  const db = readYourWrites(routerOptions(options))
  return {
    db,
    middleware: readYourWritesExpress(db, GATEWAY_SESSION),
    [Symbol.asyncDispose]: () => db.stop(),
  }
}
