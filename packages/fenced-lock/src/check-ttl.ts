import { checkNumber } from './check-options.ts'

/** Redis and timers take no more. */
export const MAX_MS = 2_147_483_647

/**
 * Checks a lease.
 *
 * @param action names the call in the message.
 * @returns whole ms, which is what the stores keep.
 * @throws TypeError if it is no number.
 * @throws RangeError if it is out of range, or would be lost at once.
 */
export function checkTtl(action: string, ttlMs: number, marginMs: number): number {
  checkNumber(action, 'ttlMs', ttlMs)
  if (!(ttlMs >= 10 && ttlMs <= MAX_MS)) {
    throw new RangeError(`Cannot ${action}: ttlMs must be from 10 to ${MAX_MS}, got ${ttlMs}`)
  }
  if (!(Math.floor(ttlMs) > marginMs)) {
    throw new RangeError(`Cannot ${action}: ttlMs must be above marginMs, ${marginMs}, got ${ttlMs}`)
  }
  return Math.floor(ttlMs)
}
