/** The machine's monotonic clock, ms: for budgets, and for the times in a picture. Never decides a verdict. */
export const systemMonotonic = (): number => performance.now()
