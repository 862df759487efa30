// The one file of this package that may touch the machine's clock.

/** The machine's wall clock, ms since the Unix epoch. */
export const systemNow = (): number => Date.now()

/** Ms that pass whatever happens to the wall clock; only differences mean anything. */
export const systemMonotonic = (): number => performance.now()
