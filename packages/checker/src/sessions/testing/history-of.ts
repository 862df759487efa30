import type { History } from '../../history.ts'
import type { Operation } from '../../operation.ts'

export type Step = Partial<Operation> & Pick<Operation, 'op'>

export const read = (process: number, key: string, output: unknown, more: Partial<Operation> = {}): Step => ({
  op: 'read',
  process,
  key,
  output,
  ...more,
})
export const write = (process: number, key: string, input: unknown, more: Partial<Operation> = {}): Step => ({
  op: 'write',
  process,
  key,
  input,
  ...more,
})
export const txn = (process: number, ...output: (readonly [string, string, unknown])[]): Step => ({
  op: 'txn',
  process,
  output,
  input: output,
})

/** One after the other, unless steps say `start` and `end`. */
export function historyOf(steps: readonly Step[], more: Partial<History> = {}): History {
  const operations = steps.map((step, index): Operation => {
    const status = step.status ?? 'ok'
    const end = status === 'ok' ? index * 2 + 1 : Infinity
    return { index, process: 0, status, start: index * 2, end, ...step }
  })
  return { operations, faults: [], realTime: true, ...more }
}
