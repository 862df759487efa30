/**
 * Faults on one machine: TCP links that can be cut, slowed and healed, processes that can be paused
 * and killed, clocks that can be wrong.
 * @packageDocumentation
 */
export { type Chaos, type ChaosOptions, type ChaosProcess, createChaos } from './chaos.ts'
export type { CloseReason, LinkConnection } from './connection.ts'
export { ChaosClosedError, LinkListenError, ProcessFaultError } from './errors.ts'
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
export { killProcess, pauseProcess, type ProcessOptions, resumeProcess } from './process.ts'
export { skewedClock, type SkewedClock, type SkewOptions } from './skewed-clock.ts'
