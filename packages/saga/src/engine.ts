import { type Clock, emit, type EventListener, systemClock, systemRandom, waitOrAbort } from '@quorate/core'
import { Committer } from './committer.ts'
import { Deadlines } from './deadlines.ts'
import type {
  ResultOptions,
  SagaEngine,
  SagaEngineCommonOptions,
  SagaEngineOptions,
  SagaHandle,
  SagaRun,
  StartOptions,
} from './engine-api.ts'
import { SagaConflictError, SagaEngineStoppedError, SagaFencedError, SagaNotFoundError } from './errors.ts'
import type { SagaEvent } from './events.ts'
import { encode, sameJson, decode } from './json.ts'
import { Lease } from './lease.ts'
import type { LogRecord, SagaStatus } from './log.ts'
import type { PgPool } from './postgres/pool.ts'
import { PostgresSagaStore } from './postgres/postgres-store.ts'
import { Registry } from './registry.ts'
import { Run, type RunEnd, type RunnerContext } from './runner.ts'
import type { AnySaga, PgTx, SagaInput, SagaResults } from './saga.ts'
import { check } from './schema.ts'
import { Slots } from './slots.ts'
import type { SagaFilter, SagaStore, SagaSummary, StoredSaga } from './store.ts'
import { type SagaResult, type SagaView, viewOf } from './view.ts'
import { Watch } from './watch.ts'

/**
 * An engine that runs sagas and starts working at once.
 *
 * @throws TypeError, RangeError for options out of range.
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
/** Sagas taken by one claim at most, so that engines that come up together share the work. */
const MAX_CLAIM = 100

class Engine implements SagaEngine {
  readonly #store: SagaStore<unknown>
  readonly #registry: Registry
  readonly #lease: Lease
  readonly #committer: Committer
  readonly #deadlines: Deadlines
  readonly #watch: Watch
  readonly #context: RunnerContext
  readonly #onEvent: EventListener<SagaEvent> | undefined
  readonly #clock: Clock
  readonly #concurrency: number
  readonly #pollMs: number
  readonly #runs = new Map<string, Run>()
  /** Starts whose first commit is under way, so that one engine never inserts an id twice. */
  readonly #starting = new Map<string, Promise<unknown>>()
  readonly #ends = new Set<Promise<unknown>>()
  readonly #draining = new AbortController()
  /** Sagas may be ours in the store that no run of ours goes on with. */
  #hasStrays = false
  readonly #closed = new AbortController()
  readonly #loops: Promise<void>[]
  readonly #offFault: (() => void) | undefined
  #kick = new AbortController()
  #migrating: Promise<void> = Promise.resolve()
  #stopped: Promise<void> | undefined

