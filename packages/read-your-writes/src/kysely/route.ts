import type { KyselyPlugin, QueryId } from 'kysely'
import { checkNames } from '@quorate/core'
import { validateLevel, type Level } from '../level.ts'
import type { Session } from '../session.ts'

/** Where the queries of a Kysely instance go, beyond what its dialect says: {@link routed}. */
export interface RouteOptions {
  /** How fresh reads must be. Default: the dialect's. */
  readonly level?: Level | undefined
  /** Whose token is looked at and moved. Default: the session that the query runs in. */
  readonly session?: Session | undefined
}

/** Shared by all copies of this code: a process may have loaded the ESM and the CommonJS build. */
const ROUTES = Symbol.for('@quorate/read-your-writes.kysely-routes')

/** By query, which Kysely identifies from its building to its running. */
const routes = ((globalThis as { [ROUTES]?: WeakMap<QueryId, RouteOptions> })[ROUTES] ??= new WeakMap())

/**
 * A plugin for the queries that need another level, or a session they would not find by themselves. It
 * changes no query. Of several, the last one counts, option by option; in a transaction, its first query's.
 *
 * What counts is the Kysely that a query was compiled with: one that comes compiled to `executeQuery()` takes
 * its level from there, and `CompiledQuery.raw()`, which nobody has compiled, has the level of the dialect.
 *
 * @throws TypeError for an unknown option or level.
 *
 * @example
 * ```ts
 * const strong = kysely.withPlugin(routed({ level: 'strong' }))
 * await strong.selectFrom('account').select('balance').executeTakeFirst()
 * ```
 */
export function routed(options: RouteOptions): KyselyPlugin {
  checkNames('route queries', options, ['level', 'session'])
  const { level, session } = options
  if (level !== undefined) validateLevel(level)
  return {
    transformQuery: ({ node, queryId }) => {
      const before = routes.get(queryId)
      routes.set(queryId, { level: level ?? before?.level, session: session ?? before?.session })
      return node
    },
    transformResult: ({ result }) => Promise.resolve(result),
  }
}

const DEFAULT: RouteOptions = {}

export function routeOf(queryId: QueryId | undefined): RouteOptions {
  return (queryId === undefined ? undefined : routes.get(queryId)) ?? DEFAULT
}
