import { checkNames } from '@quorate/core'
import type { CoordinatorEvent } from '../events.ts'
import type { CoordinatorSpans, SpanRecovery, SpanStep } from '../spans.ts'
import { factsOf } from './errors.ts'

/** Values of attributes of a span as used here. */
export type SpanAttributes = Record<string, string | string[]>

/** The part of a `Span` of `@opentelemetry/api` that is used here. */
export interface SpanLike {
  setAttribute(key: string, value: string | string[]): unknown
  setStatus(status: { code: number; message?: string }): unknown
  end(): void
}

/** How a span is begun. */
export interface SpanOptionsLike {
  readonly kind?: number
  readonly root?: boolean
  readonly attributes?: SpanAttributes
}

/** The part of a `Tracer` of `@opentelemetry/api` that is used here. */
export interface TracerLike {
  startActiveSpan<T>(name: string, options: SpanOptionsLike, run: (span: SpanLike) => T): T
}

/** The part of a `TracerProvider` that is used here. */
export interface TracerProviderLike {
  getTracer(name: string, version?: string): TracerLike
}

/** Options of {@link twoPhaseCommitSpans}. */
export interface TwoPhaseCommitSpansOptions {
  /** For example `trace.getTracer('shop')` of `@opentelemetry/api`. */
  readonly tracer?: TracerLike | undefined
  /** Instead of a tracer: one named `@quorate/two-phase-commit` is taken from it. */
  readonly tracerProvider?: TracerProviderLike | undefined
  /** Tells several coordinators of a process apart: attribute `quorate.tpc.name`. Default: no attribute. */
  readonly name?: string | undefined
}

/**
 * Draws what a coordinator does as spans of OpenTelemetry, by its semantic conventions for calls to a database.
 *
 * | span                                            | is                                                                |
 * | ----------------------------------------------- | ----------------------------------------------------------------- |
 * | `quorate.tpc.transaction`                       | a call of `transaction()`, a child of the caller's span           |
 * | `PREPARE TRANSACTION orders`, `COMMIT payments` | what is sent for the commit, a child of the transaction           |
 * | `COMMIT PREPARED orders`, `ROLLBACK orders`     | the decision, told to who was prepared, until it has acknowledged |
 * | `settle payments`                               | the question what became of a COMMIT that was not answered        |
 * | `quorate.tpc.recovery`                          | the end of a transaction without its coordinator; has no parent   |
 *
 * All are of the kind client. Spans that the callback begins, and those of an instrumented driver, are children too:
 * the SDK needs a context manager for that, as the one for Node has.
 *
 * | attribute                                          | is                                                           |
 * | -------------------------------------------------- | ------------------------------------------------------------ |
 * | `db.system.name`, `db.operation.name`              | `postgresql`; the statement                                  |
 * | `quorate.tpc.id`                                   | the transaction's name, for `status(id)`                     |
 * | `quorate.tpc.participants`                         | on whom it was begun, or where recovery found it             |
 * | `quorate.tpc.outcome`                              | `committed`, `aborted` or `in-doubt`                         |
 * | `quorate.tpc.how`                                  | `two-phase`, `one-phase` or `read-only`                      |
 * | `quorate.tpc.decision`, `.server`                  | of recovery; of a statement                                  |
 * | `quorate.tpc.left`                                 | who has yet to be told; recovery goes on with them           |
 * | `error.type`, `db.response.status_code` and status | of what failed: the code of an error of Quorate, the SQLSTATE |
 *
 * What `work` throws is an error of the span too; of an error that is neither of Quorate nor the server's, `error.type`
 * is the name. Messages of errors are in the status, so what the server says of a statement of `work`; of one that fails
 * the commit, as a deferred constraint, there is the SQLSTATE: its message is the `cause` of the error that is thrown.
 *
 * @throws TypeError unless there is either a tracer or a provider, or for an unknown option.
 *
 * @example
 * ```ts
 * const spans = twoPhaseCommitSpans({ tracer: otel.trace.getTracer('shop') })
 * const coordinator = createCoordinator({ participants, log: coLocated('payments'), spans })
 * ```
 */
