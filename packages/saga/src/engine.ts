import { type Clock, emit, type EventListener, systemClock, systemRandom, waitOrAbort } from '@quorate/core'
import { Committer } from './committer.ts'
import { Deadlines } from './deadlines.ts'
import type {
  SagaEngine,
  SagaEngineCommonOptions,
  SagaEngineOptions,
  SagaHandle,
  SagaRun,
  StartOptions,
} from './engine-api.ts'
import { checkEngineOptions, checkFilter, checkStart, checkStop } from './engine-options.ts'
import { SagaEngineStoppedError, SagaNotFoundError } from './errors.ts'
import type { SagaEvent } from './events.ts'
import { encode } from './json.ts'
import { Lease } from './lease.ts'
import type { LogRecord } from './log.ts'
import type { PgPool } from './postgres/pool.ts'
import { PostgresSagaStore } from './postgres/postgres-store.ts'
import { Registry } from './registry.ts'
import { Runs } from './runs.ts'
import type { AnySaga, PgTx, SagaInput, SagaResults } from './saga.ts'
import { check } from './schema.ts'
import { Slots } from './slots.ts'
import { Starts } from './starts.ts'
import type { SagaFilter, SagaStore, SagaSummary } from './store.ts'
import { TakeOver } from './take-over.ts'
import { type SagaResult, type SagaView, viewOf } from './view.ts'
import { Watch } from './watch.ts'

/**
 * An engine that runs sagas and starts working at once.
 *
 * @throws TypeError for an option that is missing, unknown or of the wrong kind, RangeError for one out of range.
 *
 * @example
 * ```ts
 * await using engine = createSagaEngine({ pool, sagas: [checkout] })
 * await engine.migrate()
 * const run = await engine.start(checkout, { orderId }, { id: orderId })
 * await run.result()
 * ```
 */
export function createSagaEngine<Tx = PgTx>(
  options: SagaEngineCommonOptions<Tx> & {
    // Checked, not inferred from: the overloads of a driver's `connect` defeat inference.
    readonly pool: PgPool<NoInfer<Tx>>
    readonly schema?: string | undefined
  },
): SagaEngine
export function createSagaEngine<Tx>(
  options: SagaEngineCommonOptions<NoInfer<Tx>> & { readonly store: SagaStore<Tx> },
): SagaEngine
export function createSagaEngine(options: SagaEngineOptions): SagaEngine {
  return new Engine(options)
}

/** How long after its time-out `stop()` still waits for the store, ms. */
const STOP_GRACE_MS = 1_000

/** Wires the parts of an engine together, and ends them in order. */
class Engine implements SagaEngine {
  readonly #store: SagaStore<unknown>
  readonly #registry: Registry
  readonly #lease: Lease
  readonly #watch: Watch
  readonly #runs: Runs
  readonly #starts: Starts
  readonly #takeOver: TakeOver
  readonly #onEvent: EventListener<SagaEvent> | undefined
  readonly #clock: Clock
  readonly #draining = new AbortController()
  readonly #closed = new AbortController()
  readonly #loops: Promise<void>[]
  readonly #offFault: (() => void) | undefined
  #migrating: Promise<void> = Promise.resolve()
  #stopped: Promise<void> | undefined

