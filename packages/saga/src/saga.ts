import { checkNames } from '@quorate/core'
import type { SagaFailure } from './failure.ts'
import type { Stored } from './json.ts'
import type { Plan } from './protocol.ts'
import type { StandardSchema } from './schema.ts'

/** What `.tx` steps write with on Postgres: the part of a `pg` client they need. */
export interface PgTx {
  // oxlint-disable-next-line typescript/no-explicit-any -- rows have the shape the caller's SQL gives them
  query(text: string, values?: unknown[]): Promise<{ rows: any[]; rowCount: number | null }>
}

/** What `run` gets. */
export interface StepContext<Input, Results> {
  readonly sagaId: string
  readonly input: Stored<Input>
  /** Results of the steps before this one, by name. */
  readonly results: Results
  /**
   * Idempotency key: the same for every attempt of this step of this saga, in every process. Hand it
   * to the service you call, since a step runs again when its answer was lost.
   */
  readonly key: string
  /** 1 for the first attempt. Starts again from 1 after a crash. */
  readonly attempt: number
  /** Aborted when `deadlineMs` is over, and when this engine may no longer record a result. */
  readonly signal: AbortSignal
}

/** What `run` of a `.tx` step gets. */
export interface TxContext<Input, Results, Tx> extends StepContext<Input, Results> {
  /** Write with this one only: it commits together with the checkpoint. */
  readonly tx: Tx
}

/** What `compensate` gets. */
export interface CompensateContext<Input, Results, Result> {
  readonly sagaId: string
  readonly input: Stored<Input>
  /** Results of the steps that finished, by name. */
  readonly results: Partial<Results>
  /** The step's result; `undefined` if its outcome is unknown: ask the service by `key`. */
  readonly result: Stored<Result> | undefined
  /** `unknown`: it failed, timed out or crashed after its intent was recorded, so it may have happened. */
  readonly outcome: 'done' | 'unknown'
  /** The key that `run` used. */
  readonly key: string
  /** The idempotency key of the compensation itself. */
  readonly compensationKey: string
  readonly attempt: number
  readonly signal: AbortSignal
  /** Why the saga turned round. */
  readonly failure: SagaFailure
}

/** What `compensate` of a `.tx` step gets. Its outcome is always known. */
export interface TxCompensateContext<Input, Results, Result, Tx> extends Omit<
  CompensateContext<Input, Results, Result>,
  'result' | 'outcome'
> {
  readonly tx: Tx
  readonly result: Stored<Result>
}

/** When and how often a failed attempt is repeated: full jitter, doubling from `baseMs` up to `maxMs`. */
export interface StepRetryOptions {
  /** Attempts in all, the first included; at least 1. Default 3 for `run`, 10 for `compensate`. */
  readonly maxAttempts?: number | undefined
  /** Upper bound of the first wait, ms. Default 100. */
  readonly baseMs?: number | undefined
  /** No wait is longer than this, ms. Default 30,000. */
  readonly maxMs?: number | undefined
}

interface StepTiming {
  /** Of `run`. */
  readonly retry?: StepRetryOptions | undefined
  /** Of `compensate`. */
  readonly compensateRetry?: StepRetryOptions | undefined
  /** Time for one attempt of `run` or `compensate`, ms. Default 30,000. */
  readonly deadlineMs?: number | undefined
}

/** A step with effects outside the saga's database: runs at least once. */
export interface StepOptions<Name extends string, Input, Results, Result> extends StepTiming {
  /** Unique in the saga; the key of its result. Renaming it is a change of the definition. */
  readonly name: Name
  readonly run: (context: StepContext<Input, Results>) => Result | Promise<Result>
  /**
   * Undoes the step. Called whenever the step was started and the saga turned round, also if it failed
   * or its outcome is unknown; must be idempotent.
   */
  readonly compensate?: ((context: CompensateContext<Input, Results, Result>) => unknown) | undefined
}

/** A step whose effects are writes to the saga's database: they commit with the checkpoint, exactly once. */
export interface TxOptions<Name extends string, Input, Results, Result, Tx> extends StepTiming {
  readonly name: Name
  readonly run: (context: TxContext<Input, Results, Tx>) => Result | Promise<Result>
  /** Undoes the step in a transaction of its own, exactly once. Called only if the step committed. */
  readonly compensate?: ((context: TxCompensateContext<Input, Results, Result, Tx>) => unknown) | undefined
}

/** Options of `.waitFor`. */
export interface WaitOptions<Payload> {
  /** How long to wait, ms; then the saga turns round (after the pivot: needs attention). */
  readonly deadlineMs: number
  /** Checks what `engine.signal` is given, and types it. Any Standard Schema (zod, valibot, arktype). */
  readonly schema?: StandardSchema<Payload> | undefined
}

/**
 * A definition: immutable data, handed to `createSagaEngine({ sagas })` and `engine.start`. Each method
 * returns a new definition with one more step.
 *
 * `Uses` is `Tx` once there is a `.tx` step: a saga without one runs on any store.
 */
