import type { NodeId } from './env.ts'
import type { Fault } from './faults.ts'

/** One operation of a run, and what became of it. */
export interface HistoryEntry<Call = unknown, Output = unknown> {
  /** Its place in `run.history`, which is in order of start. */
  readonly index: number
  /** Its place in the workload. */
  readonly planned: number
  readonly on: NodeId
  /** A client that crashed in the middle of an operation goes on as another process, as in Jepsen's histories. */
  readonly process: number
  readonly call: Call
  /**
   * - `ok`: it happened, with this output.
   * - `fail`: it did not happen and never will.
   * - `unknown`: it may have happened, may yet happen, or never will.
   */
  readonly status: 'ok' | 'fail' | 'unknown'
  readonly output?: Output | undefined
  /** What `perform` threw. */
  readonly error?: unknown
  /** Places on the time line, each taken once: an `end` below another's `start` is "before". */
  readonly start: number
  /** `Infinity` if it never ended or is `unknown`. */
  readonly end: number
  readonly startMs: number
  readonly endMs: number
}

/** What a node said with `env.log`. */
export interface LogEntry {
  readonly atMs: number
  readonly node: NodeId
  readonly text: string
  readonly data: unknown
}

/** When a fault held. */
export interface FaultTime {
  readonly fault: Fault
  /** Places on the time line of the history. `end` is `Infinity` if the run was over first. */
  readonly start: number
  readonly end: number
  readonly startMs: number
  readonly endMs: number
}

/** Amounts of one run. */
export interface RunStats {
  readonly events: number
  /** Messages sent; of these, the ones that were lost, and the ones that were sent a second time by the network. */
  readonly messages: number
  readonly lost: number
  readonly duplicated: number
  readonly operations: number
  readonly faults: number
  readonly virtualMs: number
}

/**
 * - `check`: the scenario's check said so.
 * - `error`: a program, a handler, a task or an operation threw what it should not.
 * - `ambient`: simulated code called a global clock, timer, network or source of chance.
 * - `deadlock`: operations wait, and nothing is planned that could wake them.
 * - `liveness`: operations were not done in time after the last fault.
 * - `runaway`: more events than `maxEvents`.
 * - `nondeterminism`: the same plan took two different courses.
 */
export type FailureKind =
  | 'check'
  | 'error'
  | 'ambient'
  | 'deadlock'
  | 'liveness'
  | 'runaway'
  | 'nondeterminism'

/** What is wrong with a run. */
export interface Problem {
  readonly kind: FailureKind
  readonly message: string
  readonly cause?: unknown
}

/** One simulated run. */
export interface Run<Api = unknown, Call = unknown, Output = unknown> {
  /** Repeats it: for `replay()`. */
  readonly line: string
  readonly seed: number
  readonly faults: readonly Fault[]
  /** Those that came to be, before the run was over. */
  readonly faultTimes: readonly FaultTime[]
  readonly history: ReadonlyArray<HistoryEntry<Call, Output>>
  readonly logs: readonly LogEntry[]
  readonly stats: RunStats
  /** What the program of a client returned when it last started. `undefined` if it is down. */
  readonly apis: Readonly<Record<NodeId, Api | undefined>>
  /** The same, of a node. */
  readonly nodes: Readonly<Record<NodeId, unknown>>
  /** Equal for equal courses: of all events with their times, and of the history. */
  readonly hash: string
  readonly problem?: Problem | undefined
  /** What happened, a line each. Empty unless asked for. */
  readonly trace: readonly string[]
}

/** A seed that failed. */
export interface Failure extends Problem {
  readonly scenario: string
  /** The seed's own run, before shrinking. */
  readonly found: { readonly line: string; readonly operations: number; readonly faults: number }
  /** The smallest run that was found to fail in the same way, with its trace. */
  readonly run: Run
  /** Repeats it: `replay(scenario, line)`, or `QUORATE_SIM='NAME LINE'`. */
  readonly line: string
  /** Runs that shrinking took. */
  readonly shrinkRuns: number
  /** None of its operations and faults can be left out. `false` if it was not shrunk, or not to the end. */
  readonly isMinimal: boolean
}
