// CPU time of short synchronous calls: on a machine with other work the time on the wall is mostly that of others.
import type { Sample } from '../harness/index.ts'

/** Where results go, so that the compiler cannot drop the work; exported, so that it must be kept. */
export let sink: unknown

type Loop = (from: number, count: number) => unknown

/**
 * A round of calls: user and system CPU of this process, ns per call, with the threads of the collector and the
 * compiler. The number of calls is found in the warm-up round, so that a round takes about `roundMs`.
 */
export function cpuTimed(
  metric: string,
  operation: (index: number) => unknown,
  roundMs: number,
): () => Sample {
  // A loop compiled for this one operation, as in the harness: a shared one would stop inlining.
  // oxlint-disable-next-line typescript/no-implied-eval -- a fresh function is the point, and its text is ours
  const make = new Function(
    'operation',
    `return (from, count) => {
      let last
      for (let index = from; index < from + count; index++) last = operation(index)
      return last
    }`,
  ) as (operation: (index: number) => unknown) => Loop
  const loop = make(operation)
  let count = 0
  let next = 0
  const run = (): number => {
    const before = process.cpuUsage()
    sink = loop(next, count)
    const { user, system } = process.cpuUsage(before)
    next += count
    return (user + system) * 1_000
  }
  return () => {
    if (count === 0) {
      count = 16
      // Doubling also gives the optimizer its time to settle.
      while (run() < (roundMs * 1e6) / 2) count *= 2
    }
    return { [metric]: run() / count }
  }
}
