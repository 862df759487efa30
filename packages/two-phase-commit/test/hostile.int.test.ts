// Callbacks and sessions that do what they should not, or what few do.
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { VirtualClock } from '@quorate/core'
import {
  coLocated,
  createCoordinator,
  type PgPool,
  type Queryable,
  separateLog,
} from '@quorate/two-phase-commit'
import { audit, coordinatorOf, listener, oneServer, openBank } from './support.ts'

const host = await oneServer()
const bank = await openBank(host.urls)
afterAll(async () => {
  await bank[Symbol.asyncDispose]()
  await host[Symbol.asyncDispose]()
})
beforeAll(async () => {
  await using coordinator = coordinatorOf(bank, 'co-located')
  await coordinator.migrate()
})

test('the end of the transaction behind another statement is refused, so that nothing is committed early', async () => {
  await using coordinator = coordinatorOf(bank, 'co-located')
  const early = coordinator.transaction(async ({ payments, orders }) => {
    await orders.query("INSERT INTO transfer VALUES ('early', 1)")
    await payments.query("INSERT INTO transfer VALUES ('early', 1); COMMIT")
  })
  await expect(early).rejects.toThrow(/the coordinator begins and ends the transaction/)
  const { transfers } = await audit(bank)
  expect([transfers.payments, transfers.orders]).toEqual([[], []])
})

test('only texts are statements: what hides its text is refused', async () => {
  await using coordinator = coordinatorOf(bank, 'co-located')
  for (const hidden of [{ text: 'COMMIT' }, undefined, new pg.Query('COMMIT')]) {
    const work = coordinator.transaction(({ payments }) => payments.query(hidden as unknown as string))
    await expect(work).rejects.toThrow(/Cannot run a statement: it must be a text, got/)
  }
})

test('a statement that failed and was swallowed where nothing is written aborts with its cause', async () => {
  await using coordinator = coordinatorOf(bank, 'co-located')
  for (const failing of ['payments', 'orders'] as const) {
    const other = failing === 'payments' ? 'orders' : 'payments'
    const work = coordinator.transaction(async (clients) => {
      await clients[other].query("INSERT INTO transfer VALUES ('half', 1)")
      await clients[failing].query('SELECT 1/0').catch(() => {})
    })
    await expect(work).rejects.toMatchObject({
      code: 'QUORATE_TPC_ABORTED',
      participant: failing,
      cause: { code: '22012' },
    })
  }
  expect((await audit(bank)).transfers).toEqual({ payments: [], orders: [] })
})

test('what was prepared under another role is ended all the same, also by recovery', async () => {
  const { orders } = bank.pools
  await orders.query(
    'CREATE ROLE clerk LOGIN; CREATE ROLE tenant; GRANT tenant TO clerk; GRANT ALL ON transfer TO clerk, tenant',
  )
  const url = new URL(bank.urls.orders)
  url.username = 'clerk'
  const asClerk = new pg.Pool({ connectionString: url.href, max: 4 })
  try {
    const { events, onEvent } = listener()
    await using coordinator = createCoordinator({
      participants: { payments: bank.pools.payments, orders: asClerk },
      log: coLocated('payments'),
      recoverEveryMs: Infinity,
      adviseMs: 60_000, // a busy machine is no news
      onEvent,
    })
    const work = (id: string): Promise<void> =>
      coordinator.transaction(async (on) => {
        await on.orders.query('SET LOCAL ROLE tenant')
        await on.payments.query('INSERT INTO transfer VALUES ($1, 0)', [id])
        await on.orders.query('INSERT INTO transfer VALUES ($1, 0)', [id])
        if (id === 'taken back') await on.payments.query('SELECT 1/0').catch(() => {})
      })
    await work('as a tenant')
    await expect(work('taken back')).rejects.toMatchObject({ code: 'QUORATE_TPC_ABORTED' })
    expect(events.map(({ type }) => type)).toEqual(['committed', 'aborted'])
    const { transfers, prepared } = await audit(bank)
    expect([transfers.orders, prepared]).toEqual([['as a tenant'], []])
    expect((await asClerk.query('SELECT current_user AS who')).rows).toEqual([{ who: 'clerk' }])
  } finally {
    await asClerk.end()
  }
})

test('a warning of a trigger at the end is no doubt', async () => {
  for (const pool of [bank.pools.payments, bank.pools.orders]) {
    await pool.query(`CREATE TABLE noisy (id text);
      CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE WARNING 'stock is low'; RETURN NULL; END $$;
      CREATE CONSTRAINT TRIGGER late AFTER INSERT ON noisy DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION shout()`)
  }
  await using coordinator = coordinatorOf(bank, 'co-located')
  const insert = (on: Queryable): Promise<unknown> => on.query("INSERT INTO noisy VALUES ('x')")
  await coordinator.transaction(({ payments, orders }) => Promise.all([insert(payments), insert(orders)]))
  await coordinator.transaction(({ orders }) => insert(orders))
  expect((await bank.pools.orders.query('SELECT id FROM noisy')).rowCount).toBe(2)
})

