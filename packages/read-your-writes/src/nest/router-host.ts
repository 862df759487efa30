import { Logger } from '@nestjs/common'
import { systemClock, type Clock } from '@quorate/core'
import { deadline } from '../deadline.ts'
import { checkHttpOptions, checkSessionOptions } from '../http/check-http-options.ts'
import type { ReadYourWritesOptions } from '../options.ts'
import { readYourWrites } from '../read-your-writes.ts'
import type { ReadYourWrites } from '../router-api.ts'
import type { SessionRouter } from '../session-router.ts'
import type { ReadYourWritesModuleOptions } from './options.ts'
import { sessionMiddleware, type SessionMiddleware } from './session-middleware.ts'

/** The router of a module, and what the module owes it. */
export interface RouterHost {
  readonly name: string | undefined
  readonly db: SessionRouter
  readonly middleware: SessionMiddleware
  /** Resolves when all servers were asked, or when that has taken too long: no reason not to start. */
  ready(): Promise<void>
  /** Gives back what was made here: nothing, if the router was made elsewhere. */
  end(): Promise<void>
}

const DEFAULT_READY_MS = 5_000

/** What is being done, for messages. */
export const ACTION = 'set up ReadYourWritesModule'

/** @throws TypeError, RangeError for options that make no sense; nothing is started then. */
export function routerHost(name: string | undefined, options: ReadYourWritesModuleOptions): RouterHost {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(
      `Cannot ${ACTION}: its options must be an object, got ${String(options)}; return them from useFactory`,
    )
  }
  const { readyMs = DEFAULT_READY_MS } = options
  if (!(Number.isFinite(readyMs) && readyMs >= 0)) {
    throw new RangeError(`Cannot ${ACTION}: readyMs must be a finite number from 0, got ${readyMs}`)
  }
  return 'db' in options && options.db !== undefined
    ? givenHost(name, options, readyMs)
    : ownHost(name, options, readyMs)
}

type GivenOptions = Extract<ReadYourWritesModuleOptions, { readonly db: SessionRouter }>
type OwnOptions = Exclude<ReadYourWritesModuleOptions, GivenOptions>

function givenHost(name: string | undefined, options: GivenOptions, readyMs: number): RouterHost {
  const { db } = options
  checkHttpOptions(ACTION, db, options, ['db', 'key', 'readyMs'])
  return {
    name,
    db,
    middleware: sessionMiddleware(options, name)(db),
    ready: () => readyWithin(db, systemClock, readyMs),
    end: () => Promise.resolve(),
  }
}

function ownHost(name: string | undefined, options: OwnOptions, readyMs: number): RouterHost {
  const { db: _db, cookie, header, key, readyMs: _readyMs, endPools = false, ...router } = options
  const session = { cookie, header, key }
  checkSessionOptions(ACTION, session)
  const middlewareFor = sessionMiddleware(session, name)
  const pools = endPools ? endablePools(router) : []
  const db = readYourWrites(router)
  return {
    name,
    db,
    middleware: middlewareFor(db),
    ready: () => readyWithin(db, router.clock ?? systemClock, readyMs),
    end: async () => {
      await db.stop()
      await Promise.all(pools.map((pool) => pool.end()))
    },
  }
}

async function readyWithin(
  db: Partial<Pick<ReadYourWrites, 'ready'>>,
  clock: Clock,
  readyMs: number,
): Promise<void> {
  if (readyMs === 0 || db.ready === undefined) return
  using limit = deadline(clock, readyMs, 'Asking all servers')
  try {
    await db.ready({ signal: limit.signal })
  } catch (error) {
    if (!limit.signal.aborted) throw error
    new Logger('ReadYourWritesModule').warn(
      `Not all servers were asked within ${readyMs} ms; reads go to the primary until they were`,
    )
  }
}

interface EndablePool {
  end(): Promise<unknown>
}

/** @throws TypeError for a pool that cannot be ended. */
function endablePools({ primary, replicas }: ReadYourWritesOptions): readonly EndablePool[] {
  // What is no list or no pool is refused with the router's options.
  const pools = new Set<unknown>([primary, ...(Array.isArray(replicas) ? replicas : []).map(poolOf)])
  return [...pools].map((pool) => {
    if (typeof (pool as Partial<EndablePool> | undefined)?.end === 'function') return pool as EndablePool
    throw new TypeError(
      `Cannot ${ACTION}: endPools needs pools with a method end; leave it out and end them yourself`,
    )
  })
}

const poolOf = (replica: unknown): unknown => (replica as { readonly pool?: unknown } | undefined)?.pool
