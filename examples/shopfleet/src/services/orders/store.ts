/** Writes of orders. Each function is one or two statements inside a saga step's transaction. */
import { NonRetryableError } from '@quorate/saga'
import type { CartLine, OrderStatus, OrderView } from '../../api.ts'
import type { Queryable } from '../../shared/postgres.ts'
import { predecessors } from './status.ts'

export interface PricedLine extends CartLine {
  readonly priceCents: number
}

export type CancelReason = NonNullable<OrderView['cancelReason']>

export async function createOrder(tx: Queryable, order: { id: string; userId: string }): Promise<void> {
  await tx.query({
    name: 'orders-create',
    text: `with created as (insert into orders (id, user_id, status) values ($1, $2, 'CREATED') returning id, status)
     insert into order_history (order_id, status) select id, status from created`,
    values: [order.id, order.userId],
  })
}

/** A fail-over of the cart forgets the last moments, and nobody pays more often in them. */
const LATEST = 10

/** What this customer's latest orders took out of their cart: it may have forgotten it. */
export async function latestRemovals(tx: Queryable, userId: string): Promise<string[]> {
  const { rows } = await tx.query({
    name: 'orders-latest-removals',
    text: `select cart_removal as removal from (
       select cart_removal from orders where user_id = $1 order by created_at desc limit ${LATEST}
     ) as latest where cart_removal is not null`,
    values: [userId],
  })
  return (rows as { removal: string }[]).map(({ removal }) => removal)
}

/** The order that never was: nothing was in the cart. */
export async function deleteOrder(tx: Queryable, id: string): Promise<void> {
  await tx.query(
    `with history as (delete from order_history where order_id = $1)
     delete from orders where id = $1 and status = 'CREATED'`,
    [id],
  )
}

/**
 * Writes down what is bought at which price, once.
 *
 * @param removal what took it out of the cart.
 * @returns the total.
 */
export async function writeLines(
  tx: Queryable,
  id: string,
  lines: readonly PricedLine[],
  removal: string | null,
): Promise<number> {
  const totalCents = lines.reduce((sum, { quantity, priceCents }) => sum + quantity * priceCents, 0)
  await tx.query({
    name: 'orders-write-lines',
    text: `with lines as (
       insert into order_lines (order_id, sku, quantity, price_cents)
       select $1, * from unnest($2::text[], $3::int[], $4::int[])
       on conflict (order_id, sku) do nothing
     )
     update orders set total_cents = $5, cart_removal = $6 where id = $1`,
    values: [
      id,
      lines.map(({ sku }) => sku),
      lines.map(({ quantity }) => quantity),
      lines.map(({ priceCents }) => priceCents),
      totalCents,
      removal,
    ],
  })
  return totalCents
}

/** What else a move writes into the order's row. */
export interface MoveFacts {
  readonly cancelReason?: CancelReason
  readonly short?: unknown
  readonly tracking?: string
}

/**
 * Moves an order on, if it is in a status that may be followed by this one.
 *
 * @returns `false` if the order has been refunded in full meanwhile: its parcel travels on, its status stays.
 * @throws NonRetryableError if the move is illegal.
 */
export async function moveOrder(
  tx: Queryable,
  id: string,
  to: OrderStatus,
  facts: MoveFacts = {},
): Promise<boolean> {
  const { rows } = await tx.query({
    name: 'orders-move',
    text: `with moved as (
       update orders set status = $2, updated_at = now(),
         cancel_reason = coalesce($4, cancel_reason), short = coalesce($5, short), tracking = coalesce($6, tracking)
       where id = $1 and status = any($3::text[]) returning id, status
     ), history as (
       insert into order_history (order_id, status) select id, status from moved
     )
     select status from orders where id = $1 and not exists (select from moved)`,
    values: [
      id,
      to,
      predecessors(to),
      facts.cancelReason ?? null,
      facts.short === undefined ? null : JSON.stringify(facts.short),
      facts.tracking ?? null,
    ],
  })
  if (rows.length === 0) return true
  // Read again: the statement saw the order as it was when it began, and may have waited for a refund.
  const { rows: now } = await tx.query('select status from orders where id = $1', [id])
  const stuck = (now[0] ?? rows[0]) as { status: OrderStatus }
  if (stuck.status === 'REFUNDED' && (to === 'FULFILLMENT_PENDING' || to === 'SHIPPED' || to === 'DELIVERED'))
    return false
  throw new NonRetryableError(`Order ${id} is ${stuck.status} and cannot become ${to}`, {
    code: 'illegal-move',
  })
}

