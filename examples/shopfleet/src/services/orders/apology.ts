/** The end of an order that was paid and cannot be had: inventory promised more than there was. */
import { createHash } from 'node:crypto'
import type { Pool } from 'pg'
import { inTransaction, type PoolClient } from '../../shared/postgres.ts'
import type { ShortLine } from '../inventory/contract.ts'
import type { Neighbours } from './neighbours.ts'
import { claimRefund, finishRefund } from './store.ts'
import { readOrder, readRefund } from './views.ts'

/** What the checkout saga has done for an order that was oversold. */
export type Apologise = (orderId: string, short: readonly ShortLine[], signal: AbortSignal) => Promise<void>

/**
 * Gives back all that is left to give back, tells the customer why, and makes the order REFUNDED. Each part is done
 * once, so that all of it may be repeated after a crash between any two.
 */
export function apologies(pool: Pool, shop: Pick<Neighbours, 'refund'>): Apologise {
  return async (orderId, short, signal) => {
    const refundId = apologyId(orderId)
    const amountCents = await inTransaction(pool, (tx) => begin(tx, orderId, refundId, short))
    if (amountCents > 0) {
      await shop.refund(refundId, orderId, amountCents, signal)
      await inTransaction(pool, (tx) => finish(tx, orderId, refundId, amountCents))
    }
    const order = await readOrder(pool, orderId)
    if (order?.status === 'REFUNDED') return
    // A refund that the customer asked for is still under way.
    throw new Error(`Order ${orderId} was oversold and is ${order?.status ?? 'unknown'}, not REFUNDED yet`)
  }
}

/** @returns how much is to be given back, 0 if the customer has asked for everything before. */
async function begin(
  tx: PoolClient,
  orderId: string,
  refundId: string,
  short: readonly ShortLine[],
): Promise<number> {
  // Locks the row: refunds of one order take turns.
  await tx.query(`update orders set apology = 'oversold', short = $2, updated_at = now() where id = $1`, [
    orderId,
    JSON.stringify(short),
  ])
  const begun = await readRefund(tx, refundId)
  if (begun !== undefined) return begun.amountCents
  const order = await readOrder(tx, orderId)
  const lines = (order?.lines ?? [])
    .map(({ sku, quantity, refundedQuantity }) => ({ sku, quantity: quantity - refundedQuantity }))
    .filter(({ quantity }) => quantity > 0)
  return lines.length === 0 ? 0 : claimRefund(tx, { id: refundId, orderId, lines })
}

async function finish(tx: PoolClient, orderId: string, refundId: string, amountCents: number): Promise<void> {
  const { rows } = await tx.query<{ status: string }>(
    'select status from order_refunds where id = $1 for update',
    [refundId],
  )
  if (rows[0]?.status === 'pending') await finishRefund(tx, { id: refundId, orderId, amountCents })
}

/** Refund ids are the customers' own; no customer has this one by chance, and it is no longer than theirs may be. */
function apologyId(orderId: string): string {
  return `oversold-${createHash('sha256').update(orderId).digest('hex').slice(0, 32)}`
}
