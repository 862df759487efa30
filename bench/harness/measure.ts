import { percentile } from './statistics.ts'
import type { Sample } from './rounds.ts'

/** Where results go, so that the compiler cannot drop the work; exported, so that it must be kept. */
export let sink: unknown

type Loop = (from: number, count: number) => unknown

/**
 * A round of synchronous code: ns per call. The number of calls is found in the warm-up round so that a
 * round takes about `roundMs`.
 *
 * @param metric the group's metric that the time goes to.
 * @param operation gets 0, 1, 2, … and returns its answer.
 * @param roundMs how long one round should take, ms. Default 200.
 */
export function timed(metric: string, operation: (index: number) => unknown, roundMs = 200): () => Sample {
  const loop = loopOf(operation)
  let count = 0
  let next = 0
  const run = (): number => {
    const start = process.hrtime.bigint()
    sink = loop(next, count)
    const elapsedNs = Number(process.hrtime.bigint() - start)
    next += count
    return elapsedNs
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

/**
 * A loop compiled for this one operation. A shared loop would see many callees, stop inlining them and
 * charge each case for the company it keeps.
 */
function loopOf(operation: (index: number) => unknown): Loop {
  // oxlint-disable-next-line typescript/no-implied-eval -- a fresh function is the point, and its text is ours
  const make = new Function(
    'operation',
    `return (from, count) => {
      let last
      for (let index = from; index < from + count; index++) last = operation(index)
      return last
    }`,
  ) as (operation: (index: number) => unknown) => Loop
  return make(operation)
}

/** How long threads of the collector and the compiler may go on with what came before, ms. */
const SETTLE_MS = 30
const nobody = new Int32Array(new SharedArrayBuffer(4))

/**
 * User and system CPU that synchronous work takes in this process, ms, with the threads of the garbage collector and the
 * compiler. The clock's grain is about 1 µs.
 *
 * With `node --expose-gc` young garbage is collected first. Not all garbage: a full collection also drops machine code
 * that knows objects which died, and the compiler would make it again in every round, at the price of some works three
 * times over.
 */
export function cpuMsOf<T>(work: () => T): { readonly ms: number; readonly result: T } {
  globalThis.gc?.({ type: 'minor' })
  Atomics.wait(nobody, 0, 0, SETTLE_MS)
  const before = process.cpuUsage()
  const result = work()
  const { user, system } = process.cpuUsage(before)
  return { ms: (user + system) / 1_000, result }
}

/** What {@link underLoad} measured. */
export interface Load {
  readonly calls: number
  readonly perSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** User and system CPU of this process, not of the servers, µs per call. */
  readonly cpuUsPerCall: number
}

/** Options of {@link underLoad}. */
export interface LoadOptions {
  /** Calls in flight at any time; 1 is one after the other. */
  readonly concurrency: number
  /** No call starts after this, ms; those in flight are waited for and counted. */
  readonly durationMs: number
}

/**
 * Keeps `concurrency` calls in flight for `durationMs`. A call that throws ends the run with its error:
 * expected refusals must be handled (and counted) by the operation.
 *
 * @param operation gets the number of the call and of its worker (0 to concurrency - 1).
 */
export async function underLoad(
  operation: (call: number, worker: number) => Promise<unknown>,
  { concurrency, durationMs }: LoadOptions,
): Promise<Load> {
  const latencies: number[] = []
  let calls = 0
  let failed = false
  const cpuBefore = process.cpuUsage()
  const startMs = performance.now()
  const untilMs = startMs + durationMs
  const work = async (worker: number): Promise<void> => {
    while (!failed && performance.now() < untilMs) {
      const before = performance.now()
      try {
        await operation(calls++, worker)
      } catch (error) {
        failed = true // the others stop too, before the error is reported
        throw error
      }
      latencies.push(performance.now() - before)
    }
  }
  const ends = await Promise.allSettled(Array.from({ length: concurrency }, (_, worker) => work(worker)))
  for (const end of ends) if (end.status === 'rejected') throw end.reason
  const elapsedMs = performance.now() - startMs
  const cpu = process.cpuUsage(cpuBefore)
  return {
    calls: latencies.length,
    perSecond: (latencies.length / elapsedMs) * 1_000,
    p50Ms: percentile(latencies, 50),
    p99Ms: percentile(latencies, 99),
    cpuUsPerCall: (cpu.user + cpu.system) / latencies.length,
  }
}
