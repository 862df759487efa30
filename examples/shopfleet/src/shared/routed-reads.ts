import { readYourWrites, type ReadYourWrites } from '@quorate/read-your-writes'
import { readYourWritesExpress } from '@quorate/read-your-writes/express'
import type { RequestHandler } from 'express'
import type { Pool } from 'pg'
import { USER_HEADER } from '../api.ts'
import type { Logger } from './logging.ts'

export interface RoutedReadsOptions {
  readonly primary: Pool
  readonly replicas: readonly Pool[]
  readonly log: Logger
  /** Signs session tokens; the same in all copies of a service. */
  readonly secret: string
}

export interface RoutedReads extends AsyncDisposable {
  readonly db: ReadYourWrites
  /** Gives each request the session of its user. The gateway keeps the token; here it is a header only. */
  readonly middleware: RequestHandler
}

const PROBE_EVERY_MS = 200

/** Reads go to replicas that have all this user wrote or has seen, writes to the primary. */
export function routedReads({ primary, replicas, log, secret }: RoutedReadsOptions): RoutedReads {
  const db = readYourWrites({
    primary,
    replicas: replicas.map((pool, index) => ({ id: `replica-${index + 1}`, pool })),
    secret,
    probeIntervalMs: PROBE_EVERY_MS,
    onEvent: (event) => {
      if (event.type !== 'read' && event.type !== 'write') log.debug(event, event.type)
    },
  })
  const key = (request: {
    readonly headers: Readonly<Record<string, string | string[] | undefined>>
  }): string | undefined => {
    const user = request.headers[USER_HEADER]
    return typeof user === 'string' ? user : undefined
  }
  return {
    db,
    middleware: readYourWritesExpress(db, { cookie: false, key }),
    [Symbol.asyncDispose]: () => db.stop(),
  }
}
