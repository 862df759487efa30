import type { Clock } from '@quorate/core'
import { Deadline } from './deadline.ts'
import type { DecisionLog } from './postgres/decision-log.ts'
import type { PgPool } from './postgres/port.ts'
import type { Isolation } from './postgres/sql.ts'
import type { CoordinatorSpans } from './spans.ts'

/** One transaction and what it needs. */
export interface TransactionSetup {
  readonly id: string
  readonly epoch: string
  /** The log's name. */
  readonly logName: string
  readonly log: DecisionLog
  /** The participant that keeps the log. */
  readonly logAt: string | undefined
  /** Those to begin on, in the order in which connections are taken: the same for all, so that nobody waits in a circle. */
  readonly pools: ReadonlyMap<string, PgPool>
  readonly isolation: Isolation | undefined
  readonly timeoutMs: number
  readonly graceMs: number
  readonly clock: Clock
  /** For the time until the decision. */
  readonly deadline: Deadline
  readonly spans: CoordinatorSpans | undefined
}

/** Tries until the time is over: a server that is being restarted is worth waiting for. */
export async function insist<T>(
  setup: TransactionSetup,
  attempt: (late: Deadline) => Promise<T>,
): Promise<T> {
  using late = graceOf(setup)
  for (let delayMs = 20; ; delayMs *= 2) {
    try {
      return await attempt(late)
    } catch (error) {
      if (late.isOver) throw error
      await setup.clock.sleep(delayMs, { signal: late.signal }).catch(() => {})
      if (late.isOver) throw error
    }
  }
}

/** The caller's signal does not end what has been sent: it could not be taken back. */
export function graceOf({ clock, graceMs }: TransactionSetup): Deadline {
  return new Deadline(clock, graceMs, () => new Error(`no answer within ${graceMs} ms`))
}
