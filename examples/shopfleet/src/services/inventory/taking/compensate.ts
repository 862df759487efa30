/**
 * Compensate: sold first. A promise is two inserts and touches no row that another customer wants, so nobody waits for
 * anybody. Who gets a unit is decided by the look (`look.ts`), a moment later, when the customer has their yes; whom it
 * finds oversold gets their money back, and an apology.
 */
import type { Pool } from 'pg'
import type { Move } from '../movements.ts'
import { PER_UNIT } from '../rules.ts'
import { knownAnswer, readReservation, type Reservation, type Reserved } from '../reservations.ts'
import { commitHeld } from '../settle.ts'
import type { Look } from './look.ts'
import type { Taking } from './taking.ts'

export function compensateTaking(pool: Pool, move: Move, look: Look): Taking {
  return {
    async reserve({ id, lines }: Reservation): Promise<Reserved> {
      const per = PER_UNIT.promise
      const { rowCount } = await pool.query({
        name: 'inventory-promise',
        text: `with promised as (
                 insert into reservations (id, status, lines) values ($1, 'promised', $2)
                 on conflict (id) do nothing returning id
               )
               insert into stock_movements (sku, kind, ref, available_delta, reserved_delta, sold_delta)
               select sku, 'promise', promised.id, units * $3, units * $4, units * $5
               from promised, unnest($6::text[], $7::int[]) as line (sku, units)`,
        values: [
          id,
          JSON.stringify(lines),
          per.available,
          per.reserved,
          per.sold,
          lines.map(({ sku }) => sku),
          lines.map(({ quantity }) => quantity),
        ],
      })
      if (rowCount !== 0) {
        look.soon()
        return { status: 'promised' }
      }
      const known = await readReservation(pool, id)
      if (known === undefined) throw new Error(`Reservation ${id} vanished`)
      return knownAnswer(known)
    },
    commit: (id) => commitHeld(pool, move, id),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}
