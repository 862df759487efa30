/**
 * What surrounds a hybrid logical clock: encodings, a guard for restarts, a wall clock that tells its jumps.
 * @packageDocumentation
 */
export { hlcFromBigInt, hlcFromBytes, hlcToBigInt, hlcToBytes } from './codec.ts'
export {
  reserveStamps,
  type ReserveStampsOptions,
  StampReservation,
  StampsNotReservedError,
} from './reservation.ts'
export { type WallJump, watchWallClock, type WatchWallClockOptions } from './wall-clock.ts'
