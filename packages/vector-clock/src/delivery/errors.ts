import { brand } from '../errors.ts'

/**
 * A message cannot be held back until what it waits for has come, because `maxPending` wait already. It was not
 * taken; all others are as they were. Ask for what is missing (`waitingFor()`), or go on from a snapshot, and have
 * the message sent again.
 */
export class DeliveryBufferFullError extends Error {
  readonly code = 'QUORATE_DELIVERY_BUFFER_FULL'
  readonly outcome = 'not-applied'
  /** The message that was refused: its id, or `node:counter`. */
  declare readonly held: string
  /** The first thing it waits for. */
  declare readonly missing: string
  declare readonly maxPending: number

  constructor(id: string, missing: string, maxPending: number) {
    super(
      `Cannot hold back ${id} until ${missing} comes: ${maxPending} messages wait already; ask for what waitingFor() names, then send it again`,
    )
    brand(this, 'DeliveryBufferFullError', { held: id, missing, maxPending })
  }
}

/** @throws RangeError unless it is a whole number from 0. */
export function checkMaxPending(maxPending: number): number {
  if (Number.isSafeInteger(maxPending) && maxPending >= 0) return maxPending
  throw new RangeError(`maxPending must be a whole number from 0, got ${String(maxPending)}`)
}
