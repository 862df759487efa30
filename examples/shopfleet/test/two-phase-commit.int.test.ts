// The moment at which an order is paid, with somebody killed at each step of it: the charge in one database and the
// order in the other never say different things once the dust has settled.
import { localCluster, type LocalCluster } from '@quorate/local-cluster'
import type pg from 'pg'
import { pino } from 'pino'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { DATABASES } from '../src/databases.ts'
import { settlementInvariants } from '../src/invariants/settlement.ts'
import { ordersMigrations } from '../src/services/orders/migrations.ts'
import { paymentsMigrations } from '../src/services/payments/migrations.ts'
import { openSettlement, type Settlement } from '../src/services/payments/settlement.ts'
import { paymentsStore, settleCharge } from '../src/services/payments/store.ts'
import { inTransaction, migrate, openPool, type Queryable, undone } from '../src/shared/postgres.ts'
import { role } from '../src/shared/role.ts'
import { until } from './api.ts'
import { startChild } from './child.ts'
import { POINTS, watchedPool, type Point } from './watched-pool.ts'

const { payments, orders } = DATABASES.postgres
const TOPOLOGY = { postgres: { payments, orders: { ...orders, replicas: 1 } } } as const
const CENTS = 1_250
/** Of each pool of a copy. */
const CONNECTIONS = 4
const log = pino({ level: 'silent' })

let cluster: LocalCluster<typeof TOPOLOGY>
let pools: { payments: pg.Pool; orders: pg.Pool }

beforeAll(async () => {
  cluster = await localCluster(TOPOLOGY)
  pools = openPools(8)
  await migrate(pools.payments, paymentsMigrations)
  await migrate(pools.orders, ordersMigrations)
})
afterAll(async () => {
  await Promise.all([pools?.payments.end(), pools?.orders.end()])
  await cluster?.stop()
})

const openPools = (max: number) => ({
  payments: openPool(
    role(() => cluster.postgres.payments.primary.url),
    { name: 'payments', max, log },
  ),
  orders: openPool(
    role(() => cluster.postgres.orders.primary.url),
    { name: 'orders', max, log },
  ),
})

/** A copy of the service, as far as it settles. `at` hears when it comes by a point, and may make it wait. */
async function openCopy(
  at: (point: Point) => Promise<void> = async () => {},
): Promise<Pick<Settlement, 'settle'> & AsyncDisposable> {
  const own = openPools(CONNECTIONS)
  const settlement = await openSettlement({
    payments: watchedPool(own.payments, at),
    orders: watchedPool(own.orders, at),
    log,
    maxAtOnce: CONNECTIONS - 2,
    recoverEveryMs: 100,
    orphanAfterMs: 300,
  })
  return {
    settle: (id) => settlement.settle(id),
    async [Symbol.asyncDispose]() {
      await settlement[Symbol.asyncDispose]()
      await Promise.all([own.payments.end(), own.orders.end()])
    },
  }
}

/** An order that waits for its payment, whose money the provider holds. */
async function placeOrder(id: string): Promise<void> {
  await pools.orders.query(
    `insert into orders (id, user_id, status, total_cents) values ($1, 'ann', 'PAYMENT_PENDING', $2)`,
    [id, CENTS],
  )
  await pools.payments.query(
    `insert into charges (order_id, amount_cents, status, provider_id) values ($1, $2, 'authorised', $1)`,
    [id, CENTS],
  )
}

/** What each database says of an order. */
async function look(id: string) {
  const [charge, order, prepared] = await Promise.all([
    pools.payments.query<{ status: string; postings: number }>(
      `select status, (select count(*)::int from ledger where posting = 'charge:' || order_id) as postings
       from charges where order_id = $1`,
      [id],
    ),
    pools.orders.query<{ status: string; times: number }>(
      `select status, (select count(*)::int from order_history h where h.order_id = orders.id and h.status = 'PAID') as times
       from orders where id = $1`,
      [id],
    ),
    pools.orders.query('select from pg_prepared_xacts'),
  ])
  return {
    charge: charge.rows[0]?.status,
    postings: charge.rows[0]?.postings,
    order: order.rows[0]?.status,
    timesPaid: order.rows[0]?.times,
    prepared: prepared.rowCount,
  }
}
const PAID = { charge: 'settled', postings: 2, order: 'PAID', timesPaid: 1, prepared: 0 }
const UNPAID = { charge: 'authorised', postings: 0, order: 'PAYMENT_PENDING', timesPaid: 0, prepared: 0 }

/** As a saga does: again, until it is told that it is done. */
const settleInTheEnd = (settlement: Pick<Settlement, 'settle'>, id: string): Promise<boolean> =>
  until(
    () =>
      settlement.settle(id).then(
        () => true,
        () => false,
      ),
    Boolean,
  )

async function broken(): Promise<string[]> {
  const invariants = await settlementInvariants(pools)
  return invariants.filter(({ holds }) => !holds).map(({ proof }) => proof)
}

/** A copy that comes as far as the point with each of the orders, and is killed there by SIGKILL. */
async function dieAt(point: Point, ids: readonly string[]): Promise<void> {
  const { payments: ours, orders: theirs } = cluster.postgres
  await using child = startChild('settling-process.ts', [ours.primary.url, theirs.primary.url, point, ...ids])
  for (const _ of ids) expect(await child.line()).toBe(point)
}

/** What is there after a kill, before anybody has recovered. */
const LEFT: Readonly<Record<Point, typeof UNPAID>> = {
  'before PREPARE on orders': UNPAID,
  'before COMMIT with the decision on payments': { ...UNPAID, prepared: 1 },
  // What two plain commits would leave behind for good.
  'before COMMIT PREPARED on orders': {
    charge: 'settled',
    postings: 2,
    order: 'PAYMENT_PENDING',
    timesPaid: 0,
    prepared: 1,
  },
  'after COMMIT PREPARED on orders': PAID,
}

