import { checkNames, type Clock, type EventListener } from '@quorate/core'
import type { CoordinatorEvent } from './events.ts'
import type { Decision } from './machine.ts'
import { requireName } from './names.ts'
import type { PgPool, Queryable } from './postgres/port.ts'
import type { Isolation } from './postgres/sql.ts'
import type { CoordinatorSpans } from './spans.ts'

/** The databases that a transaction can span, by name. */
export type Participants = Readonly<Record<string, PgPool>>

/** Where decisions are kept: with a participant, or on a server of their own. */
export type LogPlace<Name extends string> =
  | { readonly kind: 'co-located'; readonly participant: Name }
  | { readonly kind: 'separate'; readonly pool: PgPool }

/**
 * Decisions are kept with one participant, which commits its own changes and the decision in one transaction: three
 * waits for a disk instead of five, two of them at once.
 *
 * @param participant the one that most transactions write to. It is never prepared.
 */
export function coLocated<const Name extends string>(participant: Name): LogPlace<Name> {
  return { kind: 'co-located', participant }
}

/**
 * Decisions are kept on a server of their own, best a primary with a synchronous standby: no transaction can end while
 * it is down.
 */
export function separateLog(pool: PgPool): LogPlace<never> {
  return { kind: 'separate', pool }
}

/** Options of {@link createCoordinator}. */
export interface CoordinatorOptions<P extends Participants> {
  /** At most `maxParticipants`, each a database of its own, its pool leading to the primary. */
  readonly participants: P
  readonly log: LogPlace<keyof P & string>
  /** Names this service in the names of transactions, for people. Up to 32 letters, digits, `-`, `_`. Default `coordinator`. */
  readonly name?: string | undefined
  /** Schema of the log's tables. Default `quorate`. */
  readonly schema?: string | undefined
  /** How long a transaction may take until its decision, ms. Default 5,000. */
  readonly timeoutMs?: number | undefined
  /** How long it may take after that to find out a lost answer, and again to tell the participants, ms. Default 2,000. */
  readonly graceMs?: number | undefined
  /** Transactions that hold locks for longer are reported as `slow`, ms. Default 100: what takes longer should be a saga. */
  readonly adviseMs?: number | undefined
  /** Default 5: more databases fail, and wait, together too often; use a saga. */
  readonly maxParticipants?: number | undefined
  /** Where participants are. If they differ, that is reported. */
  readonly regions?: { readonly [Name in keyof P]?: string | undefined } | undefined
  /** How often to look for what crashes have left, ms. Default 5,000. `Infinity`: only on `recover()`. */
  readonly recoverEveryMs?: number | undefined
  /**
   * Transactions of other coordinators are ended when they have been prepared for so long, ms. Default 10,000. A
   * shorter time may abort what is still going on, and harms nothing else.
   */
  readonly orphanAfterMs?: number | undefined
  /**
   * A coordinator that shows no sign of life for so long may write no more, ms. Default 600,000. Decisions can be asked
   * for with `status(id)` as long as their coordinator lives, and at least for so long after they were made.
   */
  readonly closeAfterMs?: number | undefined
  /** What stays prepared for longer is reported as `orphan`, ms. Default 60,000. */
  readonly alertAfterMs?: number | undefined
  readonly onEvent?: EventListener<CoordinatorEvent> | undefined
  /** Draws transactions for a trace: `twoPhaseCommitSpans()` of `/otel`. Default: none. */
  readonly spans?: CoordinatorSpans | undefined
  /** Default: the machine's. */
  readonly clock?: Clock | undefined
}

/** Options of {@link Coordinator.transaction}. */
export interface TransactionOptions<Name extends string> {
  /** Default: the coordinator's. */
  readonly timeoutMs?: number | undefined
  /** Rolls all back, unless the decision is on its way. */
  readonly signal?: AbortSignal | undefined
  /** Which participants to begin on. Default: all. */
  readonly use?: readonly Name[] | undefined
  /** On each participant; there is no order between two of them. Default: the server's. */
  readonly isolation?: Isolation | undefined
}

