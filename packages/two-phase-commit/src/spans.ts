import type { EventListener } from '@quorate/core'
import type { CoordinatorEvent } from './events.ts'
import type { Decision } from './machine.ts'

/** One thing that is asked of one server, until it is answered or the time for it is over. */
export interface SpanStep {
  /** `ROLLBACK` is of what is prepared, or open yet. `settle` asks for the decision, or for what became of a COMMIT. */
  readonly operation:
    | 'PREPARE TRANSACTION'
    | 'COMMIT'
    | 'COMMIT PREPARED'
    | 'ROLLBACK'
    | 'ROLLBACK PREPARED'
    | 'settle'
  readonly server: string
}

/** What recovery made of a transaction. */
export interface SpanRecovery {
  readonly decision: Decision | undefined
  /** Who has yet to be told. */
  readonly left: ReadonlySet<string>
  /** The first failure. */
  readonly cause: unknown
}

/**
 * Draws what a coordinator does, for a trace. Made by `twoPhaseCommitSpans` of `@quorate/two-phase-commit/otel`. Each
 * method calls `run` once and before it returns, returns the promise of that, and never throws. What runs in there,
 * and after its waits, belongs to the span.
 */
export interface CoordinatorSpans {
  /** @param run reports to what it is given what became of the transaction, before its promise settles. */
  transaction<T>(
    participants: readonly string[],
    run: (onEvent: EventListener<CoordinatorEvent> | undefined) => Promise<T>,
  ): Promise<T>
  /** Of a transaction that was found without its coordinator: it belongs to no other span. */
  recovery<T extends SpanRecovery>(
    id: string,
    participants: readonly string[],
    run: () => Promise<T>,
  ): Promise<T>
  step<T>(step: SpanStep, run: () => Promise<T>): Promise<T>
}

/** Runs one step, in a span if there are any. */
export function drawn<T>(
  spans: CoordinatorSpans | undefined,
  operation: SpanStep['operation'],
  server: string,
  run: () => Promise<T>,
): Promise<T> {
  return spans === undefined ? run() : spans.step({ operation, server }, run)
}
