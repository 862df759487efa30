/**
 * What every Quorate package would else write again: time, chance, errors, retry and placement.
 * @packageDocumentation
 */
export { waitOrAbort } from './abort.ts'
export type { Clock, SleepOptions } from './clock.ts'
export {
  invariant,
  isQuorateError,
  type Outcome,
  outcomeOf,
  QuorateError,
  type QuorateErrorOptions,
} from './errors.ts'
export { emit, type EventListener } from './events.ts'
export { type Random, seededRandom } from './random.ts'
export { type Rendezvous, rendezvous, type RendezvousNode } from './rendezvous.ts'
export {
  type AttemptContext,
  type BackoffOptions,
  fullJitterMs,
  retry,
  RetryExhaustedError,
  type RetryOptions,
} from './retry.ts'
export { systemClock, systemRandom } from './system-clock.ts'
export { takeConnection } from './take-connection.ts'
export { checkNames } from './validate.ts'
export { VirtualClock, type VirtualClockOptions } from './virtual-clock.ts'
