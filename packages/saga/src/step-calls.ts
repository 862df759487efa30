import { emit, fullJitterMs } from '@quorate/core'
import { type Call, prepareCall } from './call.ts'
import { isNonRetryable, NonRetryableError } from './errors.ts'
import type { SagaEvent } from './events.ts'
import { toFailure } from './failure.ts'
import { stored } from './json.ts'
import { type Effect, type Event, type Plan, resultsOf, type SagaState } from './protocol.ts'
import type { Definition, RunnerContext } from './run-context.ts'
import type { SagaStep } from './saga.ts'

/** An effect that calls a function of the definition: a step, or its compensation. */
export type StepEffect = Effect & { readonly type: 'run' | 'undo' }

interface StepCallsOptions {
  readonly context: RunnerContext
  readonly definition: Definition
  readonly plan: Plan
  readonly saga: { readonly id: string; readonly input: unknown }
  /** Aborted when the saga is taken away from this engine. */
  readonly gone: AbortSignal
}

/** Calls the functions of one saga's definition, one at a time, and says what came of it. */
export class StepCalls {
  readonly #options: StepCallsOptions
  #call: Call<unknown> | undefined

  constructor(options: StepCallsOptions) {
    this.#options = options
  }

  /** Gives up the call under way. */
  abort(reason: unknown): void {
    this.#call?.abort(reason)
  }

  /** A call that is to be made next, until `end()`. */
  prepare(effect: StepEffect): Call<unknown> {
    const { context, gone } = this.#options
    const { name, deadlineMs } = this.#stepOf(effect)
    const call = prepareCall(context.deadlines, name, deadlineMs)
    this.#call = call
    if (gone.aborted) call.abort(gone.reason)
    emit<SagaEvent>(context.onEvent, () => ({
      type: effect.type === 'run' ? 'step-started' : 'compensation-started',
      ...this.#facts(),
      step: name,
      attempt: effect.attempt,
    }))
    return call
  }

  /** Makes the call. @returns what the step returned, as it will be read back; nothing of a compensation. */
  async make(call: Call<unknown>, effect: StepEffect, state: SagaState, tx: unknown): Promise<unknown> {
    const result = await call.start((signal) => this.#invoke(effect, state, signal, tx))
    return effect.type === 'undo' ? undefined : this.#keepable(effect, result)
  }

  /** The call is over, or given up. */
  end(): void {
    this.#call = undefined
  }

  /** What the failure of a call means for the saga. @throws why the saga is gone, if it is. */
  failed(effect: StepEffect, error: unknown): Event {
    const { context, gone } = this.#options
    gone.throwIfAborted()
    const { name, retry, compensateRetry } = this.#stepOf(effect)
    const options = effect.type === 'run' ? retry : compensateRetry
    const final = isNonRetryable(error) || effect.attempt >= options.maxAttempts
    const retryInMs = Math.round(fullJitterMs(effect.attempt - 1, context.random, options))
    emit<SagaEvent>(context.onEvent, () => ({
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

  #invoke(effect: StepEffect, state: SagaState, signal: AbortSignal, tx: unknown): unknown {
    const { definition, plan, saga } = this.#options
    const { name, run, compensate } = this.#stepOf(effect)
    const key = `${definition.name}/${saga.id}/${name}`
    const common = {
      sagaId: saga.id,
      input: saga.input,
      results: resultsOf(plan, state),
      key,
      attempt: effect.attempt,
      signal,
      tx,
    }
    if (effect.type === 'run') return run?.(common as never)
    const { outcome, result } = effect.entry
    const failure = state.phase.at === 'compensating' ? state.phase.failure : undefined
    return compensate?.({ ...common, compensationKey: `${key}/undo`, outcome, result, failure } as never)
  }

  #keepable(effect: StepEffect, result: unknown): unknown {
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

  #stepOf(effect: StepEffect): SagaStep {
    const { name, steps } = this.#options.definition
    const step = steps[effect.type === 'run' ? effect.index : effect.entry.index]
    if (step === undefined) throw new Error(`Saga ${name} has no such step`)
    return step
  }

  #facts(): { saga: string; id: string } {
    return { saga: this.#options.definition.name, id: this.#options.saga.id }
  }
}
