/**
 * What everybody has seen: when tombstones, logs and names may go.
 * @packageDocumentation
 */
export { StaleMemberError } from './errors.ts'
export { MatrixClock, type MatrixClockOptions } from './matrix-clock.ts'
