import { type Outcome, QuorateError } from '@quorate/core'
import type { NodeId } from './env.ts'
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

/** A node did not answer a call in time. Whether it has done it, or will, is not known. */
export class CallTimeoutError extends QuorateError {
  readonly code = 'QUORATE_SIM_CALL_TIMEOUT'
  readonly to: NodeId
  readonly method: string
  readonly timeoutMs: number

  constructor({ to, method, timeoutMs }: { to: NodeId; method: string; timeoutMs: number }) {
    super(`Cannot call ${method} of ${to}: no answer in ${timeoutMs} ms; read back before you repeat it`, {
      outcome: 'unknown',
    })
    this.to = to
    this.method = method
    this.timeoutMs = timeoutMs
  }
}

/** The handler of a call threw; `outcome` is what its error said. */
export class CallFailedError extends QuorateError {
  readonly code = 'QUORATE_SIM_CALL_FAILED'
  readonly to: NodeId
  readonly method: string
  /** Name of the error at the other side. */
  readonly remoteName: string

  constructor(facts: { to: NodeId; method: string; name: string; detail: string; outcome: Outcome }) {
    const { to, method, name, detail, outcome } = facts
    super(`Cannot call ${method} of ${to}: it threw ${name}: ${detail}; see what it serves`, { outcome })
    this.to = to
    this.method = method
    this.remoteName = name
  }
}