  constructor(options: SagaEngineOptions) {
    const { clock = systemClock, random = systemRandom, onEvent, leaseMs = 10_000, pollMs = 250 } = options
    const { concurrency = 1_000, sagas } = options
    validate({ concurrency, leaseMs, pollMs })
    checkParts(options)
    this.#clock = clock
    this.#onEvent = onEvent
    this.#concurrency = concurrency
    this.#pollMs = pollMs
    this.#registry = new Registry(sagas)
    const closed = this.#closed.signal
    const store: SagaStore<unknown> =
      'store' in options
        ? options.store
        : new PostgresSagaStore({
            pool: options.pool,
            schema: options.schema,
            idleInTransactionMs: leaseMs,
            wait: (ms, signal) => clock.sleep(ms, { signal }).catch(() => {}),
          })
    this.#store = store
    const onLost = (worker: string): void => this.#onLost(worker)
    this.#lease = new Lease({
      store,
      leaseMs,
      clock,
      random,
      onEvent,
      closed,
      enabled: concurrency > 0,
      onLost,
    })
    this.#committer = new Committer({ store, lease: this.#lease, clock, random, onEvent, closed })
    this.#deadlines = new Deadlines(clock, closed)
    this.#watch = new Watch(store, this.#deadlines)
    const connections = 'pool' in options ? (options.pool.options?.max ?? 10) : 1_000
    this.#context = {
      store: this.#store,
      committer: this.#committer,
      deadlines: this.#deadlines,
      clock,
      random,
      onEvent,
      draining: () => this.#draining.signal.aborted,
      lost: (worker) => this.#lease.lost(worker),
      // Two are left for commits and the lease, so that no transaction waits for itself.
      txSlots: new Slots(Math.max(1, connections - 2)),
    }
    this.#offFault = this.#store.onFault?.((error) => {
      emit<SagaEvent>(onEvent, () => ({
        type: 'store-fault',
        action: 'hold a connection',
        error,
        retryInMs: undefined,
      }))
    })
    this.#loops = [this.#afterMigration(() => this.#work())]
    if (concurrency > 0) this.#loops.push(this.#afterMigration(() => this.#lease.keep()))
  }

  async migrate(): Promise<void> {
    const migrated = this.#store.migrate()
    this.#migrating = migrated.catch(() => {})
    await migrated
    this.#wake()
  }

  async start<S extends AnySaga>(
    saga: S,
    input: SagaInput<S>,
    startOptions: StartOptions,
  ): Promise<SagaRun<SagaResults<S>>> {
    checkId((startOptions as StartOptions | undefined)?.id)
    const { id, signal, deadlineMs = 10_000 } = startOptions
    this.#assertWorking(`start saga ${saga.name}`)
    signal?.throwIfAborted()
    this.#registry.assertHas(saga)
    const text = encode(input) ?? 'null'
    const started = (this.#starting.get(id) ?? Promise.resolve()).then(
      () => this.#begin(saga, id, text),
      () => this.#begin(saga, id, text),
    )
    this.#starting.set(id, started)
    const forget = (): void => {
      if (this.#starting.get(id) === started) this.#starting.delete(id)
    }
    started.then(forget, forget)
    const { existed, local } = await this.#watch.within(() => started, {
      id,
      deadlineMs,
      signal,
      waitedFor: 'start',
    })
    return {
      id,
      existed,
      result: (options) => this.#result(id, local, options) as Promise<SagaResult<SagaResults<S>>>,
    }
  }

  handle(id: string): SagaHandle<never> {
    return { id, result: (options) => this.#result(id, undefined, options) as Promise<never> }
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
    this.#wake()
    return kept
  }

  async get(id: string): Promise<SagaView | undefined> {
    const [saga] = await this.#store.load([id])
    return saga && viewOf(saga)
  }

  async list(filter: SagaFilter = {}): Promise<readonly SagaSummary[]> {
    const { limit = 100, status } = filter
    if (!(typeof limit === 'number' && limit >= 1 && limit <= 1_000))
      throw new RangeError(`Cannot list sagas: limit must be 1 to 1,000, got ${limit}`)
    if (status !== undefined && !STATUSES.includes(status))
      throw new RangeError(`Cannot list sagas: status must be one of ${STATUSES.join(', ')}, got ${status}`)
    return this.#store.list({ ...filter, limit })
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
    this.#wake()
    return done
  }

  stop({ deadlineMs = 10_000 }: { readonly deadlineMs?: number | undefined } = {}): Promise<void> {
    this.#stopped ??= this.#stop(deadlineMs)
    return this.#stopped
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #stop(deadlineMs: number): Promise<void> {
    this.#draining.abort()
    this.#kick.abort()
    const reason = new SagaEngineStoppedError('go on')
    const over = new AbortController()
    const late = new AbortController()
    void this.#giveUpAfter(deadlineMs, reason, over.signal, late)
    // What hangs on a store that does not answer is left behind: nothing is written once the lease is over.
    const within = (work: Promise<unknown>): Promise<unknown> =>
      waitOrAbort(work, late.signal).catch(() => {})
    await within(this.#idleAtLast())
    const worker = this.#lease.held
    this.#closed.abort(reason)
    await within(Promise.all(this.#loops))
    this.#watch.close()
    if (worker !== undefined) {
      // Not done is no harm: the lease runs out, only later.
      const unregistered = this.#store.unregister(worker).catch((error: unknown) => {
        emit<SagaEvent>(this.#onEvent, () => ({
          type: 'store-fault',
          action: 'unregister',
          error,
          retryInMs: undefined,
        }))
      })
      await within(unregistered)
    }
    over.abort()
    this.#offFault?.()
  }

  /** Resolves when no start and no run is left. */
  async #idleAtLast(): Promise<void> {
    await Promise.all([...this.#starting.values()].map((start) => start.catch(() => {})))
    while (this.#ends.size > 0) await Promise.all(this.#ends)
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
      for (const run of this.#runs.values()) run.abandon(reason)
      this.#closed.abort(reason)
      await this.#clock.sleep(STOP_GRACE_MS, { signal: over, ref: false })
      late.abort(reason)
    } catch {
      // Stopped in time.
    }
  }

  async #begin(
    saga: AnySaga,
    id: string,
    input: string,
  ): Promise<{ existed: boolean; local?: Promise<RunEnd> }> {
    const worker = await this.#lease.worker()
    this.#assertWorking(`start saga ${saga.name}`)
    const isFull = this.#runs.size >= this.#concurrency
    if (worker === undefined || isFull || this.#runs.has(id)) return this.#enqueue(saga, id, input)
    const run = new Run(this.#context, worker, saga, { id, input: decode(input) })
    this.#runs.set(id, run)
    let begun: Awaited<ReturnType<Run['begin']>>
    try {
      begun = await run.begin(input)
    } catch (error) {
      this.#forget(run)
      // The lease went while the start was on its way: nothing was written, and there is a new one.
      if (error instanceof SagaFencedError) return this.#begin(saga, id, input)
      throw error
    }
    if (begun.reply === 'exists') {
      this.#forget(run)
      await this.#assertSame(saga, id, input)
      return { existed: true }
    }
    emit<SagaEvent>(this.#onEvent, () => ({ type: 'saga-started', saga: saga.name, id }))
    return { existed: false, local: this.#launch(run, begun.proceed) }
  }

  /** Starts a saga that whoever has room claims. */
  async #enqueue(saga: AnySaga, id: string, input: string): Promise<{ existed: boolean }> {
    const { name, version } = saga
    const start = { name, version, input, owned: false }
    const reply = await this.#committer.commit({ id, seq: 0, records: '[]', start })
    if (reply === 'exists') await this.#assertSame(saga, id, input)
    else emit<SagaEvent>(this.#onEvent, () => ({ type: 'saga-started', saga: name, id }))
    return { existed: reply === 'exists' }
  }

  async #assertSame(saga: AnySaga, id: string, input: string): Promise<void> {
    const [existing] = await this.#store.load([id])
    if (existing === undefined) throw new SagaNotFoundError(id, 'start it')
    const differs = existing.name !== saga.name ? 'saga' : 'input'
    if (existing.name !== saga.name || !sameJson(existing.input, decode(input))) {
      throw new SagaConflictError({ id, differs, saga: saga.name, existing: existing.name })
    }
    // Inserted by an earlier try of ours whose acknowledgement was lost: ours to run.
    await this.#adopt([id])
  }

  /** Takes sagas into memory that are ours by the store, because the reply that said so was lost. */
  async #adopt(ids: readonly string[]): Promise<void> {
    const worker = this.#lease.held
    const lost = ids.filter((id) => !this.#runs.has(id))
    if (worker === undefined || lost.length === 0) return
    for (const saga of await this.#store.load(lost, worker)) if (isOpen(saga)) this.#resume(worker, saga)
  }

  #resume(worker: string, saga: StoredSaga): void {
    const definition = this.#registry.pick(saga.name, saga.version)
    if (definition === undefined || this.#draining.signal.aborted) return
    const known = this.#runs.get(saga.id)
    if (known !== undefined) {
      known.reclaimed = true
      return
    }
    const run = new Run(this.#context, worker, definition, saga)
    this.#runs.set(saga.id, run)
    emit<SagaEvent>(this.#onEvent, () => ({ type: 'saga-resumed', saga: saga.name, id: saga.id }))
    void this.#launch(run, () => run.resume(saga))
  }

  #launch(run: Run, drive: () => Promise<RunEnd>): Promise<RunEnd> {
    const end = drive().then(
      (ended) => {
        this.#forget(run)
        if (ended.type === 'settled') this.#watch.settle(run.id, ended)
        return ended
      },
      (error: unknown): RunEnd => {
        this.#forget(run)
        emit<SagaEvent>(this.#onEvent, () => ({
          type: 'store-fault',
          action: `run saga ${run.id}`,
          error,
          retryInMs: undefined,
        }))
        return { type: 'left' }
      },
    )
    this.#ends.add(end)
    void end.then(() => this.#ends.delete(end))
    return end
  }

  #forget(run: Run): void {
    const wasFull = this.#runs.size >= this.#concurrency
    if (this.#runs.get(run.id) === run) this.#runs.delete(run.id)
    // Claimed for this run while it was on its way out: the row is ours, and nobody runs it.
    if (run.reclaimed) this.#hasStrays = true
    if (wasFull || run.reclaimed) this.#wake()
  }

  /** A migration that is asked for right after the engine was made comes before its first query. */
  async #afterMigration(loop: () => Promise<void>): Promise<void> {
    await Promise.resolve()
    await this.#migrating
    return loop()
  }

  /** Claims what is due and looks for ends that others brought about, until the engine drains. */
  async #work(): Promise<void> {
    let faults = 0
    while (!this.#draining.signal.aborted) {
      const kick = (this.#kick = new AbortController())
      try {
        if ((faults > 0 || this.#hasStrays) && this.#lease.held !== undefined) {
          this.#hasStrays = false
          await this.#adopt(await this.#store.owned(this.#lease.held))
        }
        const full = await this.#claim()
        await this.#watch.poll((id) => this.#runs.has(id))
        faults = 0
        if (!full) await this.#store.idle(this.#pollMs, kick.signal)
      } catch (error) {
        if (error instanceof SagaFencedError) this.#lease.lost(this.#lease.held)
        if (this.#closed.signal.aborted) return
        const retryInMs = Math.min(5_000, this.#pollMs * 2 ** faults++)
        emit<SagaEvent>(this.#onEvent, () => ({ type: 'store-fault', action: 'claim', error, retryInMs }))
        await this.#clock.sleep(retryInMs, { signal: kick.signal }).catch(() => {})
      }
    }
  }

  /** @returns whether there may be more to claim at once. */
  async #claim(): Promise<boolean> {
    const room = Math.min(MAX_CLAIM, this.#concurrency - this.#runs.size)
    if (room <= 0) return false
    const worker = await this.#lease.worker()
    if (worker === undefined || this.#draining.signal.aborted) return false
    const claimed = await this.#store.claim(worker, this.#registry.names, room)
    if (worker !== this.#lease.held) return true
    for (const saga of claimed) this.#resume(worker, saga)
    return claimed.length === room
  }

  #onLost(worker: string): void {
    const reason = new SagaFencedError()
    const lost = [...this.#runs.values()].filter((run) => run.worker === worker)
    for (const run of lost) {
      this.#runs.delete(run.id)
      run.abandon(reason)
    }
    emit<SagaEvent>(this.#onEvent, () => ({ type: 'fenced', worker, sagas: lost.length }))
  }

  async #result(
    id: string,
    local: Promise<RunEnd> | undefined,
    options: ResultOptions = {},
  ): Promise<SagaResult> {
    const { deadlineMs = 60_000, signal } = options
    signal?.throwIfAborted()
    const settled = async (limit: AbortSignal): Promise<SagaResult> => {
      const end = await local
      if (end?.type === 'settled') return Watch.resultOf(end)
      return this.#watch.wait(id, (known) => this.#runs.has(known), limit)
    }
    return this.#watch.within(settled, { id, deadlineMs, signal, waitedFor: 'result' })
  }

  #wake(): void {
    this.#kick.abort()
  }

  #assertWorking(action: string): void {
    if (this.#draining.signal.aborted) throw new SagaEngineStoppedError(action)
  }
}

const isOpen = ({ status }: StoredSaga): boolean => status === 'running' || status === 'compensating'

const STATUSES: readonly SagaStatus[] = [
  'running',
  'compensating',
  'completed',
  'compensated',
  'needs-attention',
]

function validate({
  concurrency,
  leaseMs,
  pollMs,
}: {
  concurrency: number
  leaseMs: number
  pollMs: number
}): void {
  const refuse = (rule: string, value: number): never => {
    throw new RangeError(`Cannot make a saga engine: ${rule}, got ${value}`)
  }
  if (!Number.isInteger(concurrency) || concurrency < 0)
    refuse('concurrency must be a whole number from 0', concurrency)
  if (!(typeof leaseMs === 'number' && leaseMs >= 100 && leaseMs < Infinity))
    refuse('leaseMs must be at least 100', leaseMs)
  if (!(typeof pollMs === 'number' && pollMs >= 1 && pollMs < Infinity))
    refuse('pollMs must be at least 1', pollMs)
}

/** From JavaScript anything may come in; without this it fails later, far from the mistake. */
function checkParts(options: {
  readonly pool?: object
  readonly store?: object
  readonly sagas: unknown
}): void {
  const refuse = (what: string): never => {
    throw new TypeError(`Cannot make a saga engine: ${what}`)
  }
  const { pool, store, sagas } = options
  if (!Array.isArray(sagas)) refuse('sagas must be an array of definitions')
  if (store !== undefined) return
  if (pool === undefined || pool === null) refuse('pass pool, a pg.Pool, or store')
  for (const method of ['connect', 'query', 'on']) {
    if (typeof Reflect.get(Object(pool), method) !== 'function')
      refuse(`pool must be a pg.Pool: it has no ${method}()`)
  }
}

function checkId(id: unknown): asserts id is string {
  if (typeof id === 'string' && id.length > 0 && id.length <= 500 && !id.includes('\0')) return
  throw new TypeError(
    `Cannot start a saga: its id must have 1 to 500 characters and no NUL, got "${String(id).slice(0, 50)}"`,
  )
}
