/** What a text may cost to read. Beyond any of these it is refused; nothing is cut off silently. */
export interface ReadLimits {
  /** Longest text, in bytes, or in UTF-16 units if it is a string. Default 256 MiB. */
  readonly maxBytes?: number | undefined
  /** Most operations; values of all of them together may be 16 times as many. Default 2,000,000. */
  readonly maxOperations?: number | undefined
  /** Deepest nesting of brackets. From 1 to 1,000, default 64. */
  readonly maxDepth?: number | undefined
}

/** {@link ReadLimits}, checked and complete. */
export interface Limits {
  readonly maxBytes: number
  readonly maxOperations: number
  readonly maxDepth: number
}

const DEFAULTS: Limits = { maxBytes: 256 * 1024 * 1024, maxOperations: 2_000_000, maxDepth: 64 }

export function checkedLimits(options: ReadLimits): Limits {
  const limits: Limits = {
    maxBytes: options.maxBytes ?? DEFAULTS.maxBytes,
    maxOperations: options.maxOperations ?? DEFAULTS.maxOperations,
    maxDepth: options.maxDepth ?? DEFAULTS.maxDepth,
  }
  for (const name of ['maxBytes', 'maxOperations', 'maxDepth'] as const) {
    const value = limits[name]
    if (!(value >= 1)) throw new RangeError(`${name} must be at least 1, not ${value}`)
  }
  // The readers recurse once per bracket: 1,000 levels fit every stack.
  if (limits.maxDepth > 1000) throw new RangeError(`maxDepth must be at most 1000, not ${limits.maxDepth}`)
  return limits
}
