import type { ShopPools } from '../databases.ts'
import { examples, type Invariant } from './check-invariants.ts'

interface PaidOrder {
  readonly id: string
  readonly total: number
  readonly refunded: number
}
interface SettledCharge {
  readonly id: string
  readonly amount: number
  readonly refunded: number
  /** What the ledger says it is. */
  readonly posted: number
}

/** What the atomic commit over payments and orders promises, read from both databases. */
export async function settlementInvariants(
  pools: Pick<ShopPools, 'orders' | 'payments'>,
): Promise<Invariant[]> {
  return [await settledTogether(pools), await nothingPrepared(pools)]
}

async function settledTogether({
  orders,
  payments,
}: Pick<ShopPools, 'orders' | 'payments'>): Promise<Invariant> {
  const [{ rows: paid }, { rows: settled }] = await Promise.all([
    orders.query<PaidOrder>(
      `select id, total_cents as total, refunded_cents as refunded from orders
       where status not in ('CREATED', 'PAYMENT_PENDING', 'CANCELLED')`,
    ),
    payments.query<SettledCharge>(
      `select order_id as id, amount_cents as amount, refunded_cents as refunded,
              (select coalesce(sum(amount_cents), 0)::bigint from ledger where posting = 'charge:' || order_id and account = 'receivable') as posted
       from charges where status = 'settled'`,
    ),
  ])
  const charges = new Map(settled.map((charge) => [charge.id, charge]))
  const known = new Set(paid.map(({ id }) => id))
  const unpaid = paid.filter(({ id }) => !charges.has(id)).map(({ id }) => id)
  const strangers = settled.filter(({ id }) => !known.has(id)).map(({ id }) => id)
  const unequal = paid.filter(({ id, total, refunded }) => {
    const charge = charges.get(id)
    if (charge === undefined) return false
    return charge.amount !== total || charge.refunded !== refunded || charge.posted !== total
  })
  const problems = [
    ...(unpaid.length === 0 ? [] : [examples('paid orders have no settled charge', unpaid)]),
    ...(strangers.length === 0 ? [] : [examples('settled charges have no paid order', strangers)]),
    ...(unequal.length === 0
      ? []
      : [
          examples(
            'orders and their charges differ in money',
            unequal.map(({ id }) => id),
          ),
        ]),
  ]
  const cents = settled.reduce((total, { amount }) => total + amount, 0)
  return {
    name: 'an order is PAID if and only if its charge is settled',
    holds: problems.length === 0,
    proof:
      problems.join('; ') ||
      `${paid.length} paid orders in one database = ${settled.length} settled charges in the other, ` +
        `£${(cents / 100).toFixed(2)}, order by order, to the penny`,
  }
}

/** Read from the servers, so that nobody's transaction is overlooked. */
async function nothingPrepared(servers: Pick<ShopPools, 'orders' | 'payments'>): Promise<Invariant> {
  const left = await Promise.all(
    (['payments', 'orders'] as const).map(async (name) => {
      const { rows } = await servers[name].query<{ gid: string }>('select gid from pg_prepared_xacts')
      return rows.map(({ gid }) => `${gid} on ${name}`)
    }),
  )
  const gids = left.flat()
  return {
    name: 'nothing is left prepared',
    holds: gids.length === 0,
    proof:
      gids.length > 0
        ? examples('transactions wait for a decision', gids)
        : 'no prepared transaction on the servers of payments and orders',
  }
}
