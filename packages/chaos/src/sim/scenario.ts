import type { Random } from '@quorate/core'
import type { Env, NodeId } from './env.ts'
import type { Cluster, FaultOptions } from './fault-schedule.ts'
import type { Fault } from './faults.ts'
import type { Run } from './history.ts'

/**
 * What a node runs: at the start, and again after each crash, with what its disk kept. What it returns is what
 * the scenario's operations are done with.
 */
export type Program<Api> = (env: Env) => Api | Promise<Api>

/** One operation of a workload. */
export interface Operation<Call> {
  /** Which client does it. A client does one thing at a time, in the order of the list. */
  readonly on: NodeId
  /** What is asked, in words of your own. */
  readonly call: Call
  /** Wait after the former operation of this client, ms. Default 0. */
  readonly afterMs?: number | undefined
}

/** How messages travel when nothing is wrong. */
export interface NetworkOptions {
  /** Least and most time of a message, ms; drawn evenly. Default 1 to 10, so that messages overtake each other. */
  readonly latencyMs?: readonly [number, number] | undefined
  /** As over one TCP connection: messages of one node to another arrive in order. Default `false`. */
  readonly ordered?: boolean | undefined
}

/** What a simulation consists of. All functions are pure, or get what they need from their `env` and `random`. */
export interface Scenario<Api, Call, Output> {
  /** One word, by which a replay line finds its scenario. */
  readonly name: string
  /** Servers and their programs. */
  readonly nodes?: Readonly<Record<NodeId, Program<unknown>>> | undefined
  /** Who does the operations. */
  readonly clients: Readonly<Record<NodeId, Program<Api>>>
  /** What the clients do in one seed. */
  readonly workload: (context: WorkloadContext) => readonly Operation<Call>[]
  /**
   * Does one operation. If it throws, the history says `fail` for a Quorate error with the outcome `not-applied`, else
   * `unknown`; a TypeError, RangeError, ReferenceError or SyntaxError is a bug and fails the run.
   */
  readonly perform: (api: Api, call: Call, env: Env) => Output | Promise<Output>
  /** Judges a run that has come to its end. Throws, or returns what is wrong. */
  readonly check: (run: Run<Api, Call, Output>) => CheckAnswer | Promise<CheckAnswer>
  readonly network?: NetworkOptions | undefined
  /** What goes wrong: options, a function of your own, or `false` for nothing. Default: all kinds. */
  readonly faults?:
    | FaultOptions
    | false
    | ((random: Random, cluster: Cluster) => readonly Fault[])
    | undefined
  /**
   * When the last fault is over, all operations must end in so many ms of virtual time, their own waits not counted.
   * Default 10,000.
   */
  readonly livenessMs?: number | undefined
  /** The simulation goes on for so long after the last operation and fault, ms, before the check. Default 0. */
  readonly settleMs?: number | undefined
  /** A run with more events goes round in circles. Default 1,000,000. */
  readonly maxEvents?: number | undefined
}

// eslint-disable-next-line typescript/no-invalid-void-type
export type CheckAnswer = string | undefined | void

/** What a workload is made from. */
export interface WorkloadContext extends Cluster {
  readonly seed: number
  readonly random: Random
}

/** Tells the types of a scenario from its parts. */
export function scenario<Api, Call, Output>(parts: Scenario<Api, Call, Output>): Scenario<Api, Call, Output> {
  return parts
}

/**
 * The same program on nodes `r1`, `r2`, …
 *
 * @example
 * ```ts
 * const nodes = group('r', 3, replica)
 * ```
 */
export function group<Api>(
  prefix: string,
  count: number,
  program: Program<Api>,
): Record<NodeId, Program<Api>> {
  return Object.fromEntries(Array.from({ length: count }, (_, index) => [`${prefix}${index + 1}`, program]))
}
