import type { Pool } from 'pg'
import { inTransaction } from '../../shared/postgres.ts'

export type ChargeStatus = 'pending' | 'captured' | 'declined' | 'voiding' | 'voided'

export interface Charge {
  readonly orderId: string
  readonly amountCents: number
  readonly refundedCents: number
  readonly status: ChargeStatus
  readonly providerId: string | null
  readonly declineMessage: string | null
}

const CHARGE = `order_id as "orderId", amount_cents as "amountCents", refunded_cents as "refundedCents", status,
  provider_id as "providerId", decline_message as "declineMessage"`

/** Each method is one statement or one transaction, and safe to repeat. */
export interface PaymentsStore {
  /** Writes down that a charge is about to be made; the charge as it is if there is one already. */
  begin(orderId: string, amountCents: number): Promise<Charge>
  get(orderId: string): Promise<Charge | undefined>
  /** pending → captured, with its posting. `false` if the charge was voided in the meantime. */
  capture(orderId: string, providerId: string): Promise<boolean>
  /** pending → declined. */
  decline(orderId: string, providerId: string | undefined, message: string): Promise<void>
  /** From here no charge can be captured for the order. @returns the charge as it was before. */
  beginVoid(orderId: string): Promise<Charge>
  /** voiding → voided; what had been captured is posted back. */
  finishVoid(orderId: string, taken: { providerId: string; refundedCents: number } | undefined): Promise<void>
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

    async capture(orderId, providerId) {
      const { rows } = await pool.query<{ captured: boolean }>({
        name: 'payments-capture',
        text: `with captured as (
                 update charges set status = 'captured', provider_id = $2, updated_at = now()
                 where order_id = $1 and status = 'pending' returning amount_cents
               ), posted as (
                 insert into ledger (posting, account, amount_cents)
                 select 'charge:' || $1, account, sign * amount_cents
                 from captured, (values ('provider', 1), ('sales', -1)) as entry (account, sign)
               )
               select exists (select from captured)
                   or exists (select from charges where order_id = $1 and status = 'captured') as captured`,
        values: [orderId, providerId],
      })
      return rows[0]?.captured ?? false
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
           where order_id = $1 and status <> 'voided'`,
          [orderId],
        )
        if (rows[0] === undefined) throw new Error(`Charge ${orderId} vanished`)
        return rows[0]
      }),

    async finishVoid(orderId, taken) {
      // A charge that was never posted has nothing to post back.
      await pool.query(
        `with voided as (
           update charges set status = 'voided', updated_at = now(), provider_id = coalesce($2, provider_id),
             refunded_cents = case when exists (select from ledger where posting = 'charge:' || $1) then amount_cents else 0 end
           where order_id = $1 and status <> 'captured'
         )
         insert into ledger (posting, account, amount_cents)
         select 'void:' || $1, account, sign * $3::bigint
         from (values ('provider', -1), ('sales', 1)) as entry (account, sign)
         where $3 > 0 and exists (select from ledger where posting = 'charge:' || $1)
         on conflict do nothing`,
        [orderId, taken?.providerId ?? null, taken?.refundedCents ?? 0],
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
           where order_id = $1 and status = 'captured' and refunded_cents + $2 <= amount_cents`,
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
