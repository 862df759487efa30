/**
 * Compensate: sold first. A promise is two inserts and waits for no row that another customer wants; it reads the stock
 * row as the last look left it, and knows nothing of the promises since. Who gets a unit is decided by the next look
 * (`look.ts`), a moment later, when the customer has their yes; whom it finds oversold gets their money back, and an
 * apology.
 */
import type { Pool } from 'pg'
import type { Move } from '../movements.ts'
import { answerUnclaimed, promiseUnlessShort, type Reservation, type Reserved } from '../reservations.ts'
import { commitHeld } from '../settle.ts'
import type { Look } from './look.ts'
import type { Taking } from './taking.ts'

export function compensateTaking(pool: Pool, move: Move, look: Look): Taking {
  return {
    async reserve({ id, lines }: Reservation): Promise<Reserved> {
      const { isClaimed, short } = await promiseUnlessShort(pool, { id, lines })
      if (!isClaimed) return answerUnclaimed(pool, id, short)
      look.soon()
      return { status: 'promised' }
    },
    commit: (id) => commitHeld(pool, move, id),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}
