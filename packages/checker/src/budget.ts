/** How much a check may spend before it answers `unknown`. Both bounds are soft by a few per cent. */
export interface BudgetOptions {
  /** Stops after so many ms. Default 60,000. `Infinity` lifts the bound. */
  readonly maxTimeMs?: number | undefined
  /** Stops when the check's own tables take so many bytes, by its own count. Default 512 MiB. */
  readonly maxBytes?: number | undefined
  /** Monotonic ms, for `maxTimeMs`. Default: the machine's. */
  readonly monotonic?: (() => number) | undefined
}
