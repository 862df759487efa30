// A COMMIT that is cancelled while it waits for its synchronous standby is committed all the same, and seen by all;
// but a failover forgets it. Whoever acts on such a record has half a payment.
import { localCluster } from '@quorate/local-cluster'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { coLocated, createCoordinator } from '@quorate/two-phase-commit'
import { audit, type Bank, openBank, transfer } from './support.ts'
import { watched } from './watched.ts'

/** Payments have a synchronous standby, and the log is beside them. */
const startServers = () =>
  localCluster({ postgres: { payments: { replicas: 1, synchronous: true, databases: ['log'] }, orders: {} } })

let cluster: Awaited<ReturnType<typeof startServers>>
let bank: Bank

beforeAll(async () => {
  cluster = await startServers()
  const { payments, orders } = cluster.postgres
  bank = await openBank({
    payments: payments.primary.url,
    orders: orders.primary.url,
    log: payments.primary.urlOf('log'),
  })
})
afterAll(async () => {
  await bank[Symbol.asyncDispose]()
  await cluster[Symbol.asyncDispose]()
})

test('an epoch whose end the standby does not know is not closed yet: its coordinator may write after a failover', async () => {
  const [standby] = cluster.postgres.payments.replicas
  const { promise: isPrepared, resolve: prepared } = Promise.withResolvers<undefined>()
  const { promise: wake, resolve: wakeUp } = Promise.withResolvers<undefined>()
  const participants = {
    payments: bank.pools.payments,
    orders: watched(
      'orders',
      () => bank.pools.orders,
      async ({ when, what }) => {
        if (when !== 'after' || what !== 'PREPARE') return
        prepared(undefined)
        await wake
      },
    ),
  }
  await using asleep = createCoordinator({
    participants,
    log: coLocated('payments'),
    recoverEveryMs: Infinity,
  })
  await asleep.migrate()
  const end = transfer(asleep, 'asleep').then(
    () => 'committed',
    (error: { outcome?: string }) => error.outcome,
  )
  await isPrepared
  const [epoch = ''] = (await audit(bank)).prepared.map((gid) => gid.split('.')[1])
  let isClosed = false
  await using recoverer = createCoordinator({
    participants: {
      payments: watched(
        'payments',
        () => bank.pools.payments,
        async ({ when, what }) => {
          if (isClosed || when !== 'before' || what !== 'settle') return
          isClosed = true
          // It is taken for dead, by a statement that does not wait for the standby; all others can see it.
          await standby.pause()
          await bank.pools.payments.query(
            `BEGIN; SET LOCAL synchronous_commit = local; DELETE FROM quorate.tpc_coordinators WHERE epoch = ${epoch}; COMMIT`,
          )
        },
      ),
      orders: bank.pools.orders,
    },
    log: coLocated('payments'),
    recoverEveryMs: Infinity,
    orphanAfterMs: 0,
    graceMs: 500,
  })
  expect(await recoverer.recover()).toMatchObject({ recovered: 0 })
  expect([isClosed, (await audit(bank)).prepared.length]).toEqual([true, 1])
  await standby.resume()
  while ((await recoverer.recover()).recovered === 0);
  wakeUp(undefined)
  expect(await end).toBe('not-applied')
  const after = await audit(bank)
  expect([after.transfers, after.prepared]).toEqual([{ payments: [], orders: [] }, []])
})

test('a decision that the standby does not have is not acted on, nor told', async () => {
  const [standby] = cluster.postgres.payments.replicas
  /** Cancels what waits for the standby, as an operator who sees it hang does. */
  const cancelWaiting = async (): Promise<void> => {
    const sql = "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE wait_event = 'SyncRep'"
    while ((await bank.pools.payments.query(sql)).rowCount === 0);
  }
  let cancelled = Promise.resolve()
  await using coordinator = createCoordinator({
    participants: {
      payments: watched(
        'payments',
        () => bank.pools.payments,
        async ({ when, what }) => {
          if (when !== 'before' || what !== 'COMMIT with the record') return
          await standby.pause()
          cancelled = cancelWaiting()
        },
      ),
      orders: bank.pools.orders,
    },
    log: coLocated('payments'),
    recoverEveryMs: Infinity,
    graceMs: 1_000,
  })
  await coordinator.migrate()
  const end: unknown = await transfer(coordinator, 'cancelled').then(
    () => 'committed',
    (error: unknown) => error,
  )
  await cancelled
  expect(end).toMatchObject({ code: 'QUORATE_TPC_IN_DOUBT', outcome: 'unknown' })
  // On the primary it can be seen, and yet the other half waits.
  const before = await audit(bank)
  expect(before.transfers).toEqual({ payments: ['cancelled'], orders: [] })
  expect(before.prepared).toHaveLength(1)

  expect(await coordinator.recover()).toMatchObject({ recovered: 0 })
  const { id } = end as { readonly id: string }
  const byHand = coordinator.resolve(id, 'commit', { timeoutMs: 300 })
  await expect(byHand).rejects.toMatchObject({ code: 'QUORATE_TPC_TIMEOUT' })
  expect((await audit(bank)).prepared).toHaveLength(1)

  await standby.resume()
  while ((await coordinator.recover()).recovered === 0);
  const after = await audit(bank)
  expect(after.transfers).toEqual({ payments: ['cancelled'], orders: ['cancelled'] })
  expect(after.prepared).toEqual([])
})
