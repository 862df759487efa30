/**
 * Locks whose loser cannot do harm: leases with fencing tokens, and guards that make a database
 * refuse a stale one. Stores are in `@quorate/fenced-lock/redis`, `/postgres` and `/memory`.
 * @packageDocumentation
 */
export {
  LockLostError,
  LockStoreError,
  LockTimeoutError,
  type LostReason,
  StaleTokenError,
} from './errors.ts'
export type { LockEvent } from './events.ts'
export { createLocks } from './locks.ts'
export type { Granted, Holding, LockRequest, LockStore, Taken, Waiting } from './store.ts'
export type { AcquireOptions, Fence, Lock, Locks, LocksOptions, TryAcquireOptions } from './types.ts'
