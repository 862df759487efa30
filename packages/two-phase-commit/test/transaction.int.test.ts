import { localCluster } from '@quorate/local-cluster'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { coLocated, createCoordinator, type PgPoolClient, separateLog } from '@quorate/two-phase-commit'
import pg from 'pg'
import {
  audit,
  type Bank,
  coordinatorOf,
  listener,
  oneServer,
  openBank,
  type Place,
  START_CENTS,
  transfer,
} from './support.ts'

const host = await oneServer()
const bank: Bank = await openBank(host.urls)
afterAll(async () => {
  await bank[Symbol.asyncDispose]()
  await host[Symbol.asyncDispose]()
})
beforeAll(async () => {
  for (const place of ['co-located', 'separate'] as const) {
    await using coordinator = coordinatorOf(bank, place)
    await coordinator.migrate()
    await coordinator.migrate() // again changes nothing
  }
})

const places: Place[] = ['co-located', 'separate']

describe.each(places)('%s log', (place) => {
  test('commits on both, leaves nothing prepared and no record', async () => {
    const { events, onEvent } = listener()
    const coordinator = coordinatorOf(bank, place, { onEvent })
    const id = await transfer(coordinator, `both ${place}`)
    expect(events).toMatchObject([{ type: 'committed', id, how: 'two-phase' }])
    await coordinator.stop()
    const { cents, transfers, prepared } = await audit(bank)
    expect(cents).toBe(2 * START_CENTS)
    expect(transfers.payments).toContain(`both ${place}`)
    expect(transfers.orders).toEqual(transfers.payments)
    expect(prepared).toEqual([])
    const log = place === 'co-located' ? bank.pools.payments : bank.pools.log
    const left = await log.query(
      'SELECT (SELECT count(*)::int FROM quorate.tpc_decisions) + (SELECT count(*)::int FROM quorate.tpc_coordinators) AS rows',
    )
    expect(left.rows).toEqual([{ rows: 0 }])
  })

  test('what the callback throws is passed on, and all is rolled back', async () => {
    await using coordinator = coordinatorOf(bank, place)
    const thrown = new Error('out of stock')
    const work = coordinator.transaction(async ({ payments }) => {
      await payments.query("INSERT INTO transfer VALUES ('thrown', 1)")
      throw thrown
    })
    await expect(work).rejects.toBe(thrown)
    expect((await audit(bank)).transfers.payments).not.toContain('thrown')
  })

  test('a statement that failed and was swallowed aborts all of it, wherever it was', async () => {
    await using coordinator = coordinatorOf(bank, place)
    for (const failing of ['payments', 'orders'] as const) {
      const work = coordinator.transaction(async (clients) => {
        await clients.payments.query("INSERT INTO transfer VALUES ('swallowed', 1)")
        await clients.orders.query("INSERT INTO transfer VALUES ('swallowed', 1)")
        await clients[failing].query('SELECT 1/0').catch(() => {})
      })
      await expect(work).rejects.toMatchObject({
        code: 'QUORATE_TPC_ABORTED',
        outcome: 'not-applied',
        participant: failing,
        cause: { code: '22012' },
      })
    }
    expect((await audit(bank)).transfers.orders).not.toContain('swallowed')
    expect((await audit(bank)).prepared).toEqual([])
  })

  test('a constraint that fails at the end aborts all of it, wherever it is', async () => {
    const deferred = 'CREATE TABLE IF NOT EXISTS late (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)'
    for (const pool of [bank.pools.payments, bank.pools.orders]) await pool.query(deferred)
    await using coordinator = coordinatorOf(bank, place)
    for (const failing of ['payments', 'orders'] as const) {
      const work = coordinator.transaction(async (clients) => {
        await clients.payments.query('INSERT INTO late VALUES (1)')
        await clients.orders.query('INSERT INTO late VALUES (1)')
        await clients[failing].query('INSERT INTO late VALUES (1)')
      })
      await expect(work).rejects.toMatchObject({
        code: 'QUORATE_TPC_ABORTED',
        participant: failing,
        cause: { code: '23505' },
      })
    }
    for (const pool of [bank.pools.payments, bank.pools.orders]) {
      expect((await pool.query('SELECT * FROM late')).rows).toEqual([])
    }
  })

  test('one writer commits in one phase, none in none', async () => {
    const { events, onEvent } = listener()
    await using coordinator = coordinatorOf(bank, place, { onEvent })
    for (const name of ['payments', 'orders'] as const) {
      await coordinator.transaction(async (clients) => {
        await clients.payments.query('SELECT * FROM account')
        await clients.orders.query('SELECT * FROM account')
        await clients[name].query(`INSERT INTO transfer VALUES ('one ${place}', 0)`)
      })
    }
    await coordinator.transaction(({ orders }) => orders.query('SELECT 1'))
    expect(events.map((event) => event.type === 'committed' && event.how)).toEqual([
      'one-phase',
      'one-phase',
      'read-only',
    ])
    expect((await audit(bank)).transfers.orders).toContain(`one ${place}`)
  })

  test('a function that writes is seen to write', async () => {
    const { events, onEvent } = listener()
    await using coordinator = coordinatorOf(bank, place, { onEvent })
    for (const pool of [bank.pools.payments, bank.pools.orders]) {
      await pool.query(
        "CREATE OR REPLACE FUNCTION note(what text) RETURNS void LANGUAGE sql AS 'INSERT INTO transfer VALUES (what, 0)'",
      )
    }
    await coordinator.transaction(async ({ payments, orders }) => {
      await payments.query('SELECT note($1)', [`function ${place}`])
      await orders.query('SELECT note($1)', [`function ${place}`])
    })
    expect(events).toMatchObject([{ type: 'committed', how: 'two-phase' }])
  })

  test('the deadline rolls back, also while a statement waits for a lock, and frees the connections', async () => {
    await using coordinator = coordinatorOf(bank, place)
    const blocker = await bank.pools.orders.connect()
    await blocker.query("BEGIN; SELECT * FROM account WHERE id = 'x' FOR UPDATE")
    await expect(transfer(coordinator, 'late', { timeoutMs: 150 })).rejects.toMatchObject({
      code: 'QUORATE_TPC_TIMEOUT',
      timeoutMs: 150,
      outcome: 'not-applied',
    })
    await blocker.query('ROLLBACK')
    blocker.release()
    await transfer(coordinator, `after ${place}`)
    expect((await audit(bank)).transfers.orders).not.toContain('late')
  })

  test('a signal rolls back with its reason', async () => {
    await using coordinator = coordinatorOf(bank, place)
    const controller = new AbortController()
    const reason = new Error('the user left')
    const work = coordinator.transaction(
      async ({ payments }) => {
        await payments.query("INSERT INTO transfer VALUES ('left', 1)")
        controller.abort(reason)
        await new Promise(() => {})
      },
      { signal: controller.signal },
    )
    await expect(work).rejects.toBe(reason)
    expect((await audit(bank)).transfers.payments).not.toContain('left')
  })

  test('32 at once keep the sum', async () => {
    await using coordinator = coordinatorOf(bank, place, { timeoutMs: 20_000 })
    await Promise.all(
      Array.from({ length: 32 }, (_, index) => transfer(coordinator, `many ${place} ${index}`)),
    )
    const { cents, transfers, prepared } = await audit(bank)
    expect(cents).toBe(2 * START_CENTS)
    expect(transfers.orders.filter((id) => id.startsWith(`many ${place}`))).toHaveLength(32)
    expect(prepared).toEqual([])
  })
})

