import { formatFault } from './plan-codec.ts'
import type { HistoryEntry, Run } from './history.ts'

/** An operation in the words of a checker's model. */
export interface Words {
  /** `read`, `write`, `cas`, `acquire` … */
  readonly op: string
  readonly key?: number | string | undefined
  readonly input?: unknown
  /** Default: what `perform` returned. */
  readonly output?: unknown
}

/** An operation as `@quorate/checker` takes it. */
export interface CheckerOperation extends Words {
  readonly index: number
  readonly process: number
  readonly status: 'ok' | 'fail' | 'unknown'
  readonly start: number
  readonly end: number
  readonly startMs: number
  readonly endMs?: number | undefined
}

/** A fault as `@quorate/checker` draws it. */
export interface CheckerFault {
  readonly name: string
  readonly targets: readonly string[]
  readonly start: number
  readonly end: number
  readonly startMs: number
  readonly endMs?: number | undefined
  readonly detail: string
}

/** What every check of `@quorate/checker` takes, and `renderTimeline`. */
export interface CheckerHistory {
  readonly operations: readonly CheckerOperation[]
  readonly faults: readonly CheckerFault[]
  readonly realTime: true
  readonly name: string
}

/**
 * The history of a run for `@quorate/checker`.
 *
 * @param words says an operation in the words of the model.
 *
 * @example
 * ```ts
 * checkLinearizable(historyOf(run, ({ call }) => ({ op: call.do, input: call.value })), register())
 * ```
 */
export function historyOf<Api, Call, Output>(
  run: Run<Api, Call, Output>,
  words: (entry: HistoryEntry<Call, Output>) => Words,
): CheckerHistory {
  return {
    operations: run.history.map((entry) => {
      const { index, process, status, start, end, startMs, endMs, output } = entry
      const facts = { index, process, status, start, end, startMs, ...(endMs === Infinity ? {} : { endMs }) }
      return { ...facts, output, ...words(entry) }
    }),
    faults: run.faultTimes.map(({ fault, start, end, startMs, endMs }) => ({
      name: fault.kind,
      targets: fault.kind === 'cut' ? [...fault.from, ...fault.to] : 'node' in fault ? [fault.node] : [],
      start,
      end,
      startMs,
      ...(endMs === Infinity ? {} : { endMs }),
      detail: formatFault(fault),
    })),
    realTime: true,
    name: run.line,
  }
}
