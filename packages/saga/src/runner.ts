import { type Clock, emit, type EventListener, fullJitterMs, type Random } from '@quorate/core'
import { type Call, prepareCall } from './call.ts'
import type { Committer } from './committer.ts'
import type { Deadlines } from './deadlines.ts'
import { isNonRetryable, NonRetryableError, SagaFencedError } from './errors.ts'
import type { SagaEvent } from './events.ts'
import { toFailure } from './failure.ts'
import { stored } from './json.ts'
import type { LogRecord } from './log.ts'
import {
  type Decision,
  type Effect,
  type Event,
  fold,
  initialState,
  MisfitError,
  type Plan,
  resultsOf,
  type SagaState,
  statusOf,
  step,
} from './protocol.ts'
import { planOf, type SagaStep } from './saga.ts'
import {
  type RowChange,
  type SagaStore,
  type SagaWrite,
  type StoredSaga,
  StoreFault,
  type WriteReply,
} from './store.ts'

/** Waits up to this long stay in memory; longer ones give the saga up until it is due. */
const PARK_MS = 1_000
/** Larger than any signal's number: nothing that arrived keeps an ended saga open. */
const ANY_SIGNAL = 2_147_483_647

/** What runs a saga needs of its engine. */
export interface RunnerContext {
  readonly store: SagaStore<unknown>
  readonly committer: Committer
  readonly deadlines: Deadlines
  readonly clock: Clock
  readonly random: Random
  readonly onEvent: EventListener<SagaEvent> | undefined
  /** True once no further step may begin. */
  readonly draining: () => boolean
  /** Tells that a lease is gone. */
  readonly lost: (worker: string) => void
  /** Limits transactions to the connections there are. */
  readonly txSlots: { acquire(signal: AbortSignal): Promise<() => void> }
}

/** The steps of a definition and what the protocol sees of them. */
export interface Definition {
  readonly name: string
  readonly version: number
  readonly steps: readonly SagaStep[]
}

/** How a run left memory. */
export type RunEnd =
  | { readonly type: 'settled'; readonly state: SagaState; readonly results: Record<string, unknown> }
  /** Parked, drained or fenced: others go on. */
  | { readonly type: 'left' }

/** What follows an effect: an event to decide on, a decision already committed, or nothing. */
type Next =
  | { readonly event: Event }
  | { readonly decision: Decision; readonly reply: WriteReply }
  | undefined

const plans = new WeakMap<readonly SagaStep[], Plan>()

/** One saga in the memory of one engine, from start or claim until it ends, waits long, or is taken away. */
export class Run {
  readonly id: string
  readonly worker: string
  readonly definition: Definition
  /** Set by a claim that came in while the commit that parked this run was not yet acknowledged. */
  reclaimed = false
  readonly #context: RunnerContext
  readonly #plan: Plan
  readonly #input: unknown
  #state: SagaState = initialState
  #seq = 0
  #call: Call<unknown> | undefined
  #gone: { readonly reason: unknown } | undefined
  readonly #goneSignal = new AbortController()

  constructor(
    context: RunnerContext,
    worker: string,
    definition: Definition,
    saga: { id: string; input: unknown },
  ) {
    this.#context = context
    this.worker = worker
    this.definition = definition
    this.id = saga.id
    this.#input = saga.input
    let plan = plans.get(definition.steps)
    if (plan === undefined) plans.set(definition.steps, (plan = planOf(definition.steps)))
    this.#plan = plan
  }

  /** The lease is lost, or the engine stops without waiting: nothing more is written. */
  abandon(reason: unknown): void {
    this.#gone ??= { reason }
    this.#call?.abort(reason)
    this.#goneSignal.abort(reason)
  }

