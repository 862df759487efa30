import type { Pool } from 'pg'
import { inTransaction } from '../../shared/postgres.ts'

export type ChargeStatus = 'pending' | 'authorised' | 'settled' | 'declined' | 'voiding' | 'voided'

export interface Charge {
  readonly orderId: string
  readonly amountCents: number
  readonly refundedCents: number
  readonly status: ChargeStatus
  readonly providerId: string | null
  readonly declineMessage: string | null
  /** The provider has taken the money. */
  readonly isCaptured: boolean
}

const CHARGE = `order_id as "orderId", amount_cents as "amountCents", refunded_cents as "refundedCents", status,
  provider_id as "providerId", decline_message as "declineMessage", captured_at is not null as "isCaptured"`

/** Each method is one statement or one transaction, and safe to repeat. */
export interface PaymentsStore {
  /** Writes down that a charge is about to be made; the charge as it is if there is one already. */
  begin(orderId: string, amountCents: number): Promise<Charge>
  get(orderId: string): Promise<Charge | undefined>
  /** pending → authorised. `false` if the charge was voided in the meantime. */
  authorise(orderId: string, providerId: string): Promise<boolean>
  /** The provider has taken the money of a settled charge: noted and posted, once. */
  capture(orderId: string): Promise<void>
  /** pending → declined. */
  decline(orderId: string, providerId: string | undefined, message: string): Promise<void>
  /** From here no charge can be settled for the order, unless it is already. @returns the charge as it was before. */
  beginVoid(orderId: string): Promise<Charge>
  /** voiding → voided. Nothing had been posted. */
  finishVoid(orderId: string, providerId: string | undefined): Promise<void>
  /** Claims the amount for a refund, once for each id. */
  beginRefund(
    refundId: string,
    orderId: string,
    amountCents: number,
  ): Promise<'pending' | 'done' | 'too-much'>
  finishRefund(refundId: string, providerId: string): Promise<void>
  /** Voided without a trace at the provider, not long ago: worth another look. */
  voidedBlind(sinceMinutes: number): Promise<string[]>
}

