import { HistoryContentError } from '../errors.ts'
import type { History } from '../history.ts'
import type { Key, Operation } from '../operation.ts'
import type { CheckResult, Violation } from '../result.ts'
import { valueKey } from '../value.ts'

/** Options every invariant takes. */
export interface InvariantOptions {
  /** How many violations the result lists; `violationCount` counts on. Default 100. */
  readonly maxViolations?: number | undefined
}

/** Collects what an invariant finds, in order. */
export class Report {
  readonly #promise: string
  readonly #maxViolations: number
  readonly #violations: Violation[] = []
  #count = 0

  constructor(promise: string, { maxViolations = 100 }: InvariantOptions = {}) {
    if (!(maxViolations >= 0)) {
      throw new RangeError(`Cannot check ${promise}: maxViolations must be 0 or more, got ${maxViolations}`)
    }
    this.#promise = promise
    this.#maxViolations = maxViolations
  }

  /** @param violation or how to make one, if that takes time: those beyond `maxViolations` are only counted. */
  add(violation: Violation | (() => Violation)): void {
    this.#count++
    if (this.#violations.length >= this.#maxViolations) return
    this.#violations.push(typeof violation === 'function' ? violation() : violation)
  }

  /** @param unknown why the history does not tell; counts only if nothing was broken. */
  result(stats: Record<string, number>, unknown?: string): CheckResult {
    const verdict = this.#count > 0 ? 'violated' : unknown === undefined ? 'ok' : 'unknown'
    return {
      verdict,
      promise: this.#promise,
      violations: this.#violations,
      violationCount: this.#count,
      ...(verdict === 'unknown' ? { reason: unknown } : {}),
      stats: { operations: 0, ...stats },
    }
  }
}

/** Operations of each key; `undefined` for those that have none. */
export function byKey(history: History): Map<Key | undefined, Operation[]> {
  const parts = new Map<Key | undefined, Operation[]>()
  for (const operation of history.operations) {
    const part = parts.get(operation.key)
    if (part === undefined) parts.set(operation.key, [operation])
    else part.push(operation)
  }
  return parts
}

/** @throws HistoryContentError if an operation is not one of these. */
export function mustBeNamed(history: History, promise: string, names: readonly string[]): void {
  for (const { op, index, line } of history.operations) {
    if (names.includes(op)) continue
    throw new HistoryContentError(index, `${promise} knows ${names.join(', ')}, got ${op}`, line)
  }
}

/** What a read of a whole collection saw. @throws HistoryContentError if it is not a list. */
export function listOf(operation: Operation, what: string): readonly unknown[] {
  const { output, index, line } = operation
  if (Array.isArray(output)) return output
  throw new HistoryContentError(index, `${what} must be a list, got ${valueKey(output)}`, line)
}

/**
 * Whole numbers only: a sum of fractions depends on their order (0.1 + 0.2 is not 0.3), and would accuse a service
 * that counts exactly.
 *
 * @throws HistoryContentError if it is not a whole number that a `number` holds exactly.
 */
export function numberOf(operation: Operation, value: unknown, what: string): number {
  if (Number.isSafeInteger(value)) return value as number
  const how = typeof value === 'number' ? 'whole number (count in the smallest unit)' : 'whole number'
  throw new HistoryContentError(
    operation.index,
    `${what} must be a ${how}, got ${valueKey(value)}`,
    operation.line,
  )
}

/** How an operation is called in messages. */
export const at = (operation: Operation): string => `#${operation.index}`

/** The value as it stands in a message. */
export const shown = (value: unknown): string => valueKey(value)