export function twoPhaseCommitSpans(options: TwoPhaseCommitSpansOptions): CoordinatorSpans {
  checkNames('make spans', options, ['tracer', 'tracerProvider', 'name'])
  const { tracerProvider, name } = options
  const tracer = options.tracer ?? tracerProvider?.getTracer('@quorate/two-phase-commit')
  if (tracer === undefined || (options.tracer !== undefined && tracerProvider !== undefined)) {
    throw new TypeError('Cannot make spans: pass either a tracer or a tracerProvider')
  }
  if (typeof (tracer as Partial<TracerLike>).startActiveSpan !== 'function') {
    throw new TypeError(
      'Cannot make spans: tracer must be a tracer of @opentelemetry/api; pass trace.getTracer(name)',
    )
  }
  const common: SpanAttributes = {
    'db.system.name': 'postgresql',
    ...(name === undefined ? {} : { 'quorate.tpc.name': name }),
  }
  return new TracerSpans(tracer, common)
}

/** `SpanKind.CLIENT` and `SpanStatusCode.ERROR`. */
const CLIENT = 2
const ERROR = 2

const ID = 'quorate.tpc.id'
const PARTICIPANTS = 'quorate.tpc.participants'
const OUTCOME = 'quorate.tpc.outcome'
const HOW = 'quorate.tpc.how'
const DECISION = 'quorate.tpc.decision'
const LEFT = 'quorate.tpc.left'
const SERVER = 'quorate.tpc.server'

class TracerSpans implements CoordinatorSpans {
  readonly #tracer: TracerLike
  readonly #common: SpanAttributes

  constructor(tracer: TracerLike, common: SpanAttributes) {
    this.#tracer = tracer
    this.#common = common
  }

  transaction<T>(
    participants: readonly string[],
    run: (onEvent: ((event: CoordinatorEvent) => void) | undefined) => Promise<T>,
  ): Promise<T> {
    return this.#within('quorate.tpc.transaction', { [PARTICIPANTS]: [...participants] }, (span) =>
      run(span === undefined ? undefined : (event) => note(event, span)),
    )
  }

  recovery<T extends SpanRecovery>(
    id: string,
    participants: readonly string[],
    run: () => Promise<T>,
  ): Promise<T> {
    const attributes = { [ID]: id, [PARTICIPANTS]: [...participants] }
    // The loop that runs it was begun by the first transaction, and would be drawn as a part of that.
    return this.#within('quorate.tpc.recovery', attributes, run, { root: true, noteValue: noteRecovered })
  }

  step<T>({ operation, server }: SpanStep, run: () => Promise<T>): Promise<T> {
    const attributes: SpanAttributes =
      operation === 'settle' ? { [SERVER]: server } : { [SERVER]: server, 'db.operation.name': operation }
    return this.#within(`${operation} ${server}`, attributes, run)
  }

  /** Whatever the tracer does, `run` is called once, and its promise is what comes back. */
  #within<T>(
    name: string,
    attributes: SpanAttributes,
    run: (span: SpanLike | undefined) => Promise<T>,
    { root = false, noteValue }: { root?: boolean; noteValue?: (value: T, span: SpanLike) => void } = {},
  ): Promise<T> {
    let running: Promise<T> | undefined
    const options = { kind: CLIENT, root, attributes: { ...this.#common, ...attributes } }
    quietly(() =>
      this.#tracer.startActiveSpan(name, options, (span) => {
        if (running !== undefined) return quietly(() => span.end())
        running = run(span)
        running.then(
          (value) => {
            quietly(() => noteValue?.(value, span))
            quietly(() => span.end())
          },
          (error: unknown) => {
            quietly(() => noteError(error, span))
            quietly(() => span.end())
          },
        )
      }),
    )
    return (running ??= run(undefined))
  }
}

/** What is slow is seen by its length. */
function note(event: CoordinatorEvent, span: SpanLike): void {
  const { type } = event
  if (type === 'unfinished') span.setAttribute(LEFT, [...event.left])
  if (type !== 'committed' && type !== 'aborted' && type !== 'in-doubt') return
  span.setAttribute(ID, event.id)
  span.setAttribute(OUTCOME, type)
  if (type === 'committed') span.setAttribute(HOW, event.how)
}

function noteRecovered({ decision, left, cause }: SpanRecovery, span: SpanLike): void {
  if (decision !== undefined) span.setAttribute(DECISION, decision)
  if (decision !== undefined && left.size === 0) return
  span.setAttribute(LEFT, [...left])
  noteError(cause, span)
}

function noteError(error: unknown, span: SpanLike): void {
  const { type, status, message } = factsOf(error)
  span.setAttribute('error.type', type)
  if (status !== undefined) span.setAttribute('db.response.status_code', status)
  span.setStatus(message === undefined ? { code: ERROR } : { code: ERROR, message })
}

/** An observer must not break what it observes. */
function quietly(call: () => unknown): void {
  try {
    call()
  } catch {}
}
