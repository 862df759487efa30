import type { ShopPools } from '../databases.ts'
import { examples, type Invariant } from './check-invariants.ts'

interface OrderMoney {
  readonly id: string
  readonly total: number
  readonly refunded: number
  readonly is_paid: boolean
  /** The sum over its lines, at the prices they were sold at. */
  readonly lines_total: string
}
interface Taken {
  readonly order_id: string
  readonly charges: number
  readonly captured: string
  readonly refunded: string
}
interface Ledger {
  readonly unbalanced: readonly string[]
  /** Settled, and not yet taken by the provider. */
  readonly receivable: string
  readonly with_provider: string
  readonly paid_out: string
  readonly sales: string
  readonly payouts: string
}

/** What customers paid, what the provider holds, and what our books say are one and the same. */
export async function moneyInvariants({ orders, payments, provider }: ShopPools): Promise<Invariant[]> {
  const [ordered, taken, held, ledger] = await Promise.all([
    readOrders(orders),
    readProvider(provider),
    readHeld(provider),
    readLedger(payments),
  ])
  return [conserved(ordered, taken, ledger), chargedOnce(ordered, taken, held)]
}

async function readOrders(orders: ShopPools['orders']): Promise<OrderMoney[]> {
  const { rows } = await orders.query<OrderMoney>(
    `select id, total_cents as total, refunded_cents as refunded,
            status not in ('CREATED', 'PAYMENT_PENDING', 'CANCELLED') as is_paid,
            (select coalesce(sum(quantity::bigint * price_cents), 0) from order_lines where order_id = orders.id) as lines_total
     from orders`,
  )
  return rows
}

async function readProvider(provider: ShopPools['provider']): Promise<Taken[]> {
  const { rows } = await provider.query<Taken>(
    `select body #>> '{metadata,order_id}' as order_id, count(*)::int as charges,
            sum((body ->> 'amount_received')::bigint) as captured,
            sum((select coalesce(sum(amount), 0) from provider_refunds where intent = provider_intents.id)) as refunded
     from provider_intents where body ->> 'status' = 'succeeded'
     group by 1`,
  )
  return rows
}

/** Orders for which money is set aside, and neither taken nor released. */
async function readHeld(provider: ShopPools['provider']): Promise<string[]> {
  const { rows } = await provider.query<{ order_id: string }>(
    `select body #>> '{metadata,order_id}' as order_id from provider_intents where body ->> 'status' = 'requires_capture'`,
  )
  return rows.map(({ order_id: id }) => id)
}

async function readLedger(payments: ShopPools['payments']): Promise<Ledger> {
  const { rows } = await payments.query<Ledger>(
    `select array(select posting from ledger group by posting having sum(amount_cents) <> 0) as unbalanced,
            (select coalesce(sum(amount_cents), 0) from ledger where account = 'receivable') as receivable,
            (select coalesce(sum(amount_cents), 0) from ledger where account = 'provider') as with_provider,
            (select coalesce(sum(amount_cents), 0) from ledger where account = 'bank') as paid_out,
            (select coalesce(-sum(amount_cents), 0) from ledger where account = 'sales') as sales,
            (select coalesce(sum(amount_cents), 0) from payouts) as payouts`,
  )
  const [row] = rows
  if (row === undefined) throw new Error('The ledger query gave no row')
  return row
}

function conserved(orders: readonly OrderMoney[], taken: readonly Taken[], ledger: Ledger): Invariant {
  const paid = orders.filter(({ is_paid: isPaid }) => isPaid)
  const owed = sum(paid.map(({ total, refunded }) => total - refunded))
  const held = sum(taken.map(({ captured, refunded }) => Number(captured) - Number(refunded)))
  const sales = Number(ledger.sales)
  const wrongTotals = paid.filter((order) => Number(order.lines_total) !== order.total)
  const problems = [
    ...(owed === held ? [] : [`orders say ${pounds(owed)}, the provider ${pounds(held)}`]),
    ...(owed === sales ? [] : [`orders say ${pounds(owed)}, the ledger ${pounds(sales)}`]),
    ...(Number(ledger.receivable) === 0
      ? []
      : [`${pounds(Number(ledger.receivable))} of settled charges were never taken`]),
    ...(Number(ledger.receivable) + Number(ledger.with_provider) + Number(ledger.paid_out) === sales
      ? []
      : ['the ledger has lost money']),
    ...(ledger.paid_out === ledger.payouts
      ? []
      : [`the ledger paid out ${ledger.paid_out}, the payouts are ${ledger.payouts}`]),
    ...(ledger.unbalanced.length === 0 ? [] : [examples('postings do not balance', ledger.unbalanced)]),
    ...(wrongTotals.length === 0
      ? []
      : [
          examples(
            'totals are not the sum of their lines',
            wrongTotals.map(({ id }) => id),
          ),
        ]),
  ]
  const refunded = sum(paid.map((order) => order.refunded))
  return {
    name: 'money is conserved',
    holds: problems.length === 0,
    proof:
      problems.join('; ') ||
      `${paid.length} paid orders less ${pounds(refunded)} refunded = ${pounds(owed)} = what the provider took = ` +
        `our ledger (${pounds(Number(ledger.with_provider))} at the provider + ${pounds(Number(ledger.paid_out))} paid out)`,
  }
}

/** Before an order is PAID the provider only sets money aside: nothing is ever taken for any other. */
function chargedOnce(
  orders: readonly OrderMoney[],
  taken: readonly Taken[],
  held: readonly string[],
): Invariant {
  const byOrder = new Map(taken.map((charge) => [charge.order_id, charge]))
  const known = new Set(orders.map(({ id }) => id))
  const broken = orders.filter(({ id, is_paid: isPaid, total, refunded }) => {
    const charge = byOrder.get(id)
    if (!isPaid || total === 0) return charge !== undefined
    return charge?.charges !== 1 || Number(charge.captured) !== total || Number(charge.refunded) !== refunded
  })
  const strangers = taken.filter(({ order_id: id }) => !known.has(id)).map(({ order_id: id }) => id)
  const paid = orders.filter(({ is_paid: isPaid }) => isPaid).length
  return {
    name: 'one charge per paid order, none for any other',
    holds: broken.length === 0 && strangers.length === 0 && held.length === 0,
    proof:
      broken.length + strangers.length + held.length > 0
        ? [
            examples('orders are charged wrongly', [...broken.map(({ id }) => id), ...strangers]),
            examples('orders have money set aside for nothing', held),
          ].join('; ')
        : `${paid} paid orders have exactly one captured charge of their total each; ` +
          `${orders.length - paid} others have none, and nothing set aside`,
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((total, value) => total + value, 0)
const pounds = (cents: number): string => `£${(cents / 100).toFixed(2)}`
