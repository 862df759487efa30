import { checkNames, type Clock, type EventListener, type Random } from '@quorate/core'
import { shown } from '../check-options.ts'
import type { WindowEvent } from './events.ts'

/**
 * How fresh a read should be.
 * - `eventual`: any replica.
 * - `read-your-writes`: the primary for a while after the session's last write, else any replica. A guess.
 * - `strong`: the primary.
 */
export type WindowLevel = 'eventual' | 'read-your-writes' | 'strong'

/** A replica, or whatever stands for all of them. */
export interface WindowReplicaOptions<Client> {
  /** Stable name: users are spread by it. */
  readonly id: string
  readonly client: Client
  /** Share of the users relative to the others. Default 1; 0 takes it out. */
  readonly weight?: number | undefined
}

/** Options of `readYourWritesWindow()`. */
export interface ReadYourWritesWindowOptions<Client> {
  readonly primary: Client
  readonly replicas: readonly WindowReplicaOptions<Client>[]
  /** Signs tokens, at least 16 bytes. Several: the first signs, all are accepted, for rotation. */
  readonly secret: string | readonly string[]
  /**
   * How long after its last write a session reads from the primary, ms. Default 30,000. Longer than replicas
   * ever lag, and than clocks of application servers differ: what is beyond it is read stale, and nobody notices.
   */
  readonly windowMs?: number | undefined
  /** Default level of reads. Default `read-your-writes`. */
  readonly level?: WindowLevel | undefined
  /** Does this error of a replica mean that it is away, so that the read runs elsewhere? Default: none does. */
  readonly isUnavailable?: ((error: unknown) => boolean) | undefined
  /** Users (session keys) whose last write this process remembers. Default 10,000. */
  readonly maxSharedSessions?: number | undefined
  readonly onEvent?: EventListener<WindowEvent> | undefined
  /** Default: the machine's. */
  readonly clock?: Clock | undefined
  /** Chooses the replica of a session without a key. Default: the machine's. */
  readonly random?: Random | undefined
}

/** All that has a default, with it. */
export interface WindowSettings {
  readonly windowMs: number
  readonly level: WindowLevel
  readonly maxSharedSessions: number
}

const DEFAULTS: WindowSettings = { windowMs: 30_000, level: 'read-your-writes', maxSharedSessions: 10_000 }
const OPTIONS: readonly (keyof ReadYourWritesWindowOptions<unknown>)[] = [
  'primary',
  'replicas',
  'secret',
  'windowMs',
  'level',
  'isUnavailable',
  'maxSharedSessions',
  'onEvent',
  'clock',
  'random',
]
/** Two weeks: beyond that it is no window, and a typing error more likely. */
const MAX_WINDOW_MS = 14 * 86_400_000
const LEVELS = ['eventual', 'read-your-writes', 'strong']

/** @throws RangeError, TypeError for an option that is missing, unknown or out of its range. */
export function windowSettingsOf(options: ReadYourWritesWindowOptions<unknown>): WindowSettings {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`Cannot route reads: options must be an object, got ${shown(options)}`)
  }
  checkNames('route reads', options, OPTIONS)
  checkServers(options)
  const { windowMs = DEFAULTS.windowMs, level = DEFAULTS.level } = options
  const { maxSharedSessions = DEFAULTS.maxSharedSessions, secret } = options
  checkNumber('windowMs', windowMs, MAX_WINDOW_MS)
  checkNumber('maxSharedSessions', maxSharedSessions, Infinity)
  checkWindowLevel(level)
  const secrets: readonly unknown[] = Array.isArray(secret) ? secret : [secret]
  if (!secrets.every((one) => typeof one === 'string')) {
    throw new TypeError(
      `Cannot route reads: secret must be a string or a list of strings, got ${shown(secret)}; pass at least 16 bytes`,
    )
  }
  return { windowMs, level, maxSharedSessions }
}

/** @throws TypeError for a level that is unknown, or that needs positions. */
export function checkWindowLevel(level: unknown): void {
  if (LEVELS.includes(level as string)) return
  throw new TypeError(
    `Cannot read: level must be ${LEVELS.join(', ')}, got ${shown(level)}; others need a store with positions`,
  )
}

function checkServers({ primary, replicas }: ReadYourWritesWindowOptions<unknown>): void {
  if (primary === undefined || primary === null) {
    throw new TypeError(`Cannot route reads: primary must be a client, got ${shown(primary)}`)
  }
  if (!Array.isArray(replicas)) {
    throw new TypeError(
      `Cannot route reads: replicas must be an array, got ${shown(replicas)}; pass [{ id, client }]`,
    )
  }
  for (const replica of replicas as readonly unknown[]) {
    if (typeof replica !== 'object' || replica === null) {
      throw new TypeError(`Cannot route reads: a replica must be { id, client }, got ${shown(replica)}`)
    }
    checkNames('route reads', replica, ['id', 'client', 'weight'], ' of a replica')
    const { id, client } = replica as Partial<WindowReplicaOptions<unknown>>
    if (client === undefined || client === null) {
      throw new TypeError(`Cannot route reads: client of replica ${shown(id)} is missing`)
    }
  }
}

function checkNumber(name: string, value: unknown, high: number): void {
  if (typeof value !== 'number') {
    throw new TypeError(`Cannot route reads: ${name} must be a number, got ${shown(value)}`)
  }
  if (!(value >= 1 && value <= high)) {
    throw new RangeError(`Cannot route reads: ${name} must be a number from 1 to ${high}, got ${value}`)
  }
}