test.each(POINTS)(
  'kill -9 %s: settled again, an order is whole; to be undone, payments knows whether it may',
  async (point) => {
    const [again, voided] = [`again ${point}`, `undone ${point}`]
    for (const id of [again, voided]) await placeOrder(id)
    await dieAt(point, [again, voided])
    const left = LEFT[point]
    for (const id of [again, voided]) expect(await look(id)).toEqual({ ...left, prepared: left.prepared * 2 })

    const { status } = await paymentsStore(pools.payments).beginVoid(voided)
    expect(status).toBe(left.charge)
    await using copy = await openCopy()
    await settleInTheEnd(copy, again)
    // Whoever is told so may go on: it is not only decided, it can be seen.
    expect((await look(again)).order).toBe('PAID')
    expect(
      await until(
        () => look(again),
        ({ prepared }) => prepared === 0,
      ),
    ).toEqual(PAID)
    expect(await look(voided)).toEqual(left.charge === 'settled' ? PAID : { ...UNPAID, charge: 'voiding' })
    expect(await broken()).toEqual([])
  },
)

test('more orders than there are connections, each locked by what a dead copy left: none is refused', async () => {
  const ids = Array.from({ length: 2 * CONNECTIONS }, (_, index) => `crowd-${index}`)
  for (const id of ids) await placeOrder(id)
  await dieAt('before COMMIT with the decision on payments', ids)
  await using copy = await openCopy()
  await Promise.all(ids.map((id) => copy.settle(id)))
  for (const id of ids) expect(await look(id)).toEqual(PAID)
})

/** Settles an order while `stroke` falls at the point. @returns what is there then, and what is wrong. */
async function settleUnder(point: Point, id: string, stroke: () => Promise<void>) {
  await placeOrder(id)
  let struck = false
  await using copy = await openCopy(async (passed) => {
    if (passed !== point || struck) return
    struck = true
    await stroke()
  })
  await settleInTheEnd(copy, id)
  return { struck, order: await look(id), broken: await broken() }
}
const WHOLE = { struck: true, order: PAID, broken: [] }

const TAKE_OVERS = [
  ...POINTS.map((point) => ['payments', point] as const),
  // Where its own part is prepared: that must not be lost with it.
  ['orders', 'before COMMIT with the decision on payments'],
  ['orders', 'before COMMIT PREPARED on orders'],
] as const
test.each(TAKE_OVERS)(
  'the %s primary is lost %s, and its standby takes over: nothing is',
  async (of, point) => {
    const promote = () => cluster.postgres[of].promote(0)
    expect(await settleUnder(point, `${of} promoted ${point}`, promote)).toEqual(WHOLE)
  },
)

test.each(POINTS)('the orders primary is killed %s, and restarts: the order is paid once', async (point) => {
  const restart = async (): Promise<void> => {
    await cluster.postgres.orders.primary.kill()
    await cluster.postgres.orders.primary.restart()
  }
  expect(await settleUnder(point, `restarted ${point}`, restart)).toEqual(WHOLE)
})

test('a copy starts while the orders database is away, and settles when that is back', async () => {
  await placeOrder('early')
  await cluster.postgres.orders.primary.kill()
  await using copy = await openCopy()
  await expect(copy.settle('early')).rejects.toMatchObject({
    code: 'QUORATE_TPC_PARTICIPANT_UNAVAILABLE',
    outcome: 'not-applied',
  })
  await cluster.postgres.orders.primary.restart()
  await settleInTheEnd(copy, 'early')
  expect(await look('early')).toEqual(PAID)
})

test.each(['payments', 'orders'] as const)(
  'a settlement waits for the standby of %s: what is acknowledged is on two machines',
  async (of) => {
    const id = `waits for ${of}`
    await placeOrder(id)
    await using settlement = await openCopy()
    const [standby] = cluster.postgres[of].replicas
    await standby.pause()
    const settled = settlement.settle(id)
    await until(
      async () =>
        (await pools[of].query(`select from pg_stat_activity where wait_event = 'SyncRep'`)).rowCount ?? 0,
      (waiting) => waiting > 0,
    )
    expect((await look(id)).order).toBe('PAYMENT_PENDING')
    await standby.resume()
    await settled
    expect(await look(id)).toEqual(PAID)
  },
)

test('inTransaction() commits, takes back what ends with a refusal, and never takes a rollback for a commit', async () => {
  const db = pools.payments
  await db.query('create table notes (text text primary key)')
  const note = (tx: Queryable, text: string) => tx.query('insert into notes values ($1)', [text])
  const written = inTransaction(db, async (tx) => {
    await note(tx, 'kept')
    return 'yes'
  })
  expect(await written).toBe('yes')
  const refused = inTransaction<string>(db, async (tx) => {
    await note(tx, 'refused')
    return undone('no')
  })
  expect(await refused).toBe('no')
  const swallowed = inTransaction(db, async (tx) => {
    await note(tx, 'lost')
    await note(tx, 'kept').catch(() => {})
  })
  await expect(swallowed).rejects.toThrow(/Cannot commit: a statement of this transaction has failed/)
  expect((await db.query('select text from notes')).rows).toEqual([{ text: 'kept' }])
})

test('with two plain commits and a death in between, the invariants are broken, and say so', async () => {
  await placeOrder('plain')
  await inTransaction(pools.payments, (tx) =>
    settleCharge({ query: (text, values) => tx.query(text, [...values]) }, 'plain'),
  )
  // Here the process dies, and nobody knows that half is missing.
  expect(await broken()).toEqual(['1 settled charges have no paid order: plain'])
})
