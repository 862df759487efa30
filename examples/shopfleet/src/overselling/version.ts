/**
 * Optimistic as in the books, with a version counter: read the row and its version, write if the version is still the
 * same, else begin again. On a row that everybody wants nearly all attempts are in vain, though there is enough for all:
 * that is why the shop's condition is on the units, and why this is in the comparison only.
 */
import { fullJitterMs, systemClock, systemRandom } from '@quorate/core'
import { StaleVersionError } from '@quorate/optimistic-lock'
import { optimisticRepository } from '@quorate/optimistic-lock/pg'
import type { Pool, PoolClient } from 'pg'
import { inTransaction } from '../shared/postgres.ts'
import { unavailable } from '../shared/problem.ts'
import { type Move, shortLines, STOCK, type StockRow, writeDown } from '../services/inventory/movements.ts'
import {
  claim,
  knownAnswer,
  readReservation,
  type Reservation,
  type Reserved,
} from '../services/inventory/reservations.ts'
import { commitHeld } from '../services/inventory/settle.ts'
import type { Taking } from '../services/inventory/taking/taking.ts'

/** Then the customer is told to come back. */
const GIVE_UP_MS = 20_000
const WAIT = { baseMs: 5, maxMs: 200 }

export function versionTaking(pool: Pool, move: Move): Taking {
  const stock = optimisticRepository(pool, { table: STOCK, key: ['sku'], version: 'version' })

  async function attempt(tx: PoolClient, { id, lines }: Reservation): Promise<Reserved> {
    const known = await readReservation(tx, id)
    if (known !== undefined) return knownAnswer(known)
    const rows = stock.withTransaction(tx)
    const read: StockRow[] = []
    for (const { sku } of lines) {
      const row = await rows.get({ sku })
      if (row !== undefined) read.push(row)
    }
    const shelves = new Map(read.map(({ sku, available }) => [sku, available]))
    const short = lines.filter(({ sku, quantity }) => (shelves.get(sku) ?? 0) < quantity)
    if (short.length > 0) return { short: shortLines(short, shelves) }
    await claim(tx, { id, lines })
    // None is missing, or it would be short.
    const wanted = new Map(lines.map(({ sku, quantity }) => [sku, quantity]))
    for (const row of read) {
      const quantity = wanted.get(row.sku) ?? 0
      await rows.update(row, { available: row.available - quantity, reserved: row.reserved + quantity })
    }
    await writeDown(
      tx,
      'reserve',
      lines.map((line) => ({ ...line, ref: id })),
    )
    return { status: 'reserved' }
  }

  return {
    async reserve(reservation) {
      const giveUpMs = performance.now() + GIVE_UP_MS
      for (let attempts = 0; performance.now() < giveUpMs; attempts++) {
        try {
          return await inTransaction(pool, (tx) => attempt(tx, reservation))
        } catch (error) {
          if (!(error instanceof StaleVersionError)) throw error
          await systemClock.sleep(fullJitterMs(attempts, systemRandom, WAIT))
        }
      }
      throw unavailable('A product that everybody wants', undefined)
    },
    commit: (id) => commitHeld(pool, move, id),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
}