  constructor(options: SagaEngineOptions) {
    const { concurrency, leaseMs, pollMs } = checkEngineOptions(options)
    const { clock = systemClock, random = systemRandom, onEvent, sagas } = options
    const closed = this.#closed.signal
    const draining = this.#draining.signal
    const registry = new Registry(sagas)
    const store = storeOf(options, leaseMs, clock)
    const enabled = concurrency > 0
    const onLost = (worker: string): void => this.#runs.fence(worker)
    const lease = new Lease({ store, leaseMs, clock, random, onEvent, closed, enabled, onLost })
    const committer = new Committer({ store, lease, clock, random, onEvent, closed })
    const deadlines = new Deadlines(clock, closed)
    const connections = 'pool' in options ? (options.pool.options?.max ?? 10) : 1_000
    this.#clock = clock
    this.#onEvent = onEvent
    this.#registry = registry
    this.#store = store
    this.#lease = lease
    this.#watch = new Watch(store, deadlines, (id) => this.#runs.has(id))
    this.#runs = new Runs({
      concurrency,
      context: {
        store,
        committer,
        deadlines,
        clock,
        random,
        onEvent,
        draining: () => draining.aborted,
        lost: (worker) => lease.lost(worker),
        // Two are left for commits and the lease, so that no transaction waits for itself.
        txSlots: new Slots(Math.max(1, connections - 2)),
      },
      onSettled: (id, end) => this.#watch.settle(id, end),
      onRoom: () => this.#takeOver.wake(),
    })
    const runs = this.#runs
    const watch = this.#watch
    this.#takeOver = new TakeOver({
      store,
      registry,
      lease,
      runs,
      watch,
      clock,
      pollMs,
      onEvent,
      draining,
      closed,
    })
    this.#starts = new Starts({
      store,
      lease,
      committer,
      runs,
      onEvent,
      assertWorking: (action) => this.#assertWorking(action),
      adopt: (ids) => this.#takeOver.adopt(ids),
    })
    this.#offFault = store.onFault?.((error) => this.#reportFault('hold a connection', error))
    this.#loops = [this.#afterMigration(() => this.#takeOver.work())]
    if (enabled) this.#loops.push(this.#afterMigration(() => lease.keep()))
  }

  async migrate(): Promise<void> {
    const migrated = this.#store.migrate()
    this.#migrating = migrated.catch(() => {})
    await migrated
    this.#takeOver.wake()
  }

  async start<S extends AnySaga>(
    saga: S,
    input: SagaInput<S>,
    startOptions: StartOptions,
  ): Promise<SagaRun<SagaResults<S>>> {
    checkStart(startOptions)
    const { id, signal, deadlineMs = 10_000 } = startOptions
    this.#assertWorking(`start saga ${saga.name}`)
    signal?.throwIfAborted()
    this.#registry.assertHas(saga)
    const text = encode(input) ?? 'null'
    const started = this.#starts.start(saga, id, text)
    const { existed, local } = await this.#watch.within(() => started, {
      id,
      deadlineMs,
      signal,
      waitedFor: 'start',
    })
    return {
      id,
      existed,
      result: (options) => this.#watch.result(id, local, options) as Promise<SagaResult<SagaResults<S>>>,
    }
  }

  handle(id: string): SagaHandle<never> {
    return { id, result: (options) => this.#watch.result(id, undefined, options) as Promise<never> }
  }

  async signal(id: string, name: string, payload?: unknown): Promise<boolean> {
    this.#assertWorking(`signal saga ${id}`)
    let value = payload
    if (this.#registry.hasSchema(name)) {
      const [saga] = await this.#store.load([id])
      const step =
        saga && this.#registry.pick(saga.name, saga.version)?.steps.find((other) => other.name === name)
      value = await check(step?.schema, payload, `signal ${name} for saga ${id}`)
    }
    const kept = await this.#store.signal(id, name, encode(value))
    if (kept === undefined) throw new SagaNotFoundError(id, `signal ${name}`)
    this.#takeOver.wake()
    return kept
  }

  async get(id: string): Promise<SagaView | undefined> {
    const [saga] = await this.#store.load([id])
    return saga && viewOf(saga)
  }

  async list(filter: SagaFilter = {}): Promise<readonly SagaSummary[]> {
    return this.#store.list(checkFilter(filter))
  }

  async retry(id: string): Promise<boolean> {
    this.#assertWorking(`retry saga ${id}`)
    const [saga] = await this.#store.load([id])
    if (saga === undefined) throw new SagaNotFoundError(id, 'retry it')
    if (saga.status !== 'needs-attention') return false
    const records: LogRecord[] = [{ type: 'retried' }]
    const turned = saga.log.some((append) => append.records.some(({ type }) => type === 'compensating'))
    const status = turned ? 'compensating' : 'running'
    const done = await this.#store.reopen(id, saga.log.length, JSON.stringify(records), status)
    this.#takeOver.wake()
    return done
  }

  async stop(options: { readonly deadlineMs?: number | undefined } = {}): Promise<void> {
    checkStop(options)
    this.#stopped ??= this.#stop(options.deadlineMs ?? 10_000)
    return this.#stopped
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #stop(deadlineMs: number): Promise<void> {
    this.#draining.abort()
    this.#takeOver.wake()
    const reason = new SagaEngineStoppedError('go on')
    const over = new AbortController()
    const late = new AbortController()
    void this.#giveUpAfter(deadlineMs, reason, over.signal, late)
    // What hangs on a store that does not answer is left behind: nothing is written once the lease is over.
    const within = (work: Promise<unknown>): Promise<unknown> =>
      waitOrAbort(work, late.signal).catch(() => {})
    await within(this.#starts.idle().then(() => this.#runs.idle()))
    const worker = this.#lease.held
    this.#closed.abort(reason)
    await within(Promise.all(this.#loops))
    this.#watch.close()
    if (worker !== undefined) {
      // Not done is no harm: the lease runs out, only later.
      const unregistered = this.#store
        .unregister(worker)
        .catch((error: unknown) => this.#reportFault('unregister', error))
      await within(unregistered)
    }
    over.abort()
    this.#offFault?.()
  }

  /** Gives up the steps that run after the time-out, and a store that does not answer a little later. */
  async #giveUpAfter(
    deadlineMs: number,
    reason: unknown,
    over: AbortSignal,
    late: AbortController,
  ): Promise<void> {
    try {
      await this.#clock.sleep(deadlineMs, { signal: over, ref: false })
      this.#runs.abandon(reason)
      this.#closed.abort(reason)
      await this.#clock.sleep(STOP_GRACE_MS, { signal: over, ref: false })
      late.abort(reason)
    } catch {
      // Stopped in time.
    }
  }

  /** A migration that is asked for right after the engine was made comes before its first query. */
  async #afterMigration(loop: () => Promise<void>): Promise<void> {
    await Promise.resolve()
    await this.#migrating
    return loop()
  }

  #reportFault(action: string, error: unknown): void {
    emit<SagaEvent>(this.#onEvent, () => ({ type: 'store-fault', action, error, retryInMs: undefined }))
  }

  #assertWorking(action: string): void {
    if (this.#draining.signal.aborted) throw new SagaEngineStoppedError(action)
  }
}

/** The caller's store, or one on its pool. */
function storeOf(options: SagaEngineOptions, leaseMs: number, clock: Clock): SagaStore<unknown> {
  if ('store' in options) return options.store
  return new PostgresSagaStore({
    pool: options.pool,
    schema: options.schema,
    idleInTransactionMs: leaseMs,
    wait: (ms, signal) => clock.sleep(ms, { signal }).catch(() => {}),
  })
}
