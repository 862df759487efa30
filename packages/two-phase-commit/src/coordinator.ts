import { type Clock, checkNames, emit, type EventListener, systemClock } from '@quorate/core'
import { decideByHand, type Servers, statusesOf } from './by-hand.ts'
import type { Coordinator } from './coordinator-api.ts'
import { Deadline } from './deadline.ts'
import { DoneRecords } from './done-records.ts'
import { Epochs, type Session } from './epochs.ts'
import { CoordinatorStoppedError, InDoubtError, TransactionTimeoutError } from './errors.ts'
import type { CoordinatorEvent } from './events.ts'
import type { Decision } from './machine.ts'
import { formatId } from './names.ts'
import {
  type Clients,
  type CoordinatorOptions,
  type Participants,
  type RecoveryReport,
  requirePositive,
  type ResolveOptions,
  type Settings,
  settingsOf,
  type TransactionContext,
  type TransactionOptions,
  type TransactionStatus,
  type WaitOptions,
} from './options.ts'
import { DecisionLog } from './postgres/decision-log.ts'
import type { PgPool } from './postgres/port.ts'
import { Recoverer } from './recoverer.ts'
import type { CoordinatorSpans } from './spans.ts'
import { type CheckedTransaction, checkTransaction, requireId } from './transaction-options.ts'
import { runTransaction, TransactionFailure } from './transaction.ts'

/**
 * Creates a coordinator. It does nothing until it is used.
 *
 * @throws TypeError, RangeError for options that make no sense; more participants than `maxParticipants`.
 *
 * @example
 * ```ts
 * await using coordinator = createCoordinator({ participants: { payments, orders }, log: coLocated('payments') })
 * await coordinator.transaction(async ({ payments, orders }) => {
 *   await payments.query('INSERT INTO charge (order_id, cents) VALUES ($1, $2)', [id, cents])
 *   await orders.query("UPDATE orders SET status = 'PAID' WHERE id = $1", [id])
 * })
 * ```
 */
export function createCoordinator<const P extends Participants>(
  options: CoordinatorOptions<P>,
): Coordinator<P> {
  return new PostgresCoordinator(options)
}

class PostgresCoordinator<P extends Participants> implements Coordinator<P> {
  readonly #settings: Settings<P>
  readonly #clock: Clock
  readonly #onEvent: EventListener<CoordinatorEvent> | undefined
  readonly #spans: CoordinatorSpans | undefined
  readonly #pools: ReadonlyMap<string, PgPool>
  readonly #log: DecisionLog
  #stopped: Promise<void> | undefined
  readonly #epochs: Epochs
  #numbers = 0
  readonly #active = new Set<string>()
  readonly #running = new Set<Promise<unknown>>()
  readonly #done: DoneRecords
  readonly #recoverer: Recoverer

