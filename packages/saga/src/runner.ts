import { emit, fullJitterMs } from '@quorate/core'
import { SagaFencedError } from './errors.ts'
import type { SagaEvent } from './events.ts'
import { toFailure } from './failure.ts'
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
  step,
} from './protocol.ts'
import { reportRecord } from './record-events.ts'
import { parks, rowChange } from './row-change.ts'
import type { Definition, RunnerContext } from './run-context.ts'
import { planOf, type SagaStep } from './saga.ts'
import { StepCalls, type StepEffect } from './step-calls.ts'
import { type SagaWrite, type StoredSaga, StoreFault, type WriteReply } from './store.ts'

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
  readonly #calls: StepCalls
  #state: SagaState = initialState
  #seq = 0
  /** Aborted when the saga is taken away: nothing more is written. */
  readonly #gone = new AbortController()

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
    let plan = plans.get(definition.steps)
    if (plan === undefined) plans.set(definition.steps, (plan = planOf(definition.steps)))
    this.#plan = plan
    this.#calls = new StepCalls({ context, definition, plan, saga, gone: this.#gone.signal })
  }

  /** The lease is lost, or the engine stops without waiting: nothing more is written. */
  abandon(reason: unknown): void {
    this.#gone.abort(reason)
    this.#calls.abort(reason)
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
      if (this.#isGone) return { type: 'left' }
      try {
        next = await this.#advance(next)
      } catch (error) {
        if (!(error instanceof SagaFencedError) && !this.#isGone) throw error
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
    await this.#context.clock.sleep(ms, { signal: this.#gone.signal })
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

  async #callStep(effect: StepEffect): Promise<Next> {
    const call = this.#calls.prepare(effect)
    try {
      const result = await this.#calls.make(call, effect, this.#state, undefined)
      return { event: { type: 'succeeded', result } }
    } catch (error) {
      return { event: this.#calls.failed(effect, error) }
    } finally {
      this.#calls.end()
    }
  }

  /** Runs a step and its checkpoint in one transaction, repeated as long as the store is at fault. */
  async #transact(effect: StepEffect): Promise<Next> {
    for (let faults = 0; ; faults++) {
      const call = this.#calls.prepare(effect)
      let decision: Decision | undefined
      let write: SagaWrite | undefined
      let free: (() => void) | undefined
      try {
        free = await this.#context.txSlots.acquire(this.#gone.signal)
        const reply = await this.#context.store.transact(this.worker, call.signal, async (tx) => {
          const result = await this.#calls.make(call, effect, this.#state, tx)
          decision = step(this.#plan, this.#state, { type: 'succeeded', result })
          write = this.#write(decision)
          return write
        })
        if (decision === undefined || write === undefined) throw new Error('The transaction ran no body')
        this.#committed(decision, write)
        return { decision, reply }
      } catch (error) {
        if (error instanceof SagaFencedError || this.#isGone) throw error
        if (!(error instanceof StoreFault)) return { event: this.#calls.failed(effect, error) }
        free?.()
        free = undefined
        await this.#pause('run a transaction', error, faults)
        // The commit may have got through with its acknowledgement lost: the log knows.
        const before = this.#seq
        const next = await this.#reload()
        if (next === undefined || this.#seq !== before) return next
      } finally {
        free?.()
        this.#calls.end()
      }
    }
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
    if (onEvent === undefined) return
    const facts = { saga: this.definition.name, id: this.id }
    for (const record of records) reportRecord(onEvent, facts, record, state)
  }

  async #pause(action: string, error: unknown, faults: number): Promise<void> {
    this.#gone.signal.throwIfAborted()
    const retryInMs = fullJitterMs(faults, this.#context.random, { baseMs: 20, maxMs: 2_000 })
    emit<SagaEvent>(this.#context.onEvent, () => ({ type: 'store-fault', action, error, retryInMs }))
    await this.#context.clock.sleep(retryInMs, { signal: this.#gone.signal })
  }

  get #isGone(): boolean {
    return this.#gone.signal.aborted
  }
}