export interface Saga<Input, Results = object, Tx = PgTx, Uses = unknown> {
  readonly name: string
  readonly version: number
  /** The steps, for tools that draw or check them. */
  readonly steps: readonly SagaStep[]
  /** Types only; never there. */
  readonly $types?: {
    readonly input: (input: Input) => void
    readonly results: Results
    readonly tx: (tx: Uses) => void
  }

  step<const Name extends string, Result = undefined>(
    options: StepOptions<Name, Input, Results, Result>,
  ): Saga<Input, Results & { readonly [K in Name]: Stored<Result> }, Tx, Uses>

  tx<const Name extends string, Result = undefined>(
    options: TxOptions<Name, Input, Results, Result, Tx>,
  ): Saga<Input, Results & { readonly [K in Name]: Stored<Result> }, Tx, Tx>

  /** From here only forward: a later failure does not compensate, it waits for `engine.retry`. */
  pivot(): Saga<Input, Results, Tx, Uses>

  /** Waits for `engine.signal(id, name, payload)`, also one that came before; the payload is its result. */
  waitFor<const Name extends string, Payload = unknown>(
    name: Name,
    options: WaitOptions<Payload>,
  ): Saga<Input, Results & { readonly [K in Name]: Stored<Payload> }, Tx, Uses>

  /** Waits `ms`; survives restarts. */
  sleep(name: string, ms: number): Saga<Input, Results, Tx, Uses>
}

/** A saga of any shape whose `.tx` steps are content with `Tx`. */
// oxlint-disable-next-line typescript/no-explicit-any -- input and results are not read through this type
export type AnySaga<Tx = any> = Pick<Saga<any, any, any, Tx>, 'name' | 'version' | 'steps' | '$types'>

/** Input of a saga's type. */
export type SagaInput<S extends AnySaga> =
  NonNullable<S['$types']> extends { readonly input: (input: infer Input) => void } ? Input : never
/** Results of a saga's type. */
export type SagaResults<S extends AnySaga> =
  NonNullable<S['$types']> extends { readonly results: infer Results } ? Results : never

/** One step of a definition, untyped. */
export interface SagaStep {
  readonly name: string
  readonly kind: 'step' | 'tx' | 'pivot' | 'wait' | 'sleep'
  readonly run?: ((context: never) => unknown) | undefined
  readonly compensate?: ((context: never) => unknown) | undefined
  readonly retry: StepRetry
  readonly compensateRetry: StepRetry
  readonly deadlineMs: number
  readonly schema?: StandardSchema | undefined
}

/** {@link StepRetryOptions} with its defaults filled in. */
export type StepRetry = { readonly [K in keyof StepRetryOptions]-?: number }

/** Options of {@link saga}. */
export interface SagaOptions {
  /** A whole number from 1; raise it when steps change. */
  readonly version: number
}

/**
 * Begins the definition of a saga.
 *
 * @typeParam Input what `engine.start` is given; kept as JSON.
 * @typeParam Tx what `.tx` steps write with. Default {@link PgTx}; say `saga<Input, PoolClient>` for your driver's type.
 * @param name unique among the sagas of a database.
 * @throws TypeError for an empty name, a step name used twice or an unknown option, RangeError for a number out of range.
 *
 * @example
 * ```ts
 * const checkout = saga<{ orderId: string }>('checkout', { version: 1 })
 *   .step({ name: 'reserve', run: ({ input, key }) => reserve(input.orderId, key), compensate: ({ key }) => release(key) })
 *   .step({ name: 'charge', run: ({ results, key }) => charge(results.reserve.cents, key) })
 * ```
 */
export function saga<Input, Tx = PgTx>(name: string, options: SagaOptions): Saga<Input, object, Tx> {
  checkName(name, 'a saga')
  checkNames(`define saga ${name}`, options, ['version'])
  const { version } = options
  if (!Number.isInteger(version) || version < 1 || version > 2_147_483_647) {
    throw new RangeError(`Cannot define saga ${name}: version must be a whole number from 1, got ${version}`)
  }
  return define<Input, object, Tx>(name, version, [])
}

/** What the protocol needs to know of a definition. */
export function planOf(steps: readonly SagaStep[]): Plan {
  return steps.map(({ name, kind, compensate, retry, compensateRetry, deadlineMs }) => ({
    name,
    kind,
    compensates: compensate !== undefined,
    attempts: retry.maxAttempts,
    undoAttempts: compensateRetry.maxAttempts,
    waitMs: deadlineMs,
  }))
}