  /** Inserts the saga with its first intent, in one commit. `exists`: somebody else has the id. */
  async begin(input: string): Promise<{ reply: WriteReply; proceed: () => Promise<RunEnd> }> {
    const { name, version } = this.definition
    const decision = step(this.#plan, this.#state, { type: 'resumed', dueInMs: undefined })
    const first = this.#write(decision)
    // The row cannot be inserted and changed in one statement, so a saga that begins with a wait takes two.
    const whole = first.row === undefined
    const start = { name, version, input, owned: true }
    const write = whole ? { ...first, start } : { id: this.id, seq: 0, records: '[]', start }
    const reply = await this.#context.committer.commit(write, this.worker)
    if (whole && reply !== 'exists') this.#committed(decision, write)
    return {
      reply,
      proceed: () =>
        this.#drive(whole ? { decision, reply } : { event: { type: 'resumed', dueInMs: undefined } }),
    }
  }

  /** Goes on with a saga that was read back. */
  async resume(saga: StoredSaga): Promise<RunEnd> {
    return this.#drive({ event: this.#load(saga) })
  }

  #load({ log, signals, dueInMs }: StoredSaga): Event {
    let state = initialState
    this.#seq = log.length
    try {
      for (const { records } of log) for (const record of records) state = fold(this.#plan, state, record)
    } catch (error) {
      if (!(error instanceof MisfitError)) throw error
      this.#state = state
      return { type: 'misfit', failure: toFailure(error, { step: undefined, during: 'load', attempts: 1 }) }
    }
    const mailbox = signals.filter(({ seq }) => !state.taken.includes(seq))
    this.#state = { ...state, mailbox, seen: signals.at(-1)?.seq ?? 0 }
    return { type: 'resumed', dueInMs }
  }

  async #drive(first: NonNullable<Next>): Promise<RunEnd> {
    let next: Next = first
    while (next !== undefined) {
      if (this.#gone !== undefined) return { type: 'left' }
      try {
        next = await this.#advance(next)
      } catch (error) {
        if (!(error instanceof SagaFencedError) && this.#gone === undefined) throw error
        if (error instanceof SagaFencedError) this.#context.lost(this.worker)
        return { type: 'left' }
      }
    }
    const { at } = this.#state.phase
    if (at === 'forward' || at === 'compensating') return { type: 'left' }
    return { type: 'settled', state: this.#state, results: resultsOf(this.#plan, this.#state) }
  }

  async #advance(next: NonNullable<Next>): Promise<Next> {
    let decision: Decision
    let reply: WriteReply = 'written'
    if ('decision' in next) ({ decision, reply } = next)
    else {
      decision = step(this.#plan, this.#state, next.event)
      const write = this.#write(decision)
      if (write.records !== '[]' || write.row !== undefined) {
        reply = await this.#context.committer.commit(write, this.worker)
      }
      this.#committed(decision, write)
    }
    return this.#perform(decision.effect, reply)
  }

  #perform(effect: Effect, reply: WriteReply): Promise<Next> | Next {
    switch (effect.type) {
      case 'end':
        return undefined
      case 'wait':
        return this.#wait(effect, reply)
      case 'run':
      case 'undo': {
        if (this.#context.draining()) return undefined
        const at = this.#plan[effect.type === 'run' ? effect.index : effect.entry.index]
        return at?.kind === 'tx' ? this.#transact(effect) : this.#callStep(effect)
      }
      default:
        return effect satisfies never
    }
  }

  async #wait({ ms, signal }: Effect & { type: 'wait' }, reply: WriteReply): Promise<Next> {
    if (parks({ ms, signal })) {
      if (reply !== 'kept' && !this.reclaimed) return undefined
      this.reclaimed = false
      return this.#reload()
    }
    if (this.#context.draining()) return undefined
    await this.#context.clock.sleep(ms, { signal: this.#goneSignal.signal })
    return { event: { type: 'due' } }
  }

  /** Reads the saga back, if it is still ours. */
  async #reload(): Promise<Next> {
    for (let faults = 0; ; faults++) {
      try {
        const [saga] = await this.#context.store.load([this.id], this.worker)
        return saga === undefined ? undefined : { event: this.#load(saga) }
      } catch (error) {
        await this.#pause('read a saga', error, faults)
      }
    }
  }

  async #callStep(effect: Effect & { type: 'run' | 'undo' }): Promise<Next> {
    const call = this.#prepare(effect)
    try {
      const result = this.#keepable(
        effect,
        await call.start((signal) => this.#invoke(effect, signal, undefined)),
      )
      return { event: { type: 'succeeded', result } }
    } catch (error) {
      return { event: this.#failed(effect, error) }
    } finally {
      this.#call = undefined
    }
  }

  /** Runs a step and its checkpoint in one transaction, repeated as long as the store is at fault. */
  async #transact(effect: Effect & { type: 'run' | 'undo' }): Promise<Next> {
    for (let faults = 0; ; faults++) {
      const call = this.#prepare(effect)
      let decision: Decision | undefined
      let write: SagaWrite | undefined
      let free: (() => void) | undefined
      try {
        free = await this.#context.txSlots.acquire(this.#goneSignal.signal)
        const reply = await this.#context.store.transact(this.worker, call.signal, async (tx) => {
          const result = this.#keepable(
            effect,
            await call.start((signal) => this.#invoke(effect, signal, tx)),
          )
          decision = step(this.#plan, this.#state, { type: 'succeeded', result })
          write = this.#write(decision)
          return write
        })
        if (decision === undefined || write === undefined) throw new Error('The transaction ran no body')
        this.#committed(decision, write)
        return { decision, reply }
      } catch (error) {
        if (error instanceof SagaFencedError || this.#gone !== undefined) throw error
        if (!(error instanceof StoreFault)) return { event: this.#failed(effect, error) }
        free?.()
        free = undefined
        await this.#pause('run a transaction', error, faults)
        // The commit may have got through with its acknowledgement lost: the log knows.
        const before = this.#seq
        const next = await this.#reload()
        if (next === undefined || this.#seq !== before) return next
      } finally {
        free?.()
        this.#call = undefined
      }
    }
  }

  #prepare(effect: Effect & { type: 'run' | 'undo' }): Call<unknown> {
    const definition = this.#stepOf(effect)
    this.#call = prepareCall(this.#context.deadlines, definition.name, definition.deadlineMs)
    if (this.#gone !== undefined) this.#call.abort(this.#gone.reason)
    emit<SagaEvent>(this.#context.onEvent, () => ({
      type: effect.type === 'run' ? 'step-started' : 'compensation-started',
      ...this.#facts(),
      step: definition.name,
      attempt: effect.attempt,
    }))
    return this.#call
  }

  #invoke(effect: Effect & { type: 'run' | 'undo' }, signal: AbortSignal, tx: unknown): unknown {
    const { name, run, compensate } = this.#stepOf(effect)
    const key = `${this.definition.name}/${this.id}/${name}`
    const common = {
      sagaId: this.id,
      input: this.#input,
      results: resultsOf(this.#plan, this.#state),
      key,
      attempt: effect.attempt,
      signal,
      tx,
    }
    if (effect.type === 'run') return run?.(common as never)
    const { phase } = this.#state
    const { outcome, result } = effect.entry
    const failure = phase.at === 'compensating' ? phase.failure : undefined
    return compensate?.({ ...common, compensationKey: `${key}/undo`, outcome, result, failure } as never)
  }

  /** What the step returned, as it will be read back; a compensation's return value is not kept. */
  #keepable(effect: Effect & { type: 'run' | 'undo' }, result: unknown): unknown {
    if (effect.type === 'undo') return undefined
    try {
      return stored(result)
    } catch (cause) {
      const { name } = this.#stepOf(effect)
      throw new NonRetryableError(
        `Cannot keep the result of step ${name}: it has no JSON form; return plain data`,
        { cause },
      )
    }
  }

  #failed(effect: Effect & { type: 'run' | 'undo' }, error: unknown): Event {
    if (this.#gone !== undefined) throw this.#gone.reason
    const { name, retry, compensateRetry } = this.#stepOf(effect)
    const options = effect.type === 'run' ? retry : compensateRetry
    const final = isNonRetryable(error) || effect.attempt >= options.maxAttempts
    const retryInMs = Math.round(fullJitterMs(effect.attempt - 1, this.#context.random, options))
    emit<SagaEvent>(this.#context.onEvent, () => ({
      type: effect.type === 'run' ? 'step-failed' : 'compensation-failed',
      ...this.#facts(),
      step: name,
      attempt: effect.attempt,
      error,
      retryInMs: final ? undefined : retryInMs,
    }))
    const during = effect.type === 'run' ? 'run' : 'compensate'
    const failure = toFailure(error, { step: name, during, attempts: effect.attempt })
    return { type: 'failed', failure, final, retryInMs }
  }

  #write({ state, records, effect }: Decision): SagaWrite {
    return {
      id: this.id,
      seq: this.#seq,
      records: JSON.stringify(records),
      row: rowChange(state, records, effect),
    }
  }

