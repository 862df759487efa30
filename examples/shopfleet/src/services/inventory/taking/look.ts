/** The look after promises: those that the shelves can keep are reserved, the others are oversold. */
import { systemClock } from '@quorate/core'
import type { Pool, PoolClient } from 'pg'
import type { Logger } from '../../../shared/logging.ts'
import { inTransaction } from '../../../shared/postgres.ts'
import { changeRows, lockShelves, writeDown } from '../movements.ts'
import type { Reservation } from '../reservations.ts'
import { judge } from './judge.ts'

export interface LookOptions {
  /** From a promise to the look at it, ms. */
  readonly afterMs: number
  readonly log: Logger
}

export interface Look extends AsyncDisposable {
  /** There are promises: looks at them after a while. */
  readonly soon: () => void
  /** Looks at all promises that are there now. */
  readonly now: () => Promise<void>
  /** Plans no further look and lets the one under way end. What is left waits for the next start. */
  [Symbol.asyncDispose](): Promise<void>
}

/** Promises in one transaction. */
const PAGE = 500
/** One look at a time, in all copies of the service: who came first is served first. */
const ONE_AT_A_TIME = `begin; set local idle_in_transaction_session_timeout = '4s';
  select pg_advisory_xact_lock(hashtext('shopfleet.inventory.look'))`

export function lookAfterPromises(pool: Pool, { afterMs, log }: LookOptions): Look {
  const stop = new AbortController()
  let planned: Promise<void> | undefined
  /** The look that has not begun yet: who asks now is part of it. */
  let next: Promise<void> | undefined
  let current: Promise<void> = Promise.resolve()

  async function look(): Promise<void> {
    while ((await inTransaction(pool, (tx) => judgePage(tx), ONE_AT_A_TIME)) === PAGE) {
      stop.signal.throwIfAborted()
    }
  }

  function now(): Promise<void> {
    next ??= (async () => {
      await current
      const mine = look()
      next = undefined
      current = mine.catch(() => {})
      await mine
    })()
    return next
  }

  async function plan(): Promise<void> {
    try {
      await systemClock.sleep(afterMs, { signal: stop.signal })
      planned = undefined
      await now()
    } catch (error) {
      if (stop.signal.aborted) return
      // The database is away: what was promised is still written down there.
      log.warn({ err: error }, 'look after promises failed')
      soon()
    }
  }

  function soon(): void {
    if (!stop.signal.aborted) planned ??= plan()
  }

  return {
    soon,
    now,
    async [Symbol.asyncDispose]() {
      stop.abort(new DOMException('The inventory service is stopping', 'AbortError'))
      await planned
      await Promise.allSettled([next, current])
    },
  }
}

/** @returns how many it judged: the oldest ones. */
async function judgePage(tx: PoolClient): Promise<number> {
  const { rows: promises } = await tx.query<Reservation>({
    name: 'inventory-promises',
    text: `select id, lines from reservations where status = 'promised' order by seq limit $1 for update`,
    values: [PAGE],
  })
  if (promises.length === 0) return 0
  const shelves = await lockShelves(tx, [
    ...new Set(promises.flatMap(({ lines }) => lines.map(({ sku }) => sku))),
  ])
  const { verdicts, granted, taken } = judge(promises, shelves)
  if (granted.length > 0) {
    await tx.query({
      name: 'inventory-keep',
      text: `update reservations set status = 'reserved', updated_at = now() where id = any($1::text[])`,
      values: [granted.map(({ id }) => id)],
    })
    // The ledger has them since they were promised.
    await changeRows(tx, 'reserve', taken)
  }
  const oversold = promises.flatMap((promise, index) => {
    const verdict = verdicts[index]
    return verdict?.type === 'short' ? [{ ...promise, short: verdict.short }] : []
  })
  if (oversold.length > 0) {
    await tx.query({
      name: 'inventory-oversold',
      text: `update reservations set status = 'oversold', short = verdict.short, updated_at = now()
             from unnest($1::text[], $2::jsonb[]) as verdict (id, short) where reservations.id = verdict.id`,
      values: [oversold.map(({ id }) => id), oversold.map(({ short }) => JSON.stringify(short))],
    })
    await writeDown(
      tx,
      'apology',
      oversold.flatMap(({ id, lines }) => lines.map((line) => ({ ...line, ref: id }))),
    )
  }
  return promises.length
}
