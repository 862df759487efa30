import { systemClock, systemRandom } from '@quorate/core'
import { LockLostError, StaleTokenError, type Lock, type Locks } from '@quorate/fenced-lock'
import type { PostgresGuard } from '@quorate/fenced-lock/postgres'
import type { Pool } from 'pg'
import type { Logger } from '../../shared/logging.ts'
import { inTransaction } from '../../shared/postgres.ts'
import { reconcile } from './payments.ts'
import type { Provider } from './provider.ts'
import type { PaymentsStore } from './store.ts'

export interface PayoutWorkerOptions {
  readonly name: string
  readonly pool: Pool
  readonly locks: Locks
  readonly guard: PostgresGuard
  readonly store: PaymentsStore
  readonly provider: Provider
  readonly everyMs: number
  readonly log: Logger
}

export interface PayoutWorker {
  /** Resolves when no payout is under way. */
  stop(): Promise<void>
}

const LOCK = 'payouts'
const TTL_MS = 5_000
const LOOK_BACK_MINUTES = 10

/**
 * Settles what customers have paid with the bank, one payout at a time. Several workers run; the lock lets
 * one of them work, and the guard refuses the payout of a worker that was asleep while its lock ran out.
 */
export function startPayoutWorker(options: PayoutWorkerOptions): PayoutWorker {
  const { name, locks, everyMs, log } = options
  const stopping = new AbortController()
  const { signal } = stopping

  const round = async (): Promise<void> => {
    await using lock = await locks.tryAcquire(LOCK, { ttlMs: TTL_MS, signal })
    if (lock === undefined) return // the other one is at it
    await reconcile(options.store, options.provider, LOOK_BACK_MINUTES)
    const paid = await payOut(options, lock)
    if (paid !== undefined) log.info({ worker: name, ...paid }, 'payout')
  }

  const run = async (): Promise<void> => {
    while (!signal.aborted) {
      try {
        await round()
      } catch (error) {
        const fenced = error instanceof StaleTokenError || error instanceof LockLostError
        if (!signal.aborted)
          log.warn(
            { worker: name, err: error },
            fenced ? 'payout refused: the lock was lost' : 'payout failed; again later',
          )
      }
      // Spread, so that the workers do not ask in step.
      await systemClock.sleep(everyMs * (0.5 + systemRandom()), { signal, ref: false }).catch(() => {})
    }
  }
  const done = run()

  return {
    async stop() {
      stopping.abort()
      await done
    },
  }
}

/** Everything that is with the provider and not settled yet becomes one payout; the token goes on record. */
async function payOut({ name, pool, guard }: PayoutWorkerOptions, lock: Lock) {
  return inTransaction(pool, (tx) =>
    guard.run(tx, lock, async () => {
      const { rows } = await tx.query<{ id: number; cents: number }>(
        `with due as (
           select posting from ledger where account = 'provider' and payout_id is null for update
         ), total as (
           select sum(amount_cents)::bigint as cents from ledger where account = 'provider' and posting in (select posting from due)
         ), paid as (
           insert into payouts (amount_cents, worker, lock_token)
           select cents, $1, $2 from total where cents > 0 returning id, amount_cents
         ), marked as (
           update ledger set payout_id = paid.id from paid
           where account = 'provider' and posting in (select posting from due)
         ), posted as (
           insert into ledger (posting, account, amount_cents, payout_id)
           select 'payout:' || paid.id, account, sign * amount_cents, paid.id
           from paid, (values ('bank', 1), ('provider', -1)) as entry (account, sign)
         )
         select id, amount_cents as cents from paid`,
        [name, lock.token],
      )
      return rows[0]
    }),
  )
}