test('who says no does not leave behind what another is still preparing', async () => {
  const { orders } = bank.pools
  await orders.query(`CREATE TABLE slow (id int);
    CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.3); RETURN NULL; END';
    CREATE CONSTRAINT TRIGGER at_the_end AFTER INSERT ON slow DEFERRABLE INITIALLY DEFERRED
      FOR EACH ROW EXECUTE FUNCTION dawdle()`)
  await using coordinator = coordinatorOf(bank, 'separate')
  const work = coordinator.transaction(async (clients) => {
    await clients.orders.query('INSERT INTO slow VALUES (1)')
    await clients.payments.query("INSERT INTO transfer VALUES ('slow', 1)")
    await clients.payments.query('SELECT 1/0').catch(() => {})
  })
  await expect(work).rejects.toMatchObject({ code: 'QUORATE_TPC_ABORTED', participant: 'payments' })
  // Whoever did not wait for it would find nothing prepared yet.
  const busy = `SELECT FROM pg_stat_activity WHERE state = 'active' AND query LIKE '%; PREPARE%' AND pid <> pg_backend_pid()`
  while ((await orders.query(busy)).rowCount !== 0);
  expect((await audit(bank)).prepared).toEqual([])
  expect((await orders.query('SELECT * FROM slow')).rows).toEqual([])
})

