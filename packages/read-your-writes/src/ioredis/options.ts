import { checkNames, type Clock, type EventListener, type Random } from '@quorate/core'
import { shown } from '../check-options.ts'
import type { Level } from '../level.ts'
import { settingsFrom } from '../settings.ts'
import type { RedisReadYourWritesEvent } from './events.ts'
import type { RedisClient } from './port.ts'

/** A replica and the client that leads to it, and to no other server. */
export interface RedisReplicaOptions<Client extends RedisClient = RedisClient> {
  /** Stable name: users are spread by it. */
  readonly id: string
  readonly client: Client
  /** Share of the users relative to the others. Default 1; 0 takes it out. */
  readonly weight?: number | undefined
}

/** Options of `readYourWritesRedis()`. */
export interface ReadYourWritesRedisOptions<Client extends RedisClient = RedisClient> {
  /** Client of the primary; after a failover it must lead to the new one, as one made with `sentinels` does. */
  readonly primary: Client
  readonly replicas: readonly RedisReplicaOptions<Client>[]
  /** Signs tokens, at least 16 bytes. Several: the first signs, all are accepted, for rotation. */
  readonly secret: string | readonly string[]
  /** Default level of reads. Default `read-your-writes`. */
  readonly level?: Level | undefined
  /** How long a read may wait for a replica to catch up before it goes to the primary, ms. Default 10; 0: not at all.
   * Nobody waits for replicas that have lately lagged by more than that. */
  readonly waitMs?: number | undefined
  /** A replica further behind is ejected, ms; readmitted below half of it. At most 1,000 probe intervals. Default 2,000. */
  readonly maxLagMs?: number | undefined
  /** The same in bytes of the replication stream. Default 64 MiB. */
  readonly maxLagBytes?: number | undefined
  /** How often each server is asked where it stands, ms. Default 100. */
  readonly probeIntervalMs?: number | undefined
  /**
   * A probe that takes longer has failed; two failures in a row eject, and so do three answers in a row that came late
   * (`slow`), until two in a row take less than half of this. Default 100.
   */
  readonly probeDeadlineMs?: number | undefined
  /** How often a replica is asked while somebody waits for it, ms. Default 2. */
  readonly pollMs?: number | undefined
  /** Reads that replicas should have served, on the primary at once; more are refused. Default: no limit. */
  readonly maxPrimaryReads?: number | undefined
  /** How long a read or a write may take on a server, with all its commands, ms. Default 5,000. */
  readonly deadlineMs?: number | undefined
  /** Tokens older than that are not taken: the primary answers and gives a new one. Default one day, ms. */
  readonly maxTokenAgeMs?: number | undefined
  /** Users (session keys) whose position this process remembers. Default 10,000. */
  readonly maxSharedSessions?: number | undefined
  readonly onEvent?: EventListener<RedisReadYourWritesEvent> | undefined
  /** Default: the machine's. */
  readonly clock?: Clock | undefined
  /** Chooses the replica of a session without a key. Default: the machine's. */
  readonly random?: Random | undefined
}

/** All numbers, with their defaults. */
export interface RedisSettings {
  readonly level: Level
  readonly waitMs: number
  readonly maxLagMs: number
  readonly maxLagBytes: number
  readonly probeIntervalMs: number
  readonly probeDeadlineMs: number
  readonly pollMs: number
  readonly maxPrimaryReads: number
  readonly deadlineMs: number
  readonly maxTokenAgeMs: number
  readonly maxSharedSessions: number
}

const DEFAULTS: RedisSettings = {
  level: 'read-your-writes',
  waitMs: 10,
  maxLagMs: 2_000,
  maxLagBytes: 64 * 1_024 * 1_024,
  probeIntervalMs: 100,
  probeDeadlineMs: 100,
  pollMs: 2,
  maxPrimaryReads: Infinity,
  deadlineMs: 5_000,
  maxTokenAgeMs: 86_400_000,
  maxSharedSessions: 10_000,
}

/** @throws RangeError, TypeError for an option that is missing, unknown or out of its range. */
export function redisSettingsOf(options: ReadYourWritesRedisOptions): RedisSettings {
  checkShape(options)
  return settingsFrom(DEFAULTS, options)
}

const PASS_CLIENT = 'pass new Redis(url) of ioredis'

function checkShape(options: ReadYourWritesRedisOptions): void {
  mustBe(isObject(options), 'options must be an object', options)
  const known = ['primary', 'replicas', 'secret', ...Object.keys(DEFAULTS), 'onEvent', 'clock', 'random']
  checkNames('route reads', options, known)
  const { primary, replicas, secret } = options
  mustBe(isClient(primary), 'primary must be a client', primary, PASS_CLIENT)
  mustBe(Array.isArray(replicas), 'replicas must be an array', replicas, 'pass [{ id, client }]')
  const ids = new Set<string>()
  const clients = new Set<unknown>([primary])
  for (const replica of replicas) {
    mustBe(isObject(replica), 'a replica must be an object', replica, 'pass { id, client }')
    checkNames('route reads', replica, ['id', 'client', 'weight'], ' of a replica')
    const { id, client, weight = 1 } = replica
    mustBe(typeof id === 'string' && id !== '', 'id of a replica must be a non-empty string', id)
    mustBe(isClient(client), `client of replica ${id} must be a client`, client, PASS_CLIENT)
    mustBe(typeof weight === 'number', `weight of replica ${id} must be a number`, weight)
    mustDiffer(!ids.has(id), `each replica needs an id of its own, ${id} is there twice`)
    mustDiffer(!clients.has(client), `each server needs a client of its own, that of ${id} is there twice`)
    ids.add(id)
    clients.add(client)
  }
  const secrets: readonly unknown[] = Array.isArray(secret) ? secret : [secret]
  mustBe(
    secrets.every((one) => typeof one === 'string'),
    'secret must be a string or a list of strings',
    secret,
    'pass at least 16 bytes',
  )
}

const isObject = (value: unknown): boolean => typeof value === 'object' && value !== null

/** Of one server: that of a cluster leads to many. */
function isClient(value: unknown): boolean {
  const { info, sendCommand, isCluster } = (value ?? {}) as Partial<Record<string, unknown>>
  return typeof info === 'function' && typeof sendCommand === 'function' && isCluster !== true
}

function mustBe(is: boolean, rule: string, value: unknown, advice = 'see its type'): void {
  if (is) return
  throw new TypeError(`Cannot route reads: ${rule}, got ${shown(value)}; ${advice}`)
}

function mustDiffer(is: boolean, rule: string): void {
  if (!is) throw new RangeError(`Cannot route reads: ${rule}`)
}
