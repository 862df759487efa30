import { systemMonotonic } from './system-clock.ts'

/** How much a check may spend before it answers `unknown`. Both bounds are soft by a few per cent. */
export interface BudgetOptions {
  /** Stops after so many ms, above 0. Default 60,000. `Infinity` lifts the bound. */
  readonly maxTimeMs?: number | undefined
  /** Stops when the check's own tables take so many bytes, above 0, by its own count. Default 512 MiB. */
  readonly maxBytes?: number | undefined
  /** Monotonic ms, for `maxTimeMs`. Default: the machine's. */
  readonly monotonic?: (() => number) | undefined
}

/** A budget with its defaults filled in. */
export interface Budget {
  readonly maxTimeMs: number
  readonly maxBytes: number
  readonly monotonic: () => number
}

/** @throws RangeError for a bound that is not above 0. */
export function budgetOf({
  maxTimeMs = 60_000,
  maxBytes = 512 * 2 ** 20,
  monotonic = systemMonotonic,
}: BudgetOptions): Budget {
  for (const [name, value] of Object.entries({ maxTimeMs, maxBytes }))
    if (!(value > 0)) throw new RangeError(`${name} must be above 0, got ${value}`)
  return { maxTimeMs, maxBytes, monotonic }
}