test('temporary tables and NOTIFY on a prepared participant are clear errors, and work where the log is', async () => {
  await using coordinator = coordinatorOf(bank, 'co-located')
  for (const statement of [
    'CREATE TEMP TABLE scratch (id int)',
    "NOTIFY news, 'paid'",
    "SELECT pg_notify('news', 'paid') FROM transfer",
  ]) {
    const on = (name: 'payments' | 'orders'): Promise<unknown> =>
      coordinator.transaction(async (clients) => {
        await clients.payments.query('INSERT INTO transfer VALUES ($1, 0)', [`${statement} ${name}`])
        await clients.orders.query('INSERT INTO transfer VALUES ($1, 0)', [`${statement} ${name}`])
        await clients[name].query(statement)
      })
    await expect(on('orders')).rejects.toMatchObject({
      code: 'QUORATE_TPC_CANNOT_PREPARE',
      participant: 'orders',
      outcome: 'not-applied',
    })
    await on('payments')
  }
})

test('a NOTIFY alone is not heard when the rest aborts', async () => {
  await using coordinator = coordinatorOf(bank, 'co-located')
  const work = coordinator.transaction(async ({ payments, orders }) => {
    await payments.query("INSERT INTO transfer VALUES ('news', 0)")
    await orders.query('NOTIFY news')
  })
  await expect(work).rejects.toMatchObject({ code: 'QUORATE_TPC_CANNOT_PREPARE' })
  expect((await audit(bank)).transfers.payments).not.toContain('news')
})

test('the callback cannot end the transaction, nor use it later', async () => {
  await using coordinator = coordinatorOf(bank, 'co-located')
  let kept: { query(text: string): Promise<unknown> } | undefined
  await coordinator.transaction(async ({ payments }) => {
    kept = payments
    for (const text of [
      'COMMIT',
      ' /* x */ rollback',
      'begin',
      'END',
      '-- y\nprepare transaction $$x$$',
      'abort',
    ])
      await expect(payments.query(text)).rejects.toThrow(TypeError)
    await payments.query('SAVEPOINT a')
    await payments.query('ROLLBACK TO a')
    await payments.query("SELECT 'commit'")
  })
  await expect(kept?.query('SELECT 1')).rejects.toThrow(/the transaction is over/)
})

/** A pool that keeps what is sent, and says at most how many statements a connection had at once. */
function spied(pool: pg.Pool, answers: Readonly<Record<string, string>> = {}) {
  const texts: string[] = []
  const clients = new WeakMap<pg.PoolClient, PgPoolClient>()
  let [now, most] = [0, 0]
  const connect = async (): Promise<PgPoolClient> => {
    const client = await pool.connect()
    const known = clients.get(client)
    if (known !== undefined) return known
    const made = new Proxy<PgPoolClient>(client, {
      get(target, property) {
        const value: unknown = Reflect.get(target, property)
        if (property !== 'query')
          return typeof value === 'function' ? (value as () => unknown).bind(target) : value
        return async (text: string, values?: unknown[]) => {
          texts.push(text)
          most = Math.max(most, ++now)
          try {
            return await client.query(answers[text] ?? text, values)
          } finally {
            now--
          }
        }
      },
    })
    clients.set(client, made)
    return made
  }
  return { texts, connect, most: () => most }
}

test('statements run at once are sent one after the other, and go on after one that failed', async () => {
  const orders = spied(bank.pools.orders)
  await using coordinator = createCoordinator({
    participants: { payments: bank.pools.payments, orders },
    log: coLocated('payments'),
    recoverEveryMs: Infinity,
  })
  const ids = Array.from({ length: 9 }, (_, index) => `at once ${index}`)
  await coordinator.transaction(async (on) => {
    await on.orders.query('SAVEPOINT before')
    const failing = [on.orders.query('SELECT 1/0'), on.orders.query('SELECT 2'), on.orders.query('SELECT 3')]
    expect((await Promise.allSettled(failing)).map((end) => end.status)).toEqual([
      'rejected',
      'rejected',
      'rejected',
    ])
    await on.orders.query('ROLLBACK TO before')
    const insert = 'INSERT INTO transfer VALUES ($1, 0)'
    const values = ['changed later']
    const changed = on.orders.query(insert, ids.slice(0, 1))
    const queued = on.orders.query('SELECT $1::text AS was', values)
    values[0] = 'changed'
    expect((await queued).rows).toEqual([{ was: 'changed later' }])
    await Promise.all([changed, ...ids.slice(1).map((id) => on.orders.query(insert, [id]))])
    await on.payments.query(insert, ['at once'])
  })
  expect(orders.most()).toBe(1)
  expect((await audit(bank)).transfers.orders).toEqual(expect.arrayContaining(ids))
})

