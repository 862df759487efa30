/**
 * A deterministic simulator: nodes, their network, disks and clocks in one process and in virtual time, with faults
 * that are a pure function of a seed.
 * @packageDocumentation
 */
export type { Disk, Env, Envelope, NodeId, ReceiveOptions } from './env.ts'
export {
  AmbientUseError,
  CallFailedError,
  CallTimeoutError,
  ReplayLineError,
  SimulationFailedError,
} from './errors.ts'
export type { Cluster, FaultOptions } from './fault-schedule.ts'
export type {
  ByFault,
  CrashFault,
  CutFault,
  DelayFault,
  DriftFault,
  Fault,
  FaultKind,
  FaultWindow,
  PauseFault,
  RateFault,
} from './faults.ts'
export type {
  Failure,
  FailureKind,
  FaultTime,
  HistoryEntry,
  LogEntry,
  Problem,
  Run,
  RunStats,
} from './history.ts'
export {
  type CheckerFault,
  type CheckerHistory,
  type CheckerOperation,
  historyOf,
  type Words,
} from './history-of.ts'
export { type CallOptions, type Rpc, rpcOf } from './rpc.ts'
export {
  type CheckAnswer,
  group,
  type NetworkOptions,
  type Operation,
  type Program,
  type Scenario,
  scenario,
  type WorkloadContext,
} from './scenario.ts'
export type { ShrinkOptions } from './shrink.ts'
export {
  explore,
  type Exploration,
  type ExploreOptions,
  replay,
  simulate,
  type SimulateOptions,
} from './simulate.ts'
