/**
 * The moment at which an order is paid: its charge is settled in the payments database and it becomes PAID in the
 * orders database, in one atomic commit over both. No crash leaves money owed for an order that is not paid, nor an
 * order paid for which no money is owed.
 *
 * It is the one place where two services share a transaction, and payments owns it: the record of the decision lies
 * in its database, which has the synchronous standby, and is committed together with the charge itself. So the row
 * of the charge *is* the decision, and whoever has to know what became of an order asks that row. The price is that
 * payments can write to the orders database (which in production gets a role with the rights of `markPaid`, and no
 * others), and that both must be in one data centre.
 */
import {
  coLocated,
  createCoordinator,
  ParticipantUnavailableError,
  type CoordinatorEvent,
  type PgPool,
} from '@quorate/two-phase-commit'
import type { OrderStatus } from '../../api.ts'
import { atMost } from '../../shared/at-most.ts'
import type { Logger } from '../../shared/logging.ts'
import type { Queryable } from '../../shared/postgres.ts'
import { Problem, unavailable } from '../../shared/problem.ts'
import { isDecided } from '../orders/status.ts'
import { markPaid } from '../orders/store.ts'
import { unknownCharge } from './payments.ts'
import { settleCharge } from './store.ts'

/** A pool that leads to the primary of its database, also after a fail-over. */
export type SettlementPool = PgPool & Queryable

export interface SettlementOptions {
  readonly payments: SettlementPool
  readonly orders: SettlementPool
  readonly log: Logger
  /**
   * Settlements at once: two less than either pool has connections, at most. One may wait for a lock that a dead copy
   * of this service has left, and recovery needs a connection to end that. Default 12.
   */
  readonly maxAtOnce?: number | undefined
  /** Between two looks for what dead copies of this service left, ms. Default 2,000. */
  readonly recoverEveryMs?: number | undefined
  /** That is ended when it has been left for so long, ms. Default 3,000. */
  readonly orphanAfterMs?: number | undefined
}

export interface Settlement extends AsyncDisposable {
  /**
   * Settles the charge of an order and makes it PAID; doing it again changes nothing. Resolves when both databases
   * show it.
   *
   * @throws Problem 409 if the charge or the order is not at this point, 404 if there is no such charge.
   * @throws Problem 503, or what the coordinator throws, if it is not done or not known: call again.
   */
  settle(orderId: string): Promise<void>
}

/** Both locks are held for so long at most, ms. */
const TIMEOUT_MS = 4_000
const MAX_AT_ONCE = 12
const RECOVER_EVERY_MS = 2_000
/** Those of a copy that lives are done in a few ms. */
const ORPHAN_AFTER_MS = 3_000

export async function openSettlement({
  payments,
  orders,
  log,
  maxAtOnce = MAX_AT_ONCE,
  recoverEveryMs = RECOVER_EVERY_MS,
  orphanAfterMs = ORPHAN_AFTER_MS,
}: SettlementOptions): Promise<Settlement> {
  const inTurn = atMost(maxAtOnce)
  /** Committed, and the orders database does not know it yet. */
  const untold = new Set<string>()
  const coordinator = createCoordinator({
    participants: { payments, orders },
    log: coLocated('payments'),
    name: 'settlement',
    timeoutMs: TIMEOUT_MS,
    recoverEveryMs,
    orphanAfterMs,
    onEvent: (event) => {
      if (event.type === 'unfinished' && event.decision === 'commit') untold.add(event.id)
      logEvent(log, event)
    },
  })
  await coordinator.migrate()
  try {
    await coordinator.start()
  } catch (error) {
    // Payments starts without the orders database: the first settlement tries again.
    if (!(error instanceof ParticipantUnavailableError)) throw error
    log.warn({ err: error }, 'settlement: a database is away')
  }

  const commitBoth = (orderId: string): Promise<{ isNew: boolean; id: string }> =>
    coordinator.transaction(async (db, transaction) => {
      // Payments first, always: two settlements of one order then wait for each other, and never in a circle.
      const charge = await settleCharge(db.payments, orderId)
      if (charge === undefined) throw unknownCharge(orderId)
      if ('amountCents' in charge) {
        const stuck = await markPaid(db.orders, { id: orderId, amountCents: charge.amountCents })
        if (stuck !== undefined) throw notPayable(orderId, charge.amountCents, stuck)
      } else if (charge.status !== 'settled') {
        throw new Problem(
          409,
          'not-authorised',
          `The charge of order ${orderId} is ${charge.status}; it must be authorised to be settled`,
        )
      }
      return { isNew: 'amountCents' in charge, id: transaction.id }
    })

  return {
    async settle(orderId) {
      const { isNew, id } = await inTurn(() => commitBoth(orderId))
      if (isNew && !untold.delete(id)) return
      // Settled before, perhaps by a copy of this service that died, or with an orders database that was cut off:
      // the saga must not go on before the order is seen to be PAID.
      await coordinator.recover()
      const { rows } = await orders.query('select status from orders where id = $1', [orderId])
      const status = (rows[0] as { status: OrderStatus } | undefined)?.status
      if (status === undefined || !isDecided(status))
        throw unavailable(`The orders database, where order ${orderId} is about to become PAID,`, undefined)
      if (status === 'CANCELLED') throw new Error(`Order ${orderId} is CANCELLED, and its charge settled`)
    },

    [Symbol.asyncDispose]: () => coordinator.stop(),
  }
}

function notPayable(
  orderId: string,
  amountCents: number,
  { status, totalCents }: { status: string; totalCents: number },
): Problem {
  return new Problem(
    409,
    'not-payable',
    status === 'PAYMENT_PENDING'
      ? `Order ${orderId} costs ${totalCents}, and ${amountCents} was authorised; use a new order id`
      : `Order ${orderId} is ${status}; only one that waits for its payment can be paid`,
  )
}

function logEvent(log: Logger, event: CoordinatorEvent): void {
  switch (event.type) {
    case 'committed':
    case 'slow':
    case 'recovery-elsewhere':
      log.debug(event, `settlement ${event.type}`)
      break
    case 'aborted':
    case 'recovered':
    case 'epoch-closed':
    case 'regions-differ':
      log.info(
        'error' in event ? { ...event, error: String(event.error) } : event,
        `settlement ${event.type}`,
      )
      break
    case 'in-doubt':
    case 'unfinished':
    case 'orphan':
    case 'recovery-failed':
    case 'overridden':
      log.warn(
        'error' in event ? { ...event, error: String(event.error) } : event,
        `settlement ${event.type}`,
      )
      break
    default:
      event satisfies never
  }
}
