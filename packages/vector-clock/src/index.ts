/**
 * What happened before what: version vectors and hybrid logical clocks.
 * @packageDocumentation
 */
export type { Dot, Ordering } from './dot.ts'
export { ClockDriftError, DecodeError, DuplicateNodeError } from './errors.ts'
export {
  compareHlc,
  HLC_MAX_COUNTER,
  HLC_MAX_MS,
  hlcFromString,
  type HlcTimestamp,
  hlcToString,
  isHlcTimestamp,
} from './hlc-timestamp.ts'
export {
  HybridLogicalClock,
  type HybridLogicalClockOptions,
  type HlcReservation,
} from './hybrid-logical-clock.ts'
export { VersionVector } from './version-vector.ts'
