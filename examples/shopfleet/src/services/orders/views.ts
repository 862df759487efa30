/** Reads of orders, as the public API shows them. */
import type { CartLine, OrderView } from '../../api.ts'

/** Whatever can run a read: the primary, or a replica that has caught up. */
export interface Reader {
  query(text: string, values: unknown[]): Promise<{ rows: unknown[] }>
}

const VIEW = `
  select o.id, o.user_id as "userId", o.status, o.cancel_reason as "cancelReason", o.short, o.apology,
    o.cart_removal as "cartRemoval", o.total_cents as "totalCents", o.refunded_cents as "refundedCents", o.tracking,
    o.created_at as "createdAt", o.updated_at as "updatedAt",
    coalesce((
      select json_agg(json_build_object('sku', l.sku, 'quantity', l.quantity, 'priceCents', l.price_cents,
                                        'refundedQuantity', l.refunded_quantity) order by l.sku)
      from order_lines l where l.order_id = o.id
    ), '[]') as lines
  from orders o`

type Row = Omit<OrderView, 'createdAt' | 'updatedAt'> & { createdAt: Date; updatedAt: Date }

export async function readOrder(reader: Reader, id: string): Promise<OrderView | undefined> {
  const { rows } = await reader.query(`${VIEW} where o.id = $1`, [id])
  const row = rows[0] as Row | undefined
  return row === undefined ? undefined : toView(row)
}

export async function orderExists(reader: Reader, id: string): Promise<boolean> {
  const { rows } = await reader.query('select from orders where id = $1', [id])
  return rows.length > 0
}

/** The user's newest orders first. */
export async function listOrders(reader: Reader, userId: string, limit: number): Promise<OrderView[]> {
  const { rows } = await reader.query(
    `${VIEW} where o.user_id = $1 order by o.created_at desc, o.id limit $2`,
    [userId, limit],
  )
  return (rows as Row[]).map(toView)
}

function toView(row: Row): OrderView {
  return { ...row, createdAt: row.createdAt.toISOString(), updatedAt: row.updatedAt.toISOString() }
}

export interface RefundClaim {
  readonly orderId: string
  readonly amountCents: number
  readonly lines: readonly CartLine[]
}

export async function readRefund(reader: Reader, id: string): Promise<RefundClaim | undefined> {
  const { rows } = await reader.query(
    'select order_id as "orderId", amount_cents as "amountCents", lines from order_refunds where id = $1',
    [id],
  )
  return rows[0] as RefundClaim | undefined
}
