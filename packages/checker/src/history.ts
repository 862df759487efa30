import type { Operation } from './operation.ts'

/** A time in which something was broken on purpose, for the picture. */
export interface Fault {
  /** What was done: `partition`, `kill`, `pause` … */
  readonly name: string
  /** To what: names of nodes, links or regions. */
  readonly targets: readonly string[]
  /** Places on the time line of the operations, as {@link Operation.start}. */
  readonly start: number
  /** `Infinity` if it was never healed. */
  readonly end: number
  readonly startMs?: number | undefined
  readonly endMs?: number | undefined
  /** What else is worth telling: `drop, both directions`. */
  readonly detail?: string | undefined
}

/**
 * What happened. Every check takes one; `createHistory()` records one, `parseHistory()` reads one from a file.
 */
export interface History {
  /** In order of `start`. */
  readonly operations: readonly Operation[]
  readonly faults: readonly Fault[]
  /**
   * Does `start`/`end` order operations of different processes? `false` for formats that list sessions
   * only: then nothing but the order within each process counts, and linearizability cannot be judged.
   */
  readonly realTime: boolean
  /** The value every object has before its first write, where the format says so. */
  readonly initial?: unknown
  /** For example a file name, for messages and the title of the picture. */
  readonly name?: string | undefined
}
