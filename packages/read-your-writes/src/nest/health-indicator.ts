import { Inject, Injectable } from '@nestjs/common'
import { ModuleRef } from '@nestjs/core'
import { checkNames } from '@quorate/core'
import { ANSWERING, type HealthStatus } from '../health.ts'
import type { PrimaryStatus, ReadYourWrites } from '../router-api.ts'
import { readYourWritesToken } from './tokens.ts'

/** Options of {@link ReadYourWritesHealthIndicator.isHealthy}. */
export interface HealthCheckOptions {
  /** Of the module, where there are several. */
  readonly name?: string | undefined
  /**
   * Is the service of no use without the primary? Default `false`: as long as a replica can serve reads, a
   * router that is `down` would have all copies of the service taken out of traffic for the writes' sake.
   */
  readonly requirePrimary?: boolean | undefined
  /**
   * Say `degraded` instead of `up` when the primary or a replica is not as it should be. Default `false`:
   * Terminus knows the word from version 12 on.
   */
  readonly degraded?: boolean | undefined
}

/** A replica as a health check tells it. */
export interface ReplicaHealth {
  readonly status: HealthStatus
  /** Left out while it is not known. */
  readonly lagMs?: number
  readonly lagBytes?: number
}

/** What a health check tells of a router. */
export interface HealthDetails {
  readonly status: 'up' | 'degraded' | 'down'
  /** Why it is `down`. */
  readonly message?: string
  readonly primary: PrimaryStatus
  /** By id. */
  readonly replicas: Readonly<Record<string, ReplicaHealth>>
}

/** In the shape that `@nestjs/terminus` takes. */
export type HealthResult<Key extends string = string> = Record<Key, HealthDetails>

/**
 * How the servers are, for a health check; with or without `@nestjs/terminus`. It tells what the router knows
 * already and asks nobody, so it may be called as often as one likes.
 *
 * @example
 * ```ts
 * health.check([() => indicator.isHealthy('database')])
 * ```
 */
export class ReadYourWritesHealthIndicator {
  readonly #moduleRef: ModuleRef

  constructor(moduleRef: ModuleRef) {
    this.#moduleRef = moduleRef
  }

  /**
   * `down` when no level can be served: neither the primary nor any replica answers; with `requirePrimary`,
   * when the primary does not answer. A server that was not asked yet counts as one that does not answer.
   *
   * @param key under which the result stands.
   * @throws TypeError for an unknown option, or a router of yours without `primary` and `replicas`.
   * @throws UnknownElementException of Nest, if no module has this name.
   */
  isHealthy<const Key extends string>(key: Key, options: HealthCheckOptions = {}): HealthResult<Key> {
    checkNames('check the health', options, ['name', 'requirePrimary', 'degraded'])
    const token = readYourWritesToken(options.name)
    const db = this.#moduleRef.get<Partial<Monitored>>(token, { strict: false })
    if (!isMonitored(db)) {
      throw new TypeError(
        'Cannot check the health: the router tells nothing of its servers; write a check of your own',
      )
    }
    return { [key]: detailsOf(db, options) } as HealthResult<Key>
  }
}

Injectable()(ReadYourWritesHealthIndicator)
Inject(ModuleRef)(ReadYourWritesHealthIndicator, undefined, 0)

type Monitored = Pick<ReadYourWrites, 'primary' | 'replicas'>

const isMonitored = (db: Partial<Monitored>): db is Monitored =>
  db.primary !== undefined && db.replicas !== undefined

function detailsOf(
  { primary, replicas }: Monitored,
  { requirePrimary = false, degraded = false }: HealthCheckOptions,
): HealthDetails {
  const details = {
    primary,
    replicas: Object.fromEntries(
      replicas.map(({ id, status, lag }): [string, ReplicaHealth] => [
        id,
        lag === undefined ? { status } : { status, lagMs: lag.ms, lagBytes: lag.bytes },
      ]),
    ),
  }
  const hasPrimary = primary.reachable === true
  if (!hasPrimary && requirePrimary) {
    return { ...details, status: 'down', message: 'the primary does not answer' }
  }
  if (!hasPrimary && !replicas.some(({ status }) => ANSWERING.has(status))) {
    return { ...details, status: 'down', message: 'neither the primary nor a replica answers' }
  }
  const isWhole = hasPrimary && replicas.every(({ status }) => status === 'healthy')
  return { ...details, status: isWhole || !degraded ? 'up' : 'degraded' }
}
