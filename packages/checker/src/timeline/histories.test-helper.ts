import type { Fault, History } from '../history.ts'
import type { Operation } from '../operation.ts'
import type { CheckResult, Edge } from '../result.ts'

/** An operation in one line; `times` in events, and in ms, 7 to an event. */
export function operation(
  index: number,
  process: number | string,
  op: string,
  [start, end]: readonly [number, number],
  more: Partial<Operation> = {},
): Operation {
  const ms = { startMs: start * 7 + 1, endMs: Math.min(end, start + 9) * 7 + 1 }
  return { index, process, op, start, end, status: 'ok', ...ms, ...more }
}

export const history = (
  operations: readonly Operation[],
  faults: readonly Fault[] = [],
  more: Partial<History> = {},
): History => ({ operations, faults, realTime: true, ...more })

export const violated = (promise: string, more: Partial<CheckResult> = {}): CheckResult => ({
  verdict: 'violated',
  promise,
  violations: [],
  violationCount: more.violations?.length ?? 0,
  stats: {},
  ...more,
})

/** Ten operations under a partition: `admin` reads what `checkout` had overwritten. */
export const STALE_READ: History = history(
  [
    operation(0, 'checkout', 'write', [0, 1], { input: 1 }),
    operation(1, 'basket', 'read', [2, 4], { output: 1 }),
    operation(2, 'checkout', 'write', [3, 6], { input: 2 }),
    operation(3, 'search', 'read', [5, 8], { output: 1 }),
    operation(4, 'basket', 'read', [7, 9], { output: 2 }),
    operation(5, 'checkout', 'cas', [10, 13], { input: [2, 3], output: true }),
    operation(6, 'search', 'write', [11, Infinity], { input: 9, status: 'unknown' }),
    operation(7, 'basket', 'read', [12, 14], { output: 3 }),
    operation(8, 'admin', 'read', [15, 17], { output: 1 }),
    operation(9, 'basket', 'write', [16, 18], { input: 4, status: 'fail' }),
  ],
  [{ name: 'partition', targets: ['primary', 'replica-2'], start: 4.5, end: 15.5, startMs: 33, endMs: 110 }],
  { name: 'stale-read.edn' },
)

export const STALE_READ_RESULT: CheckResult = violated('linearizable cas-register', {
  violations: [
    { name: 'not-linearizable', message: '#8 read 1, which #2 had overwritten', operations: [8, 0, 2, 4] },
  ],
  counterexample: {
    firstBad: 8,
    longestPrefix: [0, 1, 3, 2, 4, 5, 7],
    stateAfterPrefix: '3',
    minimal: [0, 2, 4, 8],
    isMinimal: true,
  },
})

const edge = (from: number, to: number, kind: Edge['kind'], key: string, because: string): Edge => ({
  from,
  to,
  kind,
  key,
  because,
})

/** Two transactions that each read what the other overwrites. */
export const WRITE_SKEW: History = history(
  [
    operation(0, 0, 'txn', [0, 1], {
      input: [
        ['w', 'x', 1],
        ['w', 'y', 1],
      ],
      output: [
        ['w', 'x', 1],
        ['w', 'y', 1],
      ],
    }),
    operation(1, 1, 'txn', [2, 5], {
      input: [
        ['r', 'y', null],
        ['w', 'x', 0],
      ],
      output: [
        ['r', 'y', 1],
        ['w', 'x', 0],
      ],
    }),
    operation(2, 2, 'txn', [3, 6], {
      input: [
        ['r', 'x', null],
        ['w', 'y', 0],
      ],
      output: [
        ['r', 'x', 1],
        ['w', 'y', 0],
      ],
    }),
    operation(3, 0, 'txn', [8, 9], { input: [['r', 'x', null]], output: [['r', 'x', 0]] }),
  ],
  [],
  { name: 'write-skew' },
)

export const WRITE_SKEW_RESULT: CheckResult = violated('serializable', {
  violations: [
    {
      name: 'G2-item',
      message: '#1 and #2 each read what the other overwrote',
      operations: [1, 2],
      edges: [
        edge(1, 2, 'rw', 'y', '#1 read 1 from y, which #2 overwrote with 0'),
        edge(2, 1, 'rw', 'x', '#2 read 1 from x, which #1 overwrote with 0'),
      ],
    },
  ],
})

/** Writes, each after the other, dealt out to `processes`; one in ten unknown. */
export function longHistory(count: number, processes: number, keys = 1): History {
  return history(
    Array.from({ length: count }, (_, index) =>
      operation(index, index % processes, 'write', [index * 2, index * 2 + 1], {
        input: index,
        key: keys > 1 ? `k${index % keys}` : undefined,
        ...(index % 10 === 7 ? { status: 'unknown', end: Infinity } : {}),
      }),
    ),
    [],
    { name: `${count} writes` },
  )
}