test('wrong arguments are refused before a server is asked', async () => {
  const { payments, orders } = bank.pools
  const make = (options: object): unknown =>
    createCoordinator({ participants: { payments, orders }, log: coLocated('payments'), ...options })
  expect(() => make({ participants: undefined })).toThrow(/participants must be pools by name, got undefined/)
  expect(() => make({ participants: { payments, orders: 'url' } })).toThrow(/orders must be a pool/)
  expect(() => make({ log: undefined })).toThrow(/log must be coLocated\(name\) or separateLog\(pool\)/)
  expect(() => make({ log: { kind: 'separate', pool: {} } })).toThrow(/the pool of the log must be a pool/)
  expect(() => make({ schema: '' })).toThrow(/schema must be 1 to 63 bytes/)
  const nobody = { connect: () => Promise.reject(new Error('asked')) }
  await using coordinator = createCoordinator({
    participants: { payments: nobody, orders: nobody },
    log: coLocated('payments'),
  })
  await expect(coordinator.status('nonsense')).rejects.toThrow(/is no transaction of a coordinator/)
  await expect(coordinator.transaction(undefined as never)).rejects.toThrow(/work must be a function/)
  await expect(coordinator.transaction(() => Promise.resolve(), { use: [] })).rejects.toThrow(
    /use must name at least one participant/,
  )
})

test('sessions that hide warnings are refused: a warning alone tells of a commit that is not on the standby', async () => {
  await bank.pools.orders.query('ALTER DATABASE orders SET client_min_messages = error')
  const orders = new pg.Pool({ connectionString: bank.urls.orders, max: 2 })
  try {
    const { payments } = bank.pools
    const refused = (participants: object, log: object): Promise<unknown> => {
      const coordinator = createCoordinator({ participants, log, recoverEveryMs: Infinity } as never)
      return coordinator.start()
    }
    const named = { code: 'QUORATE_TPC_WARNINGS_HIDDEN', message: /set it to warning or notice/ }
    await expect(refused({ payments, orders }, coLocated('payments'))).rejects.toMatchObject({
      ...named,
      server: 'orders',
    })
    await expect(refused({ payments, log: bank.pools.log }, separateLog(orders))).rejects.toMatchObject({
      ...named,
      server: 'the decision log',
    })
  } finally {
    await orders.end()
    await bank.pools.orders.query('ALTER DATABASE orders RESET client_min_messages')
  }
  await using coordinator = coordinatorOf(bank, 'co-located')
  const work = coordinator.transaction(({ orders: on }) => on.query('SET LOCAL client_min_messages = error'))
  await expect(work).rejects.toThrow(/must hear the warnings of the server/)
})

/** A coordinator whose time the test moves, and whose orders can go silent: they neither answer nor refuse. */
function silenced() {
  const clock = new VirtualClock()
  const { payments, orders: real } = bank.pools
  const { promise: asked, resolve } = Promise.withResolvers<void>()
  let isSilent = false
  const orders: PgPool = {
    connect: () => {
      if (!isSilent) return real.connect()
      resolve()
      return new Promise<never>(() => {})
    },
  }
  const coordinator = createCoordinator({
    participants: { payments, orders },
    log: coLocated('payments'),
    recoverEveryMs: Infinity,
    adviseMs: 60_000,
    clock,
  })
  return { coordinator, clock, asked, silence: () => (isSilent = true) }
}

test('stop() closes the epoch though a participant neither answers nor refuses', async () => {
  const { coordinator, clock, asked, silence } = silenced()
  const id = await coordinator.transaction(async ({ payments, orders }, context) => {
    await payments.query("INSERT INTO transfer VALUES ('stopped', 1)")
    await orders.query("INSERT INTO transfer VALUES ('stopped', 1)")
    return context.id
  })
  silence()
  const stopped = coordinator.stop()
  await asked
  const [, epoch] = id.split('.')
  const slots = 'SELECT FROM quorate.tpc_coordinators WHERE epoch = $1'
  expect((await bank.pools.payments.query(slots, [epoch])).rowCount).toBe(0)
  await clock.advance(2_000)
  await stopped
})

test('resolve() decides though a participant neither answers nor refuses', async () => {
  const { coordinator, clock, asked, silence } = silenced()
  let id = ''
  const work = coordinator.transaction((_clients, context) => {
    id = context.id
    return Promise.reject(new RangeError('changed my mind'))
  })
  await expect(work).rejects.toThrow('changed my mind')
  silence()
  const resolved = coordinator.resolve(id, 'abort')
  await asked
  await clock.advance(2_500)
  expect(await resolved).toEqual([])
  const decided = 'SELECT decision FROM quorate.tpc_overrides WHERE id = $1'
  expect((await bank.pools.payments.query(decided, [id])).rows).toEqual([{ decision: 'abort' }])
  await coordinator.stop()
})