  /** Takes over a decision whose records are durable. */
  #committed({ state, records }: Decision, { records: text, row }: SagaWrite): void {
    this.#state = state
    if (text !== '[]' || row !== undefined) this.#seq++
    const { onEvent } = this.#context
    if (onEvent !== undefined) for (const record of records) this.#report(record)
  }

  #report(record: LogRecord): void {
    const { onEvent } = this.#context
    const facts = this.#facts()
    if (record.type === 'done')
      emit<SagaEvent>(onEvent, () => ({ type: 'step-succeeded', ...facts, step: record.step }))
    if (record.type === 'undone')
      emit<SagaEvent>(onEvent, () => ({ type: 'compensated', ...facts, step: record.step }))
    if (record.type === 'compensating') {
      emit<SagaEvent>(onEvent, () => ({ type: 'saga-compensating', ...facts, failure: record.failure }))
    }
    const { phase } = this.#state
    if (record.type === 'ended' || record.type === 'needs-attention') {
      emit<SagaEvent>(onEvent, () => ({
        type: 'saga-settled',
        ...facts,
        status: record.type === 'ended' ? record.status : record.type,
        failure: 'failure' in phase ? phase.failure : undefined,
      }))
    }
  }

  async #pause(action: string, error: unknown, faults: number): Promise<void> {
    if (this.#gone !== undefined) throw this.#gone.reason
    const retryInMs = fullJitterMs(faults, this.#context.random, { baseMs: 20, maxMs: 2_000 })
    emit<SagaEvent>(this.#context.onEvent, () => ({ type: 'store-fault', action, error, retryInMs }))
    await this.#context.clock.sleep(retryInMs, { signal: this.#goneSignal.signal })
  }

  #stepOf(effect: Effect & { type: 'run' | 'undo' }): SagaStep {
    const definition = this.definition.steps[effect.type === 'run' ? effect.index : effect.entry.index]
    if (definition === undefined) throw new Error(`Saga ${this.definition.name} has no such step`)
    return definition
  }

  #facts(): { saga: string; id: string } {
    return { saga: this.definition.name, id: this.id }
  }
}

/** Whether a wait gives the saga up. For a signal always: whoever signals makes it due for any engine. */
const parks = ({ ms, signal }: { ms: number; signal: string | undefined }): boolean =>
  signal !== undefined || ms > PARK_MS

/** What a decision changes in the saga's row; most steps change nothing there. */
function rowChange(state: SagaState, records: readonly LogRecord[], effect: Effect): RowChange | undefined {
  const status = statusOf(state)
  if (effect.type === 'end') return { status, release: true, dueInMs: undefined, seen: ANY_SIGNAL }
  if (effect.type === 'wait') {
    const release = parks(effect)
    const isSleep = records.at(-1)?.type === 'started'
    if (release || isSleep) return { status, release, dueInMs: effect.ms, seen: state.seen }
  }
  const turned = records.some(({ type }) => type === 'compensating')
  return turned ? { status, release: false, dueInMs: undefined, seen: 0 } : undefined
}
