import type { History } from '../../../history.ts'
import type { MicroOperation, Operation } from '../../../operation.ts'

/** The operations named, and of their reads only those that read from one of them or the initial state. */
export function restricted(history: History, indices: readonly number[]): History {
  const kept = history.operations.filter(({ index }) => indices.includes(index))
  const stepsOf = ({ status, input, output }: Operation): readonly MicroOperation[] =>
    (status === 'ok' ? output : input) as readonly MicroOperation[]
  const written = new Set(
    kept.flatMap((operation) =>
      stepsOf(operation)
        .filter(([kind]) => kind === 'w')
        .map(([, key, value]) => `${key} ${String(value)}`),
    ),
  )
  const operations = kept.map((operation): Operation => {
    if (operation.status !== 'ok') return operation
    const output = stepsOf(operation).filter(
      ([kind, key, value]) => kind === 'w' || value === 0 || written.has(`${key} ${String(value)}`),
    )
    return { ...operation, output }
  })
  return { ...history, operations }
}
