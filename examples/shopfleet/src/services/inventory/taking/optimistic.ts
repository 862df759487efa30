/**
 * Optimistic: the condition is part of the write. One statement takes all lines of an order or none, and what it
 * finds short is refused. A row is locked from the write to the commit; a product that is sold out already is refused
 * by a plain read, without waiting for that.
 *
 * The condition is on the units themselves, not on a version read before: with a version, whoever
 * loses has to read and try again although there is enough for both, and on a hot row nearly all lose.
 */
import type { Pool } from 'pg'
import { inTransaction, undone } from '../../../shared/postgres.ts'
import type { Move } from '../movements.ts'
import { answerUnclaimed, claimUnlessShort, type Reservation, type Reserved } from '../reservations.ts'
import { commitHeld } from '../settle.ts'
import type { Taking } from './taking.ts'

export function optimisticTaking(pool: Pool, move: Move): Taking {
  return {
    reserve: ({ id, lines }: Reservation) =>
      inTransaction<Reserved>(pool, async (tx) => {
        const { isClaimed, short } = await claimUnlessShort(tx, { id, lines })
        if (!isClaimed) return undone(await answerUnclaimed(tx, id, short))
        const moved = await move(tx, 'reserve', id, lines)
        // A refusal is not written down: nothing happened, and a repeat may be luckier.
        return moved.granted ? { status: 'reserved' } : undone({ short: moved.short })
      }),
    commit: (id) => commitHeld(pool, move, id),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}
