import { QuorateError } from '@quorate/core'
import type { Failure } from './history.ts'

/** Simulated code called the machine's clock, timers, chance or network: such a run could not be repeated. */
export class AmbientUseError extends QuorateError {
  readonly code = 'QUORATE_SIM_AMBIENT'
  /** What was called: `Date.now`, `Math.random`, `setTimeout` … */
  readonly called: string

  constructor({ name, instead }: { name: string; instead: string }) {
    super(`Cannot call ${name} in a simulation: the run could not be repeated; ${instead}`, {
      outcome: 'not-applied',
    })
    this.called = name
  }
}

/** A seed failed; `failure` is the smallest run found that still does. */
export class SimulationFailedError extends QuorateError {
  readonly code = 'QUORATE_SIM_FAILED'
  readonly failure: Failure

  constructor({ failure, message }: { failure: Failure; message: string }) {
    super(message, { outcome: 'not-applied', cause: failure.cause })
    this.failure = failure
  }
}

/** A replay line that cannot be read, or does not fit the scenario. */
export class ReplayLineError extends QuorateError {
  readonly code = 'QUORATE_SIM_LINE'
  readonly line: string

  constructor({ line, detail }: { line: string; detail: string }) {
    super(`Cannot replay "${line}": ${detail}; copy the whole line that the failure printed`, {
      outcome: 'not-applied',
    })
    this.line = line
  }
}
