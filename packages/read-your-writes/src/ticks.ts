let ticks = 0

/** Counts what happens in this process: of two events one comes first, and no clock is fine enough to tell which. */
export function nextTick(): number {
  return ++ticks
}
