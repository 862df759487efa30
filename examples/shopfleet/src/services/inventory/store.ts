import type { Pool } from 'pg'
import type { CartLine, StockLevel } from '../../api.ts'
import type { Logger } from '../../shared/logging.ts'
import { inTransaction } from '../../shared/postgres.ts'
import { Problem, unavailable } from '../../shared/problem.ts'
import type { ReservationStatus } from './contract.ts'
import { stockMover, type Move } from './movements.ts'
import { openStock } from './open-stock.ts'
import { DEFAULT_OVERSELLING, type Overselling } from './overselling.ts'
import type { Reserved } from './reservations.ts'
import { mergeLines } from './rules.ts'
import { commitReservation, type Committed, releaseReservation } from './settle.ts'
import { batchTaking } from './taking/batch.ts'
import { compensateTaking } from './taking/compensate.ts'
import { lockTaking } from './taking/lock.ts'
import { type Look, lookAfterPromises } from './taking/look.ts'
import { optimisticTaking } from './taking/optimistic.ts'
import type { Taking } from './taking/taking.ts'

export interface InventoryStoreOptions {
  readonly log: Logger
  /** Default `optimistic`. Copies of the service may differ, and it may change from one start to the next. */
  readonly overselling?: Overselling | undefined
  /** From a promise to the look at it, ms. Default 200. */
  readonly lookAfterMs?: number | undefined
  /** Another answer than those of `overselling`: to be compared with them. */
  readonly taking?: Taking | undefined
}

export interface InventoryStore extends AsyncDisposable {
  /** Puts the first units of each sku on the shelf. Saying the same again changes nothing; another number is refused. */
  open(levels: readonly StockLevel[]): Promise<void>
  /** Holds all lines or none; `status` tells what became of it when the id is known already. */
  reserve(id: string, lines: readonly CartLine[]): Promise<Reserved>
  /** Held units are sold; or the promise cannot be kept, and nothing is. */
  commit(id: string): Promise<Committed>
  /** Held units go back to the shelf. An id never seen is marked, so that a late reserve for it is refused. */
  release(id: string): Promise<void>
  /** Sold units come back to the shelf, once for each id. Of an oversold reservation there is nothing to come back. */
  restock(id: string, reservationId: string, lines: readonly CartLine[]): Promise<void>
}

export function inventoryStore(
  pool: Pool,
  { log, overselling = DEFAULT_OVERSELLING, lookAfterMs = 200, taking: other }: InventoryStoreOptions,
): InventoryStore {
  const move = stockMover(pool)
  // Whatever the answer is now: an earlier start may have left promises.
  const look = lookAfterPromises(pool, { afterMs: lookAfterMs, log })
  look.soon()
  const taking = other ?? takingOf(overselling, pool, move, look)

  return {
    open: (levels) => inTransaction(pool, (tx) => openStock(tx, levels)),
    reserve: (id, lines) => taking.reserve({ id, lines: mergeLines(lines) }),
    commit: (id) => commitReservation(pool, taking, look.now, id),
    release: (id) => releaseReservation(pool, move, id),
    restock: (id, reservationId, lines) => restock(pool, move, id, reservationId, mergeLines(lines)),
    async [Symbol.asyncDispose]() {
      await taking[Symbol.asyncDispose]()
      await look[Symbol.asyncDispose]()
    },
  }
}

function takingOf(overselling: Overselling, pool: Pool, move: Move, look: Look): Taking {
  switch (overselling) {
    case 'lock':
      return lockTaking(pool, move)
    case 'optimistic':
      return optimisticTaking(pool, move)
    case 'batch':
      return batchTaking(pool)
    case 'compensate':
      return compensateTaking(pool, move, look)
    default:
      return overselling satisfies never
  }
}

async function restock(
  pool: Pool,
  move: Move,
  id: string,
  reservationId: string,
  lines: readonly CartLine[],
): Promise<void> {
  await inTransaction(pool, async (tx) => {
    const { rows } = await tx.query<{ status: ReservationStatus }>(
      'select status from reservations where id = $1 for share',
      [reservationId],
    )
    const status = rows[0]?.status
    if (status === 'oversold') return
    if (status === 'reserved' || status === 'promised')
      throw unavailable(`Reservation ${reservationId} is still being committed: it`, undefined)
    if (status !== 'committed') {
      throw new Problem(
        409,
        'not-sold',
        `Reservation ${reservationId} is ${status ?? 'unknown'}; only what was sold can come back`,
      )
    }
    const { rowCount } = await tx.query(
      'insert into restocks (id, reservation_id, lines) values ($1, $2, $3) on conflict (id) do nothing',
      [id, reservationId, JSON.stringify(lines)],
    )
    if (rowCount === 0) return
    const moved = await move(tx, 'restock', id, lines)
    if (!moved.granted) throw new Problem(409, 'not-sold', `Restock ${id} gives back more than was sold`)
  })
}
