/**
 * Optimistic: the condition is part of the write. One statement takes all lines of an order or none, and what it
 * finds short is refused. A row is locked from the write to the commit; a product that is sold out already is refused
 * by a plain read, without waiting for that.
 *
 * The condition is on the units themselves, not on a version read before: with a version, whoever
 * loses has to read and try again although there is enough for both, and on a hot row nearly all lose.
 */
import type { Pool } from 'pg'
import type { Move } from '../movements.ts'
import {
  claimUnlessShort,
  knownAnswer,
  readReservation,
  type Reservation,
  type Reserved,
} from '../reservations.ts'
import { commitHeld } from '../settle.ts'
import type { Taking } from './taking.ts'

export function optimisticTaking(pool: Pool, move: Move): Taking {
  return {
    async reserve({ id, lines }: Reservation): Promise<Reserved> {
      const tx = await pool.connect()
      let broken: Error | boolean = false
      try {
        await tx.query('begin')
        const { isClaimed, short } = await claimUnlessShort(tx, { id, lines })
        if (!isClaimed) {
          const known = await readReservation(tx, id)
          await tx.query('rollback')
          if (known !== undefined) return knownAnswer(known)
          if (short === null) throw new Error(`Reservation ${id} vanished`)
          return { short }
        }
        const moved = await move(tx, 'reserve', id, lines)
        // A refusal is not written down: nothing happened, and a repeat may be luckier.
        await tx.query(moved.granted ? 'commit' : 'rollback')
        return moved.granted ? { status: 'reserved' } : { short: moved.short }
      } catch (error) {
        await tx.query('rollback').catch((cause: unknown) => {
          broken = cause instanceof Error ? cause : true
        })
        throw error
      } finally {
        tx.release(broken)
      }
    },
    commit: (id) => commitHeld(pool, move, id),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}
