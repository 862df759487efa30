/**
 * What happened before what: version vectors, causal contexts and hybrid logical clocks.
 * @packageDocumentation
 */
export { CausalContext, type DotRun } from './causal-context.ts'
export type { Dot, Ordering } from './dot.ts'
export { ClockDriftError, DecodeError } from './errors.ts'
export {
  compareHlc,
  HLC_MAX_COUNTER,
  HLC_MAX_MS,
  hlcFromBigInt,
  hlcFromBytes,
  hlcFromString,
  type HlcTimestamp,
  hlcToBigInt,
  hlcToBytes,
  hlcToString,
  isHlcTimestamp,
} from './hlc-timestamp.ts'
export { HybridLogicalClock, type HybridLogicalClockOptions } from './hybrid-logical-clock.ts'
export { VersionVector } from './version-vector.ts'