function define<Input, Results, Tx, Uses = unknown>(
  name: string,
  version: number,
  steps: readonly SagaStep[],
): Saga<Input, Results, Tx, Uses> {
  const add = <R, U>(step: SagaStep): Saga<Input, R, Tx, U> => {
    if (step.kind !== 'pivot') checkName(step.name, `a step of saga ${name}`)
    if (steps.some((other) => other.name === step.name)) {
      throw new TypeError(
        `Cannot define saga ${name}: it has two steps named ${step.name}; give each its own name`,
      )
    }
    return define(name, version, [...steps, Object.freeze(step)])
  }
  const timed = (what: string, ms: number, isZeroFine = false): number => {
    if (typeof ms === 'number' && (ms > 0 || (isZeroFine && ms === 0)) && ms < Infinity) return ms
    const rule = isZeroFine ? 'from 0' : 'above 0'
    throw new RangeError(`Cannot define saga ${name}: ${what} must be a finite number ${rule}, got ${ms}`)
  }
  const call = (
    kind: 'step' | 'tx',
    options: StepTiming & Pick<SagaStep, 'name' | 'run' | 'compensate'>,
  ): SagaStep => {
    checkKnown(name, `step ${options?.name}`, options, STEP_OPTIONS)
    for (const option of ['run', 'compensate'] as const) {
      if (typeof options[option] === 'function') continue
      if (option === 'compensate' && options.compensate === undefined) continue
      throw new TypeError(
        `Cannot define saga ${name}: ${option} of step ${options.name} must be a function, got ${typeof options[option]}`,
      )
    }
    for (const option of ['retry', 'compensateRetry'] as const) {
      const value = options[option]
      if (value !== undefined) checkKnown(name, `${option} of step ${options.name}`, value, RETRY_OPTIONS)
    }
    return {
      kind,
      name: options.name,
      run: options.run,
      compensate: options.compensate,
      retry: retryOf(name, options.name, options.retry, 3),
      compensateRetry: retryOf(name, options.name, options.compensateRetry, 10),
      deadlineMs: timed(`deadlineMs of step ${options.name}`, options.deadlineMs ?? 30_000),
    }
  }
  const bare = (kind: 'pivot' | 'wait' | 'sleep', stepName: string, deadlineMs: number): SagaStep => ({
    kind,
    name: stepName,
    retry: NO_RETRY,
    compensateRetry: NO_RETRY,
    deadlineMs,
  })
  return {
    name,
    version,
    steps,
    step: (options) => add(call('step', options)),
    tx: (options) => add(call('tx', options)),
    pivot: () => {
      if (!steps.some(({ kind }) => kind === 'pivot')) return add(bare('pivot', `pivot ${steps.length}`, 0))
      throw new TypeError(
        `Cannot define saga ${name}: it has a pivot already; keep the one that there is no way back from`,
      )
    },
    waitFor: (stepName, options) => {
      checkKnown(name, `wait ${stepName}`, options, WAIT_OPTIONS)
      const { deadlineMs, schema } = options
      return add({ ...bare('wait', stepName, timed(`deadlineMs of wait ${stepName}`, deadlineMs)), schema })
    },
    sleep: (stepName, ms) => add(bare('sleep', stepName, timed(`ms of sleep ${stepName}`, ms, true))),
  }
}

const STEP_OPTIONS = ['name', 'run', 'compensate', 'retry', 'compensateRetry', 'deadlineMs']
const WAIT_OPTIONS = ['deadlineMs', 'schema']
const RETRY_OPTIONS = ['maxAttempts', 'baseMs', 'maxMs']

function checkKnown(sagaName: string, what: string, options: object, known: readonly string[]): void {
  if (typeof options !== 'object' || options === null) {
    throw new TypeError(`Cannot define saga ${sagaName}: ${what} must be an object, got ${typeof options}`)
  }
  checkNames(`define saga ${sagaName}`, options, known, ` of ${what}`)
}

const NO_RETRY: StepRetry = { maxAttempts: 1, baseMs: 0, maxMs: 0 }

function retryOf(
  sagaName: string,
  step: string,
  { maxAttempts, baseMs, maxMs }: StepRetryOptions = {},
  defaultAttempts: number,
): StepRetry {
  const options = {
    maxAttempts: maxAttempts ?? defaultAttempts,
    baseMs: baseMs ?? 100,
    maxMs: maxMs ?? 30_000,
  }
  if (!(typeof options.maxAttempts === 'number' && options.maxAttempts >= 1)) {
    throw new RangeError(
      `Cannot define saga ${sagaName}: maxAttempts of step ${step} must be at least 1, got ${maxAttempts}`,
    )
  }
  const isWait = (ms: number): boolean => typeof ms === 'number' && ms >= 0 && ms < Infinity
  if (!isWait(options.baseMs) || !isWait(options.maxMs)) {
    throw new RangeError(
      `Cannot define saga ${sagaName}: baseMs and maxMs of step ${step} must be finite, from 0`,
    )
  }
  return options
}

function checkName(name: string, what: string): void {
  if (typeof name === 'string' && name.length > 0 && name.length <= 200 && !name.includes('\0')) return
  throw new TypeError(
    `Cannot define ${what}: its name must have 1 to 200 characters and no NUL, got "${name}"`,
  )
}