/** What the callback of a transaction gets, by the names of the participants. */
export type Clients<Name extends string> = { readonly [N in Name]: Queryable }

/** Facts about the running transaction. */
export interface TransactionContext {
  /** Its name, for `status(id)`. */
  readonly id: string
  /** Aborted at the deadline, or with the caller's signal. */
  readonly signal: AbortSignal
}

/** Options of calls that only wait. */
export interface WaitOptions {
  /** Default: `timeoutMs` of the coordinator. */
  readonly timeoutMs?: number | undefined
  readonly signal?: AbortSignal | undefined
}

/** Options of {@link Coordinator.resolve}. */
export interface ResolveOptions extends WaitOptions {
  /** Also against the record, or without one. The data may then be half committed. Default `false`. */
  readonly force?: boolean | undefined
  /** Why, kept with the decision. */
  readonly note?: string | undefined
}

/** One transaction, as far as it has left traces. */
export interface TransactionStatus {
  readonly id: string
  /**
   * On record. `undefined`: nothing is. Then it is not decided yet, or it is over: its caller knew that it is committed,
   * or has not asked for `closeAfterMs`.
   */
  readonly decision: Decision | undefined
  /** Where it is prepared. */
  readonly prepared: readonly string[]
  /** Age of the oldest trace, ms, by the servers' clocks. */
  readonly ageMs: number
}

/** What {@link Coordinator.recover} did. */
export interface RecoveryReport {
  /** Transactions that were ended everywhere. */
  readonly recovered: number
  /** Transactions that are prepared somewhere and could not be ended now. */
  readonly left: number
  /** Servers that could not be asked. */
  readonly unreachable: readonly string[]
  /** Another coordinator recovers at the moment; only this one's own were looked at. */
  readonly elsewhere: boolean
}

/** The options with their defaults. */
export interface Settings<P extends Participants> {
  readonly participants: P
  readonly log: LogPlace<keyof P & string>
  readonly name: string
  readonly schema: string
  readonly timeoutMs: number
  readonly graceMs: number
  readonly adviseMs: number
  readonly maxParticipants: number
  readonly recoverEveryMs: number
  readonly orphanAfterMs: number
  readonly closeAfterMs: number
  readonly alertAfterMs: number
}

const NUMBERS = [
  'timeoutMs',
  'graceMs',
  'adviseMs',
  'maxParticipants',
  'recoverEveryMs',
  'orphanAfterMs',
  'closeAfterMs',
  'alertAfterMs',
] as const
const KNOWN = ['participants', 'log', 'name', 'schema', 'regions', 'onEvent', 'spans', 'clock', ...NUMBERS]

/** @throws TypeError, RangeError. */
export function settingsOf<P extends Participants>(options: CoordinatorOptions<P>): Settings<P> {
  const action = 'create a coordinator'
  checkNames(action, options, KNOWN)
  const settings: Settings<P> = {
    participants: options.participants,
    log: options.log,
    name: options.name ?? 'coordinator',
    schema: options.schema ?? 'quorate',
    timeoutMs: options.timeoutMs ?? 5_000,
    graceMs: options.graceMs ?? 2_000,
    adviseMs: options.adviseMs ?? 100,
    maxParticipants: options.maxParticipants ?? 5,
    recoverEveryMs: options.recoverEveryMs ?? 5_000,
    orphanAfterMs: options.orphanAfterMs ?? 10_000,
    closeAfterMs: options.closeAfterMs ?? 600_000,
    alertAfterMs: options.alertAfterMs ?? 60_000,
  }
  for (const name of NUMBERS) requirePositive(action, name, settings[name], name === 'recoverEveryMs')
  requireText(action, 'name', settings.name)
  requireName(action, 'name', settings.name)
  requireSchema(action, settings.schema)
  requirePools(action, settings)
  if (options.onEvent !== undefined && typeof options.onEvent !== 'function')
    throw new TypeError(`Cannot ${action}: onEvent must be a function, got ${typeof options.onEvent}`)
  if (
    options.spans !== undefined &&
    typeof (Object(options.spans) as Partial<CoordinatorSpans>).transaction !== 'function'
  )
    throw new TypeError(`Cannot ${action}: spans must be made by twoPhaseCommitSpans() of /otel`)
  const names = Object.keys(settings.participants)
  for (const name of Object.keys(options.regions ?? {})) {
    if (names.includes(name)) continue
    throw new RangeError(
      `Cannot ${action}: regions names ${name}, and the participants are ${names.join(', ')}`,
    )
  }
  for (const name of names) requireName(action, 'the name of a participant', name)
  if (names.length < 2 || names.length > settings.maxParticipants) {
    throw new RangeError(
      `Cannot ${action}: participants must be 2 to ${settings.maxParticipants} (maxParticipants), got ${names.length}; ` +
        (names.length < 2 ? 'one database needs no second phase' : 'use a saga for what spans so many'),
    )
  }
  if (settings.log.kind === 'co-located' && !names.includes(settings.log.participant)) {
    throw new RangeError(
      `Cannot ${action}: the log must be with one of ${names.join(', ')}, got ${JSON.stringify(settings.log.participant)}`,
    )
  }
  return settings
}