  constructor(options: CoordinatorOptions<P>) {
    const settings = settingsOf(options)
    this.#settings = settings
    this.#clock = options.clock ?? systemClock
    this.#onEvent = options.onEvent
    this.#spans = options.spans
    this.#pools = new Map(Object.entries(settings.participants))
    const place = settings.log
    const pool = place.kind === 'separate' ? place.pool : this.#pools.get(place.participant)
    if (pool === undefined) throw new RangeError('Cannot create a coordinator: the log has no pool')
    this.#log = new DecisionLog(
      pool,
      settings.schema,
      place.kind === 'separate' ? 'the decision log' : place.participant,
    )
    this.#epochs = new Epochs({
      pools: this.#pools,
      log: this.#log,
      logAt: place.kind === 'co-located' ? place.participant : undefined,
      name: settings.name,
      regions: options.regions ?? {},
      onEvent: options.onEvent,
      newDeadline: () =>
        new Deadline(this.#clock, settings.timeoutMs, () => new TransactionTimeoutError(settings.timeoutMs)),
    })
    this.#done = new DoneRecords({
      log: this.#log,
      pools: this.#pools,
      newDeadline: () => new Deadline(this.#clock, settings.graceMs, () => new Error('no answer')),
      onBack: (id) => this.#recoverer.add(id),
      onRefused: (server, error) =>
        emit<CoordinatorEvent>(this.#onEvent, () => ({ type: 'recovery-failed', server, error })),
    })
    this.#recoverer = new Recoverer({
      settings,
      clock: this.#clock,
      onEvent: options.onEvent,
      spans: options.spans,
      pools: this.#pools,
      log: this.#log,
      epochs: this.#epochs,
      done: this.#done,
      isActive: (id) => this.#active.has(id),
    })
  }

  async migrate(options: WaitOptions = {}): Promise<void> {
    using deadline = this.#deadline('migrate', options)
    await this.#log.migrate(deadline)
  }

  async start(options: WaitOptions = {}): Promise<void> {
    using deadline = this.#deadline('start', options)
    await deadline.wait(this.#opened())
  }

  async transaction<T, const Name extends keyof P & string = keyof P & string>(
    work: (clients: Clients<Name>, context: TransactionContext) => Promise<T>,
    options: TransactionOptions<Name> = {},
  ): Promise<T> {
    const how = checkTransaction(work, options, this.#settings.timeoutMs, this.#pools)
    this.#throwIfStopped()
    const spans = this.#spans
    const run = (onEvent?: EventListener<CoordinatorEvent>): Promise<T> =>
      this.#transaction(work, how, onEvent)
    const running = spans === undefined ? run() : spans.transaction([...how.pools.keys()], run)
    this.#running.add(running)
    try {
      return await running
    } finally {
      this.#running.delete(running)
    }
  }

  async #transaction<T, Name extends string>(
    work: (clients: Clients<Name>, context: TransactionContext) => Promise<T>,
    { timeoutMs, signal, isolation, pools }: CheckedTransaction,
    onEvent: EventListener<CoordinatorEvent> | undefined,
  ): Promise<T> {
    const clock = this.#clock
    const spans = this.#spans
    const tell = (build: () => CoordinatorEvent): void => {
      emit(this.#onEvent, build)
      emit(onEvent, build)
    }
    const { graceMs, adviseMs, log } = this.#settings
    using deadline = new Deadline(clock, timeoutMs, () => new TransactionTimeoutError(timeoutMs), signal)
    const { logName, epoch } = this.#epochs.ready ?? (await deadline.wait(this.#opened()))
    const id = formatId({ coordinator: this.#settings.name, epoch, number: String(++this.#numbers) })
    const startMs = clock.monotonic()
    const lasted = (): number => clock.monotonic() - startMs
    const logAt = log.kind === 'co-located' ? log.participant : undefined
    this.#active.add(id)
    try {
      const { value, how, left, prepared } = await runTransaction<Name, T>(
        {
          id,
          epoch,
          logName,
          log: this.#log,
          logAt,
          pools,
          isolation,
          timeoutMs,
          graceMs,
          clock,
          deadline,
          spans,
        },
        work,
      )
      tell(() => ({ type: 'committed', id, how, durationMs: lasted() }))
      if (how === 'two-phase') {
        if (left.size === 0) this.#done.add(id, prepared, logName)
        else {
          this.#recoverer.add(id)
          tell(() => ({ type: 'unfinished', id, decision: 'commit', left: [...left] }))
        }
      }
      return value
    } catch (failure) {
      if (!(failure instanceof TransactionFailure)) throw failure
      const { error, decision, left, epochClosed } = failure
      if (epochClosed) this.#epochs.renew(epoch)
      if (decision === undefined && error instanceof InDoubtError)
        tell(() => ({ type: 'in-doubt', id, error }))
      else tell(() => ({ type: 'aborted', id, error, durationMs: lasted() }))
      if (left.size > 0 && decision !== undefined)
        tell(() => ({ type: 'unfinished', id, decision, left: [...left] }))
      throw error
    } finally {
      this.#active.delete(id)
      const durationMs = lasted()
      if (durationMs > adviseMs) tell(() => ({ type: 'slow', id, durationMs, adviseMs }))
    }
  }

  recover(options: WaitOptions = {}): Promise<RecoveryReport> {
    const recover = async (): Promise<RecoveryReport> => {
      using deadline = this.#deadline('recover', options)
      const session = await deadline.wait(this.#opened())
      return await deadline.wait(this.#recoverer.once(session))
    }
    return recover()
  }

  status(options?: WaitOptions): Promise<readonly TransactionStatus[]>
  status(id: string, options?: WaitOptions): Promise<TransactionStatus>
  async status(
    first: string | WaitOptions = {},
    second: WaitOptions = {},
  ): Promise<TransactionStatus | readonly TransactionStatus[]> {
    if (typeof first === 'string') requireId('tell the status', first)
    using deadline = this.#deadline('tell the status', typeof first === 'string' ? second : first)
    const all = await statusesOf(this.#servers, deadline)
    if (typeof first !== 'string') return all
    return all.find(({ id }) => id === first) ?? { id: first, decision: undefined, prepared: [], ageMs: 0 }
  }

  async resolve(id: string, decision: Decision, options: ResolveOptions = {}): Promise<readonly string[]> {
    checkNames('resolve', options, ['timeoutMs', 'signal', 'force', 'note'])
    const { force = false, note, ...wait } = options
    if (decision !== 'commit' && decision !== 'abort') {
      throw new TypeError(
        `Cannot resolve ${id}: the decision must be commit or abort, got ${String(decision)}`,
      )
    }
    requireId('resolve', id)
    using deadline = this.#deadline('resolve', wait)
    const how = { id, decision, force, note, lockMs: this.#settings.graceMs }
    const { recorded, told } = await decideByHand(this.#servers, how, deadline)
    emit<CoordinatorEvent>(this.#onEvent, () => ({ type: 'overridden', id, decision, recorded }))
    return told
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop()
    return this.#stopped
  }

  get #servers(): Servers {
    return { log: this.#log, pools: this.#pools, clock: this.#clock }
  }

  async #stop(): Promise<void> {
    await Promise.allSettled(this.#running)
    await this.#recoverer.stop(new CoordinatorStoppedError())
    const session = await this.#epochs.last
    if (session === undefined) return
    using deadline = new Deadline(this.#clock, this.#settings.graceMs, () => new Error('no answer'))
    // First, as it needs the log alone. Else others close it when it has been silent for long.
    await this.#log.close({ epoch: session.epoch }, deadline).catch(() => {})
    await this.#done.flush(deadline).catch(() => {}) // else recovery deletes them when they are old
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  /** Checked, with an epoch, and with the loop running. */
  async #opened(): Promise<Session> {
    const session = await this.#epochs.current()
    this.#recoverer.start()
    return session
  }

  #deadline(action: string, options: WaitOptions): Deadline {
    checkNames(action, options, ['timeoutMs', 'signal'])
    this.#throwIfStopped()
    const { timeoutMs = this.#settings.timeoutMs, signal } = options
    requirePositive(action, 'timeoutMs', timeoutMs)
    return new Deadline(this.#clock, timeoutMs, () => new TransactionTimeoutError(timeoutMs), signal)
  }

  #throwIfStopped(): void {
    if (this.#stopped !== undefined) throw new CoordinatorStoppedError()
  }
}