test('a statement that nobody waited for is a clear error, and all is rolled back', async () => {
  await using coordinator = coordinatorOf(bank, 'co-located')
  const blocker = await bank.pools.orders.connect()
  await blocker.query("BEGIN; SELECT * FROM account WHERE id = 'x' FOR UPDATE")
  let queued: Promise<unknown> | undefined
  const work = coordinator.transaction(async ({ payments, orders }) => {
    await payments.query("INSERT INTO transfer VALUES ('hasty', 0)")
    await orders.query("INSERT INTO transfer VALUES ('hasty', 0)")
    void orders.query('UPDATE account SET cents = cents + 1') // fails with its connection: its transaction says so
    queued = orders.query('UPDATE account SET cents = cents + 2')
  })
  await expect(work).rejects.toThrow(
    /^Cannot commit: a statement on orders was not answered when the callback returned; await every query/,
  )
  await expect(queued).rejects.toThrow(/the transaction is over/)
  await blocker.query('ROLLBACK')
  blocker.release()
  const { transfers, cents, prepared } = await audit(bank)
  expect([transfers.payments.includes('hasty'), transfers.orders.includes('hasty')]).toEqual([false, false])
  expect([cents, prepared]).toEqual([2 * START_CENTS, []])
})

test('servers without transaction_timeout get limits on each statement and each pause', async () => {
  const asked =
    'BEGIN; SHOW server_version_num; SHOW synchronous_commit; SET LOCAL statement_timeout = 5000; SET LOCAL idle_in_transaction_session_timeout = 9000'
  const old = asked.replace('SHOW server_version_num', "SELECT '160004' AS server_version_num")
  const pool = new pg.Pool({ connectionString: bank.urls.orders, max: 1 })
  const orders = spied(pool, { [asked]: old })
  try {
    await using coordinator = createCoordinator({
      participants: { payments: bank.pools.payments, orders },
      log: coLocated('payments'),
      recoverEveryMs: Infinity,
    })
    await transfer(coordinator, 'old 1')
    await transfer(coordinator, 'old 2')
    expect(orders.texts.filter((text) => text.startsWith('BEGIN'))).toEqual([
      asked,
      'BEGIN; SET LOCAL statement_timeout = 5000; SET LOCAL idle_in_transaction_session_timeout = 9000',
    ])
    expect((await audit(bank)).transfers.orders).toEqual(expect.arrayContaining(['old 1', 'old 2']))
  } finally {
    await pool.end()
  }
})

test('a session is asked how it commits once, and again when a callback may have changed that', async () => {
  await bank.pools.orders.query("ALTER DATABASE orders SET synchronous_commit = 'local'")
  const pool = new pg.Pool({ connectionString: bank.urls.orders, max: 1 })
  const orders = spied(pool)
  try {
    await using coordinator = createCoordinator({
      participants: { payments: bank.pools.payments, orders },
      log: coLocated('payments'),
      recoverEveryMs: Infinity,
    })
    const work = async (id: string, setting?: string): Promise<readonly [boolean, boolean, boolean]> => {
      orders.texts.length = 0
      await coordinator.transaction(async (on) => {
        await on.payments.query('INSERT INTO transfer VALUES ($1, 0)', [id])
        await on.orders.query('INSERT INTO transfer VALUES ($1, 0)', [id])
        if (setting !== undefined) await on.orders.query(`SET synchronous_commit = ${setting}`)
      })
      const has = (pattern: RegExp): boolean => orders.texts.some((text) => pattern.test(text))
      return [
        has(/^BEGIN; SHOW/),
        has(/set_config\('synchronous_commit', 'on', false\)/),
        has(/^SET synchron.* TO/),
      ]
    }
    expect(await work('weak 1')).toEqual([true, true, true])
    expect(await work('weak 2')).toEqual([false, true, true])
    expect((await pool.query('SHOW synchronous_commit')).rows).toEqual([{ synchronous_commit: 'local' }])
    expect(await work('changed', 'remote_apply')).toEqual([false, true, false]) // nothing to put back
    expect(await work('strong 1')).toEqual([true, false, false])
    expect(await work('strong 2')).toEqual([false, false, false])
  } finally {
    await pool.end()
    await bank.pools.orders.query('ALTER DATABASE orders RESET synchronous_commit')
  }
})

