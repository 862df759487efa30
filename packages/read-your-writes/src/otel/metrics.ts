import { checkNames } from '@quorate/core'
import type { HealthStatus } from '../health.ts'
import type { Lag } from '../lag.ts'
import {
  instrumentsOf,
  type Attributes,
  type Instruments,
  type MeterLike,
  type MeterProviderLike,
  type ObservableLike,
  type ObserveCallback,
} from './instruments.ts'

/** What is counted of the events of a router; those of all routers of this package fit. */
export type MeasuredEvent =
  | {
      readonly type: 'read'
      readonly level: string | { readonly type: string }
      readonly target: string
      readonly reason: string | undefined
      readonly waitedMs?: number | undefined
      readonly stalenessMs?: number | undefined
    }
  | { readonly type: 'write' }
  | { readonly type: 'replica'; readonly id: string; readonly status: string }
  /** A failover: of Postgres, of Redis. */
  | { readonly type: 'timeline' | 'history' }
  | { readonly type: 'token-rejected'; readonly rejection: string }
  | { readonly type: 'token-late' }
  | { readonly type: 'primary' | 'missing-privilege' }

/** Options of {@link readYourWritesMetrics}. */
export interface ReadYourWritesMetricsOptions {
  /** For example `metrics.getMeter('shop')` of `@opentelemetry/api`. */
  readonly meter?: MeterLike | undefined
  /** Instead of a meter: one named `@quorate/read-your-writes` is taken from it. */
  readonly meterProvider?: MeterProviderLike | undefined
  /** Tells several routers of a process apart: attribute `quorate.ryw.name`. Default: no attribute. */
  readonly name?: string | undefined
}

/** The part of a router that is observed. */
export interface ObservedRouter {
  readonly primary?: { readonly reachable: boolean | undefined } | undefined
  readonly replicas: readonly {
    readonly id: string
    readonly status: HealthStatus
    readonly lag: Lag | undefined
  }[]
}

/** Made by {@link readYourWritesMetrics}. */
export interface ReadYourWritesMetrics {
  /** For the option `onEvent` of the router; call it from your own listener if you have one. */
  readonly onEvent: (event: MeasuredEvent) => void
  /**
   * Adds the standing of replicas and primary, looked at whenever metrics are read.
   *
   * @returns what takes them away again.
   */
  observe(db: ObservedRouter): Disposable
}

/**
 * Turns what a router reports into metrics of OpenTelemetry.
 *
 * | instrument                          | kind      | unit         | attributes (`quorate.ryw.…`)     |
 * | ----------------------------------- | --------- | ------------ | -------------------------------- |
 * | `quorate.ryw.reads`                 | counter   | `{read}`     | `target`, `level`, `reason`      |
 * | `quorate.ryw.spills`                | counter   | `{read}`     | `reason`                         |
 * | `quorate.ryw.wait.duration`         | histogram | `s`          | `target`                         |
 * | `quorate.ryw.staleness`             | histogram | `s`          | `target`                         |
 * | `quorate.ryw.writes`                | counter   | `{write}`    |                                  |
 * | `quorate.ryw.failovers`             | counter   | `{failover}` |                                  |
 * | `quorate.ryw.replica.status.changes`| counter   | `{change}`   | `replica`, `status`              |
 * | `quorate.ryw.tokens.rejected`       | counter   | `{token}`    | `rejection`                      |
 * | `quorate.ryw.tokens.late`           | counter   | `{token}`    |                                  |
 * | `quorate.ryw.replica.lag`           | gauge     | `s`          | `replica`                        |
 * | `quorate.ryw.replica.lag.size`      | gauge     | `By`         | `replica`                        |
 * | `quorate.ryw.replica.status`        | up-down counter | `{replica}` | `replica`, `status`         |
 * | `quorate.ryw.primary.reachable`     | gauge     | `1`          |                                  |
 *
 * For Postgres and Redis; a window router has no servers to observe, and counts reads, writes and tokens.
 * A read of level `bounded` has `bounded` as its level. What is not known is not reported.
 *
 * @throws TypeError unless there is either a meter or a provider, or for an unknown option.
 *
 * @example
 * ```ts
 * const metrics = readYourWritesMetrics({ meter: otel.metrics.getMeter('shop') })
 * const db = readYourWrites({ primary, replicas, secret, onEvent: metrics.onEvent })
 * metrics.observe(db)
 * ```
 */