/**
 * The orders' half of a settlement: PAYMENT_PENDING → PAID, if this is what the order costs. Called by the payments
 * service, in a transaction over both databases.
 *
 * @returns the order as it is if it cannot be paid, `undefined` once it is.
 */
export async function markPaid(
  tx: {
    query(text: string, values: readonly unknown[]): Promise<{ rows: unknown[]; rowCount: number | null }>
  },
  order: { id: string; amountCents: number },
): Promise<{ status: OrderStatus | 'unknown'; totalCents: number } | undefined> {
  // An INSERT that has rows tells the coordinator by itself that something was written.
  const { rowCount } = await tx.query(
    `with paid as (
       update orders set status = 'PAID', updated_at = now()
       where id = $1 and status = any($2::text[]) and total_cents = $3 returning id, status
     )
     insert into order_history (order_id, status) select id, status from paid`,
    [order.id, predecessors('PAID'), order.amountCents],
  )
  if (rowCount === 1) return undefined
  const { rows } = await tx.query('select status, total_cents as "totalCents" from orders where id = $1', [
    order.id,
  ])
  return (
    (rows[0] as { status: OrderStatus; totalCents: number } | undefined) ?? {
      status: 'unknown',
      totalCents: 0,
    }
  )
}

/** Money is on its way back for these units; more than was bought is refused. @returns how much. */
export async function claimRefund(
  tx: Queryable,
  refund: { id: string; orderId: string; lines: readonly CartLine[] },
): Promise<number> {
  const skus = refund.lines.map(({ sku }) => sku)
  const units = refund.lines.map(({ quantity }) => quantity)
  // The order's row first: two refunds of one order take turns.
  const { rows: orders } = await tx.query('select status from orders where id = $1 for update', [
    refund.orderId,
  ])
  const status = (orders[0] as { status: OrderStatus } | undefined)?.status
  if (status === undefined || !predecessors('REFUNDED').includes(status)) {
    throw new NonRetryableError(
      `Order ${refund.orderId} is ${status ?? 'unknown'}; only a paid order can be refunded`,
      {
        code: 'not-refundable',
      },
    )
  }
  const { rows } = await tx.query(
    `with wanted as (
       select sku, sum(units)::int as units from unnest($2::text[], $3::int[]) as line (sku, units) group by sku
     ), claimed as (
       update order_lines line set refunded_quantity = refunded_quantity + wanted.units
       from wanted
       where line.order_id = $1 and line.sku = wanted.sku and refunded_quantity + wanted.units <= quantity
       returning wanted.units, price_cents
     )
     select count(*)::int as lines, (select count(*) from wanted)::int as wanted, coalesce(sum(units * price_cents), 0)::int as cents
     from claimed`,
    [refund.orderId, skus, units],
  )
  const claimed = rows[0] as { lines: number; wanted: number; cents: number }
  if (claimed.lines < claimed.wanted || claimed.cents === 0) {
    throw new NonRetryableError(`Order ${refund.orderId} does not have these units left to refund`, {
      code: 'not-refundable',
    })
  }
  await tx.query(
    `insert into order_refunds (id, order_id, lines, amount_cents, status) values ($1, $2, $3, $4, 'pending')`,
    [refund.id, refund.orderId, JSON.stringify(refund.lines), claimed.cents],
  )
  return claimed.cents
}

/** The money is back. An order with nothing left is REFUNDED. */
export async function finishRefund(
  tx: Queryable,
  refund: { id: string; orderId: string; amountCents: number },
): Promise<void> {
  await tx.query(`update order_refunds set status = 'done' where id = $1`, [refund.id])
  const { rows } = await tx.query(
    `update orders set refunded_cents = refunded_cents + $2, updated_at = now() where id = $1
     returning refunded_cents = total_cents as everything`,
    [refund.orderId, refund.amountCents],
  )
  if ((rows[0] as { everything: boolean } | undefined)?.everything === true)
    await moveOrder(tx, refund.orderId, 'REFUNDED')
}