test('a session that commits without waiting waits for it here, and has its setting back afterwards', async () => {
  await bank.pools.orders.query("ALTER DATABASE orders SET synchronous_commit = 'off'")
  const pool = new pg.Pool({ connectionString: bank.urls.orders, max: 1 })
  try {
    await using coordinator = createCoordinator({
      participants: { payments: bank.pools.payments, orders: pool },
      log: coLocated('payments'),
      recoverEveryMs: Infinity,
    })
    const seen = await coordinator.transaction(async ({ payments, orders }) => {
      await payments.query("INSERT INTO transfer VALUES ('quick', 0)")
      await orders.query("INSERT INTO transfer VALUES ('quick', 0)")
      return (await orders.query('SHOW synchronous_commit')).rows
    })
    expect(seen).toEqual([{ synchronous_commit: 'off' }])
    expect((await pool.query('SHOW synchronous_commit')).rows).toEqual([{ synchronous_commit: 'off' }])
  } finally {
    await pool.end()
    await bank.pools.orders.query('ALTER DATABASE orders RESET synchronous_commit')
  }
})

test('servers that are not fit for it are named, with what to change', async () => {
  await using cluster = await localCluster({
    postgres: { off: { settings: { max_prepared_transactions: 0 } }, pair: { replicas: 1 } },
  })
  const pools = [cluster.postgres.off.primary.url, cluster.postgres.pair.replicas[0].url].map(
    (connectionString) => new pg.Pool({ connectionString, max: 2 }),
  )
  const [off, standby] = pools
  try {
    const refused = async (orders: pg.Pool | undefined): Promise<unknown> => {
      await using coordinator = createCoordinator({
        participants: { payments: bank.pools.payments, orders: orders ?? bank.pools.orders },
        log: coLocated('payments'),
      })
      return await coordinator.start().catch((error: unknown) => error)
    }
    expect(await refused(off)).toMatchObject({
      code: 'QUORATE_TPC_PREPARED_TRANSACTIONS_OFF',
      participant: 'orders',
      message: /max_prepared_transactions is 0; set it/,
    })
    expect(await refused(standby)).toMatchObject({ code: 'QUORATE_TPC_NOT_PRIMARY', server: 'orders' })
    expect(await refused(bank.pools.payments)).toMatchObject({ code: 'QUORATE_TPC_SAME_DATABASE' })
    await using unmigrated = createCoordinator({
      participants: { payments: bank.pools.orders, orders: bank.pools.payments },
      log: coLocated('payments'),
    })
    await expect(unmigrated.start()).rejects.toMatchObject({ code: 'QUORATE_TPC_NOT_MIGRATED' })
  } finally {
    await Promise.all(pools.map((pool) => pool.end()))
  }
})

test('servers that cannot be reached are named, and the next call tries again', async () => {
  const dead = new pg.Pool({ connectionString: 'postgres://127.0.0.1:1/none' })
  let isBack = false
  const returning = { connect: () => (isBack ? bank.pools.log : dead).connect() }
  const { payments, orders } = bank.pools
  await using coordinator = createCoordinator({
    participants: { payments, orders },
    log: separateLog(returning),
    recoverEveryMs: Infinity,
  })
  const work = (): Promise<unknown> => coordinator.transaction((on) => on.orders.query('SELECT 1'))
  await expect(work()).rejects.toMatchObject({
    code: 'QUORATE_TPC_PARTICIPANT_UNAVAILABLE',
    participant: 'the decision log',
    outcome: 'not-applied',
  })
  isBack = true
  await work()
  await using lost = createCoordinator({
    participants: { payments, orders: dead },
    log: coLocated('payments'),
    recoverEveryMs: Infinity,
  })
  await expect(lost.start()).rejects.toMatchObject({ participant: 'orders' })
  await dead.end()
})