export function readYourWritesMetrics(options: ReadYourWritesMetricsOptions): ReadYourWritesMetrics {
  checkNames('make metrics', options, ['meter', 'meterProvider', 'name'])
  const { meterProvider, name } = options
  const meter = options.meter ?? meterProvider?.getMeter('@quorate/read-your-writes')
  if (meter === undefined || (options.meter !== undefined && meterProvider !== undefined)) {
    throw new TypeError('Cannot make metrics: pass either a meter or a meterProvider')
  }
  if (typeof (meter as Partial<MeterLike>).createCounter !== 'function') {
    throw new TypeError(
      'Cannot make metrics: meter must be a meter of @opentelemetry/api; pass metrics.getMeter(name)',
    )
  }
  const common: Attributes = name === undefined ? {} : { [NAME]: name }
  const instruments = instrumentsOf(meter)
  return {
    onEvent: (event) => count(event, instruments, common),
    observe: (db) => observe(db, instruments, common),
  }
}

const NAME = 'quorate.ryw.name'
const TARGET = 'quorate.ryw.target'
const LEVEL = 'quorate.ryw.level'
const REASON = 'quorate.ryw.reason'
const REPLICA = 'quorate.ryw.replica'
const STATUS = 'quorate.ryw.status'
const REJECTION = 'quorate.ryw.rejection'

const STATUSES: readonly HealthStatus[] = [
  'unknown',
  'healthy',
  'lagging',
  'slow',
  'disconnected',
  'promoted',
  'down',
]

function count(event: MeasuredEvent, instruments: Instruments, common: Attributes): void {
  switch (event.type) {
    case 'read':
      return countRead(event, instruments, common)
    case 'write':
      return instruments.writes.add(1, common)
    case 'replica': {
      const attributes = { ...common, [REPLICA]: event.id, [STATUS]: event.status }
      return instruments.changes.add(1, attributes)
    }
    case 'timeline':
    case 'history':
      return instruments.failovers.add(1, common)
    case 'token-rejected':
      return instruments.rejected.add(1, { ...common, [REJECTION]: event.rejection })
    case 'token-late':
      return instruments.late.add(1, common)
    case 'primary':
    case 'missing-privilege':
      return // their state is observed, or is for a log
    default:
      return event satisfies never
  }
}

function countRead(
  { target, level, reason, waitedMs = 0, stalenessMs }: Extract<MeasuredEvent, { type: 'read' }>,
  { reads, spills, waits, staleness }: Instruments,
  common: Attributes,
): void {
  const where = { ...common, [TARGET]: target }
  const what = { ...where, [LEVEL]: nameOf(level) }
  reads.add(1, reason === undefined ? what : { ...what, [REASON]: reason })
  if (reason !== undefined && reason !== 'strong') spills.add(1, { ...common, [REASON]: reason })
  if (waitedMs > 0) waits.record(waitedMs / 1_000, where)
  if (reason === undefined && stalenessMs !== undefined) staleness.record(stalenessMs / 1_000, where)
}

const nameOf = (level: string | { readonly type: string }): string =>
  typeof level === 'string' ? level : level.type

function observe(db: ObservedRouter, instruments: Instruments, common: Attributes): Disposable {
  const { lag, lagSize, status, reachable } = instruments
  const lagOf =
    (valueOf: (known: Lag) => number): ObserveCallback =>
    (result) => {
      for (const { id, lag: known } of db.replicas) {
        if (known !== undefined) result.observe(valueOf(known), { ...common, [REPLICA]: id })
      }
    }
  const callbacks: readonly (readonly [ObservableLike, ObserveCallback])[] = [
    [lag, lagOf(({ ms }) => ms / 1_000)],
    [lagSize, lagOf(({ bytes }) => bytes)],
    [
      status,
      (result) => {
        for (const replica of db.replicas) {
          for (const one of STATUSES) {
            const attributes = { ...common, [REPLICA]: replica.id, [STATUS]: one }
            result.observe(replica.status === one ? 1 : 0, attributes)
          }
        }
      },
    ],
    [
      reachable,
      (result) => {
        const is = db.primary?.reachable
        if (is !== undefined) result.observe(is ? 1 : 0, common)
      },
    ],
  ]
  for (const [instrument, callback] of callbacks) instrument.addCallback(callback)
  return {
    [Symbol.dispose]: () => {
      for (const [instrument, callback] of callbacks) instrument.removeCallback(callback)
    },
  }
}
