import { checkNames, isQuorateError } from '@quorate/core'
import type { CoordinatorEvent } from '../events.ts'
import {
  type Attributes,
  type Instruments,
  instrumentsOf,
  type MeterLike,
  type MeterProviderLike,
} from './instruments.ts'

/** Options of {@link twoPhaseCommitMetrics}. */
export interface TwoPhaseCommitMetricsOptions {
  /** For example `metrics.getMeter('shop')` of `@opentelemetry/api`. */
  readonly meter?: MeterLike | undefined
  /** Instead of a meter: one named `@quorate/two-phase-commit` is taken from it. */
  readonly meterProvider?: MeterProviderLike | undefined
  /** Tells several coordinators of a process apart: attribute `quorate.tpc.name`. Default: no attribute. */
  readonly name?: string | undefined
}

/** Made by {@link twoPhaseCommitMetrics}. */
export interface TwoPhaseCommitMetrics {
  /** For the option `onEvent` of the coordinator; call it from your own listener if you have one. */
  readonly onEvent: (event: CoordinatorEvent) => void
}

/**
 * Turns what a coordinator reports into metrics of OpenTelemetry.
 *
 * | instrument                         | kind      | unit            | attributes (`quorate.tpc.…`)           |
 * | ---------------------------------- | --------- | --------------- | -------------------------------------- |
 * | `quorate.tpc.transaction.duration` | histogram | `s`             | `outcome`, `how` or `error.type`       |
 * | `quorate.tpc.slow`                 | counter   | `{transaction}` |                                        |
 * | `quorate.tpc.in_doubt`             | counter   | `{transaction}` |                                        |
 * | `quorate.tpc.unfinished`           | counter   | `{transaction}` | `decision`                             |
 * | `quorate.tpc.recovered`            | counter   | `{transaction}` | `decision`                             |
 * | `quorate.tpc.orphan.age`           | histogram | `s`             | `participant`                          |
 * | `quorate.tpc.recovery.failures`    | counter   | `{failure}`     | `server`                               |
 * | `quorate.tpc.epochs.closed`        | counter   | `{epoch}`       |                                        |
 * | `quorate.tpc.overrides`            | counter   | `{transaction}` | `decision`                             |
 *
 * `outcome` is `committed` or `aborted`; `how` one of `two-phase`, `one-phase` and `read-only`; `error.type` the code of
 * an error of Quorate, `cancelled` for an `AbortError`, else `other`: what a callback throws is not one of a few. Watch
 * `orphan.age` and `in_doubt`: what they count waits for somebody. Ids are for logs and traces, not for attributes.
 *
 * @throws TypeError unless there is either a meter or a provider, or for an unknown option.
 *
 * @example
 * ```ts
 * const metrics = twoPhaseCommitMetrics({ meter: otel.metrics.getMeter('shop') })
 * const coordinator = createCoordinator({ participants, log: coLocated('payments'), onEvent: metrics.onEvent })
 * ```
 */
export function twoPhaseCommitMetrics(options: TwoPhaseCommitMetricsOptions): TwoPhaseCommitMetrics {
  checkNames('make metrics', options, ['meter', 'meterProvider', 'name'])
  const { meterProvider, name } = options
  const meter = options.meter ?? meterProvider?.getMeter('@quorate/two-phase-commit')
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
  return { onEvent: (event) => count(event, instruments, common) }
}

const NAME = 'quorate.tpc.name'
const OUTCOME = 'quorate.tpc.outcome'
const HOW = 'quorate.tpc.how'
const DECISION = 'quorate.tpc.decision'
const PARTICIPANT = 'quorate.tpc.participant'
const SERVER = 'quorate.tpc.server'
/** Of the semantic conventions. */
const ERROR_TYPE = 'error.type'

function count(event: CoordinatorEvent, instruments: Instruments, common: Attributes): void {
  switch (event.type) {
    case 'committed':
      return instruments.duration.record(event.durationMs / 1_000, {
        ...common,
        [OUTCOME]: 'committed',
        [HOW]: event.how,
      })
    case 'aborted':
      return instruments.duration.record(event.durationMs / 1_000, {
        ...common,
        [OUTCOME]: 'aborted',
        [ERROR_TYPE]: typeOf(event.error),
      })
    case 'in-doubt':
      return instruments.inDoubt.add(1, common)
    case 'unfinished':
      return instruments.unfinished.add(1, { ...common, [DECISION]: event.decision })
    case 'slow':
      return instruments.slow.add(1, common)
    case 'recovered':
      return instruments.recovered.add(1, { ...common, [DECISION]: event.decision })
    case 'orphan':
      return instruments.orphanAge.record(event.ageMs / 1_000, {
        ...common,
        [PARTICIPANT]: event.participant,
      })
    case 'recovery-failed':
      return instruments.failures.add(1, { ...common, [SERVER]: event.server })
    case 'epoch-closed':
      return instruments.closed.add(1, common)
    case 'overridden':
      return instruments.overrides.add(1, { ...common, [DECISION]: event.decision })
    case 'regions-differ':
    case 'recovery-elsewhere':
      return // for a log
    default:
      return event satisfies never
  }
}

function typeOf(error: unknown): string {
  if (isQuorateError(error)) return error.code
  return error instanceof Error && error.name === 'AbortError' ? 'cancelled' : 'other'
}
