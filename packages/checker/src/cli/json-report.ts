import type { Operation } from '../operation.ts'
import type { Facts } from './text-report.ts'

/**
 * The result as it is, for programs, and by index every operation that its violations name. A `bigint` is a text
 * there, and an end that never came is left out.
 */
export function jsonReport({ history, result, check, tookMs }: Facts): string {
  const named = new Set([
    ...result.violations.flatMap(({ operations, edges }) => [
      ...operations,
      ...(edges ?? []).flatMap(({ from, to }) => [from, to]),
    ]),
    ...(result.counterexample === undefined
      ? []
      : [result.counterexample.firstBad, ...result.counterexample.minimal]),
  ])
  const operations: Record<number, Operation> = {}
  for (const index of [...named].toSorted((a, b) => a - b)) {
    const operation = history.operations[index]
    if (operation !== undefined) operations[index] = operation
  }
  const report = { file: history.name, model: check.name, level: check.level, ...result, operations, tookMs }
  return `${JSON.stringify(report, plain)}\n`
}

function plain(_key: string, value: unknown): unknown {
  if (typeof value === 'bigint') return String(value)
  if (value instanceof Map) return Object.fromEntries(value as Map<string, unknown>)
  if (value instanceof Set) return [...value]
  return value === Infinity ? undefined : value
}
