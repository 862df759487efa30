import type { LogRecord } from './log.ts'
import { type Effect, type SagaState, statusOf } from './protocol.ts'
import type { RowChange } from './store.ts'

/** Waits up to this long stay in memory; longer ones give the saga up until it is due. */
const PARK_MS = 1_000
/** Larger than any signal's number: nothing that arrived keeps an ended saga open. */
const ANY_SIGNAL = 2_147_483_647

/** Whether a wait gives the saga up. For a signal always: whoever signals makes it due for any engine. */
export const parks = ({ ms, signal }: { ms: number; signal: string | undefined }): boolean =>
  signal !== undefined || ms > PARK_MS

/** What a decision changes in the saga's row; most steps change nothing there. */
export function rowChange(
  state: SagaState,
  records: readonly LogRecord[],
  effect: Effect,
): RowChange | undefined {
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
