/**
 * What goes wrong: the shelf is read, the new number is worked out here, and written. Two customers who read the same number
 * write the same number. All in transactions, as it is written every day; the table's check does not help, since no
 * number is ever below zero.
 */
import type { Pool } from 'pg'
import { inTransaction } from '../shared/postgres.ts'
import { type Move, shortLines, writeDown } from '../services/inventory/movements.ts'
import { claim, knownAnswer, readReservation } from '../services/inventory/reservations.ts'
import { commitHeld } from '../services/inventory/settle.ts'
import type { Taking } from '../services/inventory/taking/taking.ts'

export function naiveTaking(pool: Pool, move: Move): Taking {
  return {
    reserve: ({ id, lines }) =>
      inTransaction(pool, async (tx) => {
        const known = await readReservation(tx, id)
        if (known !== undefined) return knownAnswer(known)
        const { rows } = await tx.query<{ sku: string; available: number }>({
          name: 'naive-read',
          text: 'select sku, available from stock where sku = any($1::text[])',
          values: [lines.map(({ sku }) => sku)],
        })
        const shelves = new Map(rows.map(({ sku, available }) => [sku, available]))
        const short = lines.filter(({ sku, quantity }) => (shelves.get(sku) ?? 0) < quantity)
        if (short.length > 0) return { short: shortLines(short, shelves) }
        await claim(tx, { id, lines })
        for (const { sku, quantity } of lines) {
          await tx.query({
            name: 'naive-write',
            text: `update stock set available = $2, reserved = reserved + $3, version = version + 1 where sku = $1`,
            values: [sku, (shelves.get(sku) ?? 0) - quantity, quantity],
          })
        }
        await writeDown(
          tx,
          'reserve',
          lines.map((line) => ({ ...line, ref: id })),
        )
        return { status: 'reserved' as const }
      }),
    commit: (id) => commitHeld(pool, move, id),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}