export function paymentsStore(pool: Pool): PaymentsStore {
  const get = async (orderId: string): Promise<Charge | undefined> => {
    const { rows } = await pool.query<Charge>({
      name: 'payments-get',
      text: `select ${CHARGE} from charges where order_id = $1`,
      values: [orderId],
    })
    return rows[0]
  }

  const must = async (orderId: string): Promise<Charge> => {
    const charge = await get(orderId)
    if (charge === undefined) throw new Error(`Charge ${orderId} vanished`)
    return charge
  }

  return {
    get,

    async begin(orderId, amountCents) {
      const { rows } = await pool.query<Charge>({
        name: 'payments-begin',
        text: `insert into charges (order_id, amount_cents, status) values ($1, $2, 'pending')
               on conflict (order_id) do nothing returning ${CHARGE}`,
        values: [orderId, amountCents],
      })
      return rows[0] ?? must(orderId)
    },

    async authorise(orderId, providerId) {
      const { rowCount } = await pool.query({
        name: 'payments-authorise',
        text: `update charges set status = 'authorised', provider_id = $2, updated_at = now()
               where order_id = $1 and status = 'pending'`,
        values: [orderId, providerId],
      })
      if (rowCount === 1) return true
      const { status } = await must(orderId)
      return status === 'authorised' || status === 'settled'
    },

    async capture(orderId) {
      await pool.query({
        name: 'payments-capture',
        text: `with captured as (
                 update charges set captured_at = now(), updated_at = now()
                 where order_id = $1 and status = 'settled' and captured_at is null returning amount_cents
               )
               insert into ledger (posting, account, amount_cents)
               select 'capture:' || $1, account, sign * amount_cents
               from captured, (values ('provider', 1), ('receivable', -1)) as entry (account, sign)`,
        values: [orderId],
      })
    },

    async decline(orderId, providerId, message) {
      await pool.query(
        `update charges set status = 'declined', provider_id = $2, decline_message = $3, updated_at = now()
         where order_id = $1 and status = 'pending'`,
        [orderId, providerId ?? null, message],
      )
    },

    beginVoid: (orderId) =>
      inTransaction(pool, async (tx) => {
        // Also for an order never charged: the row is what refuses a charge that is still on its way.
        await tx.query(
          `insert into charges (order_id, amount_cents, status) values ($1, 0, 'voided') on conflict (order_id) do nothing`,
          [orderId],
        )
        const { rows } = await tx.query<Charge>(
          `select ${CHARGE} from charges where order_id = $1 for update`,
          [orderId],
        )
        await tx.query(
          `update charges set status = case status when 'declined' then 'voided' else 'voiding' end, updated_at = now()
           where order_id = $1 and status not in ('settled', 'voided')`,
          [orderId],
        )
        if (rows[0] === undefined) throw new Error(`Charge ${orderId} vanished`)
        return rows[0]
      }),

    async finishVoid(orderId, providerId) {
      await pool.query(
        `update charges set status = 'voided', updated_at = now(), provider_id = coalesce($2, provider_id)
         where order_id = $1 and status <> 'settled'`,
        [orderId, providerId ?? null],
      )
    },

    beginRefund: (refundId, orderId, amountCents) =>
      inTransaction(pool, async (tx) => {
        const { rows } = await tx.query<{ status: 'pending' | 'done' }>(
          'select status from refunds where id = $1',
          [refundId],
        )
        if (rows[0] !== undefined) return rows[0].status
        const claimed = await tx.query(
          `update charges set refunded_cents = refunded_cents + $2, updated_at = now()
           where order_id = $1 and status = 'settled' and refunded_cents + $2 <= amount_cents`,
          [orderId, amountCents],
        )
        if (claimed.rowCount === 0) return 'too-much'
        await tx.query(
          `insert into refunds (id, order_id, amount_cents, status) values ($1, $2, $3, 'pending')`,
          [refundId, orderId, amountCents],
        )
        return 'pending'
      }),

    async finishRefund(refundId, providerId) {
      await pool.query(
        `with done as (
           update refunds set status = 'done', provider_id = $2 where id = $1 and status = 'pending' returning amount_cents
         )
         insert into ledger (posting, account, amount_cents)
         select 'refund:' || $1, account, sign * amount_cents
         from done, (values ('provider', -1), ('sales', 1)) as entry (account, sign)`,
        [refundId, providerId],
      )
    },

    async voidedBlind(sinceMinutes) {
      const { rows } = await pool.query<{ orderId: string }>(
        `select order_id as "orderId" from charges
         where status = 'voided' and provider_id is null and amount_cents > 0
           and updated_at > now() - make_interval(mins => $1)`,
        [sinceMinutes],
      )
      return rows.map(({ orderId }) => orderId)
    },
  }
}

/** What a client of a transaction over several databases is asked with. */
export interface SettlingClient {
  query(text: string, values: readonly unknown[]): Promise<{ rows: unknown[] }>
}

/**
 * The payments' half of a settlement: authorised → settled, with its posting.
 *
 * @returns the amount, or the status of a charge that is not `authorised`, or `undefined` if there is none.
 */
export async function settleCharge(
  tx: SettlingClient,
  orderId: string,
): Promise<{ amountCents: number } | { status: ChargeStatus } | undefined> {
  // An INSERT that has rows tells the coordinator by itself that something was written.
  const { rows: posted } = await tx.query(
    `with settled as (
       update charges set status = 'settled', updated_at = now()
       where order_id = $1 and status = 'authorised' returning amount_cents
     )
     insert into ledger (posting, account, amount_cents)
     select 'charge:' || $1, account, sign * amount_cents
     from settled, (values ('receivable', 1), ('sales', -1)) as entry (account, sign)
     returning abs(amount_cents)::int as "amountCents"`,
    [orderId],
  )
  if (posted[0] !== undefined) return posted[0] as { amountCents: number }
  // A statement of its own: who had to wait for another settlement of the order now sees how that ended.
  const { rows } = await tx.query('select status from charges where order_id = $1', [orderId])
  return rows[0] as { status: ChargeStatus } | undefined
}
