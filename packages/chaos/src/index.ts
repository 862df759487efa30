/**
 * Faults on one machine: TCP links that can be cut, slowed and healed, processes that can be paused
 * and killed, clocks that can be wrong.
 * @packageDocumentation
 */
export {
  type Chaos,
  type ChaosOptions,
  type ChaosProcess,
  createChaos,
  type NemesisOptions,
} from './chaos.ts'
export type { CloseReason, LinkConnection } from './connection.ts'
export {
  ChaosClosedError,
  LinkListenError,
  NotHealedError,
  ProcessFaultError,
  type Unhealed,
} from './errors.ts'
export type { ChaosEvent } from './events.ts'
export type {
  BandwidthOptions,
  Conditions,
  Direction,
  Directions,
  DropConnectionOptions,
  InitialFaults,
  LatencyOptions,
  LinkLayer,
  PartitionMode,
  PartitionOptions,
  ResetAfterOptions,
  SliceOptions,
} from './faults.ts'
export type { Link, LinkOptions, LinkStats, LinkTarget } from './link.ts'
export type { Range } from './nemesis/chance.ts'
export type { Keep, Overlap } from './nemesis/conflicts.ts'
export {
  clockDrift,
  clockSkew,
  kill,
  type NemesisFault,
  partition,
  type PartitionFaultOptions,
  type PartitionKind,
  pause,
  slowLinks,
  type SlowLinksOptions,
  type Who,
} from './nemesis/faults.ts'
export type {
  FailedFault,
  FaultHistory,
  NemesisReport,
  NemesisRun,
  NemesisRunOptions,
} from './nemesis/nemesis.ts'
export { planNemesis, type PlanOptions } from './nemesis/plan.ts'
export type { FaultAction, Schedule, ScheduledFault, Way } from './nemesis/schedule.ts'
export { formatSchedule, parseSchedule } from './nemesis/schedule-text.ts'
export { shrinkSchedule, type Shrunk, type ShrinkOptions } from './nemesis/shrink.ts'
export { mergeTopologies, type Topology, type TopologyLink, type TopologyNode } from './nemesis/topology.ts'
export { killProcess, pauseProcess, type ProcessOptions, resumeProcess } from './process.ts'
export { skewedClock, type SkewedClock, type SkewOptions } from './skewed-clock.ts'