/** What a plain JavaScript caller may get wrong. */
function requirePools(
  action: string,
  given: { readonly participants: unknown; readonly log: unknown },
): void {
  const { participants, log } = given
  if (typeof participants !== 'object' || participants === null || Array.isArray(participants)) {
    const got = Array.isArray(participants) ? 'an array' : String(participants)
    throw new TypeError(`Cannot ${action}: participants must be pools by name, got ${got}`)
  }
  for (const [name, pool] of Object.entries(participants)) requirePool(action, name, pool)
  const kind: unknown = typeof log === 'object' && log !== null ? Reflect.get(log, 'kind') : undefined
  if (kind !== 'co-located' && kind !== 'separate')
    throw new TypeError(`Cannot ${action}: log must be coLocated(name) or separateLog(pool)`)
  const name: unknown = kind === 'co-located' ? Reflect.get(log as object, 'participant') : ''
  if (typeof name !== 'string')
    throw new TypeError(
      `Cannot ${action}: coLocated() must be given the name of a participant, got ${typeof name}`,
    )
  if (kind === 'separate') requirePool(action, 'the pool of the log', Reflect.get(log as object, 'pool'))
}

function requirePool(action: string, what: string, pool: unknown): void {
  const { connect, escapeIdentifier } = Object(pool) as { connect?: unknown; escapeIdentifier?: unknown }
  // A client has a connect() too, but what that resolves with cannot be given back.
  if (typeof connect === 'function' && typeof escapeIdentifier !== 'function') return
  const got = typeof connect === 'function' ? 'a client' : typeof pool
  throw new TypeError(
    `Cannot ${action}: ${what} must be a pool, with connect() as pg.Pool has it, got ${got}`,
  )
}

function requireText(action: string, name: string, value: unknown): void {
  if (typeof value === 'string') return
  throw new TypeError(`Cannot ${action}: ${name} must be a text, got ${typeof value}`)
}

function requireSchema(action: string, schema: string): void {
  requireText(action, 'schema', schema)
  const bytes = new TextEncoder().encode(schema).length
  if (bytes >= 1 && bytes <= 63 && !schema.includes('\0')) return
  throw new RangeError(`Cannot ${action}: schema must be 1 to 63 bytes, got ${JSON.stringify(schema)}`)
}

/** @throws RangeError unless it is a number of ms above 0, or 0 for ages. */
export function requirePositive(action: string, name: string, value: number, orInfinite = false): void {
  const isAge = name === 'orphanAfterMs'
  const isNumber = typeof value === 'number' && (Number.isFinite(value) || orInfinite)
  if (isNumber && (value > 0 || (isAge && value === 0))) return
  const got: unknown = value
  throw new RangeError(
    `Cannot ${action}: ${name} must be a finite number ${isAge ? 'from' : 'above'} 0, ` +
      `got ${typeof got === 'string' ? JSON.stringify(got) : String(got)}`,
  )
}