test('as many prepared transactions as allowed', async () => {
  await using cluster = await localCluster({
    postgres: { small: { settings: { max_prepared_transactions: 1 } } },
  })
  const small = new pg.Pool({ connectionString: cluster.postgres.small.primary.url, max: 3 })
  try {
    await small.query('CREATE TABLE t (id int)')
    await small.query("BEGIN; INSERT INTO t VALUES (1); PREPARE TRANSACTION 'somebody else’s'")
    await using coordinator = createCoordinator({
      participants: { payments: bank.pools.payments, small },
      log: coLocated('payments'),
      recoverEveryMs: Infinity,
    })
    const work = coordinator.transaction(async (clients) => {
      await clients.payments.query("INSERT INTO transfer VALUES ('full', 0)")
      await clients.small.query('INSERT INTO t VALUES (2)')
    })
    await expect(work).rejects.toMatchObject({
      code: 'QUORATE_TPC_PREPARED_TRANSACTIONS_FULL',
      participant: 'small',
    })
    await coordinator.recover()
    // Foreign names are never touched.
    expect((await small.query('SELECT gid FROM pg_prepared_xacts')).rows).toEqual([
      { gid: 'somebody else’s' },
    ])
  } finally {
    await small.end()
  }
})

test('wrong arguments and a stopped coordinator', async () => {
  const { payments, orders } = bank.pools
  const make = (options: object): unknown =>
    createCoordinator({ participants: { payments, orders }, log: coLocated('payments'), ...options })
  expect(() => make({ participants: { payments } })).toThrow(/one database needs no second phase/)
  expect(() => make({ maxParticipants: 1 })).toThrow(/use a saga/)
  expect(() => make({ log: coLocated('stock') })).toThrow(/must be with one of payments, orders, got "stock"/)
  expect(() => make({ timeoutMS: 1 })).toThrow(/unknown option timeoutMS/)
  expect(() => make({ graceMs: 0 })).toThrow(/graceMs must be a finite number above 0/)
  expect(() => make({ name: 'a:b' })).toThrow(RangeError)
  const coordinator = coordinatorOf(bank, 'co-located')
  await expect(
    coordinator.transaction(() => Promise.resolve(), { use: ['stock' as 'orders'] }),
  ).rejects.toThrow(/no participant "stock"/)
  await expect(
    coordinator.transaction(() => Promise.resolve(), { isolation: 'snapshot' as 'serializable' }),
  ).rejects.toThrow(RangeError)
  await coordinator.stop()
  await coordinator.stop()
  await expect(transfer(coordinator, 'stopped')).rejects.toMatchObject({ code: 'QUORATE_TPC_STOPPED' })
})

test('what only plain JavaScript can pass is told apart from a server that is gone', async () => {
  await using coordinator = coordinatorOf(bank, 'co-located')
  const asked = (values: unknown): Promise<unknown> =>
    coordinator.transaction(({ payments }) => payments.query('SELECT $1::text', values as string[]))
  await expect(asked('one')).rejects.toThrow(/values must be an array, got string$/)
  const circle: Record<string, unknown> = {}
  circle['circle'] = circle
  await expect(asked([circle])).rejects.toThrow(TypeError)
  await expect(coordinator.transaction((() => 'at once') as unknown as () => Promise<string>)).resolves.toBe(
    'at once',
  )
  // oxlint-disable-next-line prefer-promise-reject-errors -- that is what is asked here
  const nothing = coordinator
    .transaction(() => Promise.reject(undefined))
    .catch((error: unknown) => ({ error }))
  expect(await nothing).toEqual({ error: undefined })
  const wrong = { forced: true } as object
  await expect(coordinator.resolve('coordinator.99.1', 'abort', wrong)).rejects.toThrow(
    /unknown option forced; known are timeoutMs, signal, force, note$/,
  )
})

test('regions that differ, and transactions that take long, are reported', async () => {
  const { events, onEvent } = listener()
  await using coordinator = coordinatorOf(bank, 'co-located', {
    onEvent,
    adviseMs: 0.001,
    regions: { payments: 'us', orders: 'eu' },
  })
  await transfer(coordinator, 'far')
  expect(events).toMatchObject([
    { type: 'regions-differ', regions: { payments: 'us', orders: 'eu' } },
    { type: 'committed' },
    { type: 'slow', adviseMs: 0.001 },
  ])
})
