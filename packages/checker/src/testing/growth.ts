// What work costs as its input grows, by the CPU of this process: how fast the machine is, and what else it does at the
// same time, makes no difference.

/** What {@link growthOf} gives for linear work is about 16, or twice that if much is garbage; for quadratic work 256. */
export const MOST_IF_LINEAR = 80

/** Less than that is no measure of anything. */
const GRAIN_MS = 0.1

/** The CPU that work takes, ms. */
export function cpuMsOf(work: () => unknown): number {
  // Not of the thread, which some kernels count in milliseconds.
  const before = process.cpuUsage()
  work()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000
}

/** How many times as much CPU a work takes on an input sixteen times as large. */
export function growthOf<T>(size: number, inputOf: (size: number) => T, work: (input: T) => unknown): number {
  const cost = (of: number): number => {
    const input = inputOf(of)
    // The least of some: the collector comes when it wants.
    return Math.min(...Array.from({ length: 3 }, () => cpuMsOf(() => work(input))))
  }
  const large = cost(16 * size)
  return large / Math.max(cost(size), GRAIN_MS)
}
