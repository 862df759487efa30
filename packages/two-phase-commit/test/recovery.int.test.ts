import { VirtualClock } from '@quorate/core'
import { localCluster } from '@quorate/local-cluster'
import { afterAll, afterEach, expect, test } from 'vitest'
import { coLocated, createCoordinator, type PgPool } from '@quorate/two-phase-commit'
import pg from 'pg'
import { audit, coordinatorOf, listener, type Names, openBank, START_CENTS, transfer } from './support.ts'
import { type Point, watched } from './watched.ts'

await using stack = new AsyncDisposableStack()
const cluster = stack.use(await localCluster({ postgres: { payments: { databases: ['log'] }, orders: {} } }))
const servers = { payments: cluster.postgres.payments.primary, orders: cluster.postgres.orders.primary }
const bank = stack.use(
  await openBank({
    payments: servers.payments.url,
    orders: servers.orders.url,
    log: servers.payments.urlOf('log'),
  }),
)
const kept = stack.move()
afterAll(() => kept.disposeAsync())
{
  await using coordinator = coordinatorOf(bank, 'co-located')
  await coordinator.migrate()
}

afterEach(async () => {
  const { cents, transfers, prepared } = await audit(bank)
  const isWhole = cents === 2 * START_CENTS && prepared.length === 0
  if (!isWhole || transfers.payments.join() !== transfers.orders.join()) {
    throw new Error(`Not whole: ${JSON.stringify({ cents, transfers, prepared })}`)
  }
})

const records = async (): Promise<unknown[]> =>
  (await bank.pools.payments.query('SELECT decision FROM quorate.tpc_decisions')).rows

/** A coordinator that calls `pass` at each of its awaits. */
function stoppable(pass: (point: Point) => Promise<void>, options: object = {}) {
  const pool = (name: Names): PgPool => watched(name, () => bank.pools[name], pass)
  return createCoordinator({
    participants: { payments: pool('payments'), orders: pool('orders') },
    log: coLocated('payments'),
    recoverEveryMs: Infinity,
    adviseMs: 60_000, // a busy machine is no news
    ...options,
  })
}

const isAt = ({ when, what }: Point, at: string): boolean => `${when} ${what}` === at

test('while the log is away, the answer is in doubt; later the status tells, and recovery ends it', async () => {
  const { events, onEvent } = listener()
  let struck = false
  await using coordinator = stoppable(
    async (point) => {
      if (struck || !isAt(point, 'after COMMIT with the record')) return
      struck = true
      await servers.payments.kill()
      throw new Error('Connection terminated unexpectedly')
    },
    { graceMs: 300, onEvent },
  )
  const error: { id?: string } = await transfer(coordinator, 'in doubt').then(
    () => ({}),
    (reason: { id?: string }) => reason,
  )
  expect(error).toMatchObject({
    code: 'QUORATE_TPC_IN_DOUBT',
    outcome: 'unknown',
    id: /^coordinator\.\d+\.1$/,
  })
  const id = error.id ?? ''
  expect((await coordinator.recover()).unreachable).toContain('the decision log')
  await servers.payments.restart()
  expect(await coordinator.status(id)).toMatchObject({ id, decision: 'commit', prepared: ['orders'] })
  expect(await coordinator.recover()).toMatchObject({ recovered: 1, left: 0, unreachable: [] })
  // The record stays for those who ask, as long as the coordinator lives.
  expect(await coordinator.status(id)).toMatchObject({ decision: 'commit', prepared: [] })
  expect((await audit(bank)).transfers.orders).toContain('in doubt')
  expect(events.map(({ type }) => type)).toEqual(['in-doubt', 'recovery-failed', 'recovered'])
})

test('who was left in doubt can ask another coordinator, also when all is ended and its own is gone', async () => {
  let struck = false
  const dying = stoppable(
    async (point) => {
      if (struck || !isAt(point, 'after COMMIT with the record')) return
      struck = true
      await servers.payments.kill()
      throw new Error('Connection terminated unexpectedly')
    },
    { graceMs: 100 },
  )
  let id = ''
  await transfer(dying, 'asks later').catch((error: { id?: string }) => (id = error.id ?? ''))
  await servers.payments.restart()
  await dying.stop()
  await using other = coordinatorOf(bank, 'co-located', { orphanAfterMs: 0 })
  expect(await other.recover()).toMatchObject({ recovered: 1, left: 0 })
  await other.recover()
  expect(await other.status(id)).toMatchObject({ decision: 'commit', prepared: [] })
})

test('a participant that is away when the decision stands is told later, and the record goes then', async () => {
  const { events, onEvent } = listener()
  await using coordinator = stoppable(
    async (point) => {
      if (isAt(point, 'after COMMIT with the record')) await servers.orders.kill()
    },
    { graceMs: 300, onEvent },
  )
  const id = await transfer(coordinator, 'away')
  expect(events).toMatchObject([
    { type: 'committed', id },
    { type: 'unfinished', id, decision: 'commit', left: ['orders'] },
  ])
  await expect(coordinator.status()).rejects.toMatchObject({
    code: 'QUORATE_TPC_PARTICIPANT_UNAVAILABLE',
    participant: 'orders',
  })
  expect(await coordinator.recover()).toMatchObject({ unreachable: ['orders'] })
  await servers.orders.restart()
  expect(await coordinator.status(id)).toMatchObject({ decision: 'commit', prepared: ['orders'] })
  expect(await coordinator.recover()).toMatchObject({ recovered: 1, left: 0 })
  await coordinator.recover()
  expect(await coordinator.status(id)).toMatchObject({ decision: undefined, prepared: [] })
})

test('a recoverer that is too early makes the coordinator roll back, and does not touch one that has decided', async () => {
  await using early = coordinatorOf(bank, 'co-located', { name: 'early', orphanAfterMs: 0 })
  await early.start()
  const recoveredAt = async (at: string): Promise<{ readonly recovered: number; readonly end: unknown }> => {
    let recovered = 0
    await using coordinator = stoppable(async (point) => {
      if (isAt(point, at)) recovered += (await early.recover()).recovered
    })
    const end: unknown = await transfer(coordinator, at).then(
      () => 'committed',
      (error: unknown) => error,
    )
    return { recovered, end }
  }
  expect(await recoveredAt('after PREPARE')).toMatchObject({
    recovered: 1,
    end: { code: 'QUORATE_TPC_ABORTED', outcome: 'not-applied', message: /recovery closed it first/ },
  })
  expect(await recoveredAt('before COMMIT PREPARED')).toEqual({ recovered: 1, end: 'committed' })
  const { orders } = (await audit(bank)).transfers
  expect([orders.includes('after PREPARE'), orders.includes('before COMMIT PREPARED')]).toEqual([false, true])
})

test('a coordinator that was taken for dead rolls back, opens a new epoch, and goes on', async () => {
  const { events, onEvent } = listener()
  await using undertaker = coordinatorOf(bank, 'co-located', { closeAfterMs: 0.001, onEvent })
  let strikes = 1
  await using coordinator = stoppable(
    async (point) => {
      if (isAt(point, 'after PREPARE') && strikes-- > 0) await undertaker.recover()
    },
    { name: 'slow' },
  )
  await expect(transfer(coordinator, 'closed')).rejects.toMatchObject({
    code: 'QUORATE_TPC_ABORTED',
    outcome: 'not-applied',
  })
  expect(events).toContainEqual(expect.objectContaining({ type: 'epoch-closed', name: 'slow' }))
  const id = await transfer(coordinator, 'new epoch')
  expect(id).toMatch(/^slow\.\d+\.2$/)
})

test('resolve() by hand: never against the record without force, and it is noted', async () => {
  const { events, onEvent } = listener()
  let id = ''
  await using coordinator = stoppable(
    async (point) => {
      if (isAt(point, 'before COMMIT with the record')) await servers.payments.kill()
    },
    { graceMs: 100 },
  )
  await transfer(coordinator, 'by hand').catch((error: { id?: string }) => (id = error.id ?? ''))
  await servers.payments.restart()
  await using operator = coordinatorOf(bank, 'co-located', { onEvent })
  expect(await operator.status()).toMatchObject([{ id, decision: undefined, prepared: ['orders'] }])
  await expect(operator.resolve(id, 'commit')).rejects.toMatchObject({
    code: 'QUORATE_TPC_OVERRIDE_REFUSED',
    decision: undefined,
  })
  await expect(operator.resolve('nonsense', 'abort')).rejects.toThrow(RangeError)
  expect(await operator.resolve(id, 'abort', { note: "payments' disk \\ is gone" })).toEqual(['orders'])
  await expect(operator.resolve(id, 'commit')).rejects.toMatchObject({
    code: 'QUORATE_TPC_OVERRIDE_REFUSED',
    decision: 'abort',
  })
  expect(events).toMatchObject([{ type: 'overridden', id, decision: 'abort' }])
  const { rows } = await bank.pools.payments.query(
    'SELECT id, decision, forced, note FROM quorate.tpc_overrides',
  )
  expect(rows).toEqual([{ id, decision: 'abort', forced: false, note: "payments' disk \\ is gone" }])
})

test('resolve() by hand needs only the servers it is about; against the record it needs all', async () => {
  let id = ''
  await using coordinator = stoppable(
    async (point) => {
      if (isAt(point, 'before COMMIT with the record')) await servers.payments.kill()
    },
    { graceMs: 100 },
  )
  await transfer(coordinator, 'one away').catch((error: { id?: string }) => (id = error.id ?? ''))
  await servers.payments.restart()
  const away = new pg.Pool({ connectionString: 'postgres://127.0.0.1:1/none' })
  const { payments, orders } = bank.pools
  await using operator = createCoordinator({
    participants: { payments, orders, stock: away },
    log: coLocated('payments'),
    recoverEveryMs: Infinity,
  })
  await expect(operator.resolve(id, 'commit', { force: true })).rejects.toMatchObject({
    code: 'QUORATE_TPC_PARTICIPANT_UNAVAILABLE',
    participant: 'stock',
  })
  expect(await operator.resolve(id, 'abort')).toEqual(['orders'])
  await away.end()
})

test('resolve() by hand that runs out of time when the decision is written: unknown, and again ends it', async () => {
  let id = ''
  await using coordinator = stoppable(
    async (point) => {
      if (isAt(point, 'before COMMIT with the record')) await servers.payments.kill()
    },
    { graceMs: 100 },
  )
  await transfer(coordinator, 'cut off').catch((error: { id?: string }) => (id = error.id ?? ''))
  await servers.payments.restart()
  const slow = stoppable((point) =>
    isAt(point, 'before ROLLBACK PREPARED') ? new Promise(() => {}) : Promise.resolve(),
  )
  await expect(slow.resolve(id, 'abort', { timeoutMs: 1_000 })).rejects.toMatchObject({
    code: 'QUORATE_TPC_OVERRIDE_UNFINISHED',
    outcome: 'unknown',
    id,
    decision: 'abort',
    told: [],
  })
  await using operator = coordinatorOf(bank, 'co-located')
  expect(await operator.status(id)).toMatchObject({ decision: 'abort', prepared: ['orders'] })
  expect(await operator.resolve(id, 'abort')).toEqual(['orders'])
})

test('two pools mixed up: recovery says so, ends nothing and keeps the record', async () => {
  await using dying = stoppable(
    (point) =>
      isAt(point, 'before COMMIT PREPARED')
        ? Promise.reject(new Error('Connection terminated'))
        : Promise.resolve(),
    { graceMs: 100, name: 'dying' },
  )
  const id = await transfer(dying, 'mixed up')
  await dying.stop() // its epoch is closed, so that others may delete its record
  const { payments, orders } = bank.pools
  const { events, onEvent } = listener()
  await using mixedUp = createCoordinator({
    participants: { ledger: payments, payments: orders, orders: bank.pools.log },
    log: coLocated('ledger'),
    recoverEveryMs: Infinity,
    orphanAfterMs: 0,
    closeAfterMs: 0.001,
    onEvent,
  })
  expect(await mixedUp.recover()).toMatchObject({ recovered: 0, unreachable: ['orders', 'payments'] })
  expect(events.find(({ type }) => type === 'recovery-failed')).toMatchObject({
    error: { message: /Cannot recover quorate:.*give each participant the pool/ },
  })
  await using right = coordinatorOf(bank, 'co-located', { orphanAfterMs: 0 })
  expect(await right.status(id)).toMatchObject({ decision: 'commit', prepared: ['orders'] })
  expect(await right.recover()).toMatchObject({ recovered: 1 })
  expect((await audit(bank)).transfers.orders).toContain('mixed up')
})

test('a participant that is mixed up with another has acknowledged nothing, whoever else has', async () => {
  const { payments, orders, log } = bank.pools
  await log.query('CREATE TABLE shelf (id text)')
  const isTold = (point: Point): Promise<void> =>
    isAt(point, 'before COMMIT PREPARED')
      ? Promise.reject(new Error('Connection terminated'))
      : Promise.resolve()
  const rightly = {
    payments,
    orders: watched('orders', () => orders, isTold),
    stock: watched('stock', () => log, isTold),
  }
  await using dying = createCoordinator({
    participants: rightly,
    log: coLocated('payments'),
    recoverEveryMs: Infinity,
    graceMs: 100,
  })
  const id = await dying.transaction(async (on, context) => {
    await on.orders.query("INSERT INTO transfer VALUES ('three', 0)")
    await on.stock.query("INSERT INTO shelf VALUES ('three')")
    await on.payments.query("INSERT INTO transfer VALUES ('three', 0)")
    return context.id
  })
  await payments.query('CREATE DATABASE bare')
  const bare = new pg.Pool({ connectionString: servers.payments.urlOf('bare'), max: 4 })
  bare.on('error', () => {})
  await using mixedUp = createCoordinator({
    participants: { ledger: payments, payments: orders, orders: bare, stock: log },
    log: coLocated('ledger'),
    recoverEveryMs: Infinity,
    orphanAfterMs: 0,
  })
  expect(await mixedUp.recover()).toMatchObject({
    recovered: 0,
    left: 1,
    unreachable: ['orders', 'payments'],
  })
  await mixedUp.stop()
  await bare.end()
  expect(await dying.status(id)).toMatchObject({ decision: 'commit', prepared: ['orders'] })
  await using right = coordinatorOf(bank, 'co-located', { orphanAfterMs: 0 })
  await right.recover()
})

test('what may yet turn out to be prepared is unfinished', async () => {
  const { events, onEvent } = listener()
  await using coordinator = stoppable(
    (point) =>
      isAt(point, 'before PREPARE') ? Promise.reject(new Error('Connection terminated')) : Promise.resolve(),
    { graceMs: 100, onEvent },
  )
  await expect(transfer(coordinator, 'lost vote')).rejects.toMatchObject({
    code: 'QUORATE_TPC_PARTICIPANT_UNAVAILABLE',
    participant: 'orders',
    outcome: 'not-applied',
  })
  expect(events).toMatchObject([
    { type: 'aborted' },
    { type: 'unfinished', decision: 'abort', left: ['orders'] },
  ])
})

test('a recoverer that comes too late, when the record is gone too, tells of no abort', async () => {
  await using dying = stoppable(
    (point) =>
      isAt(point, 'before COMMIT PREPARED')
        ? Promise.reject(new Error('Connection terminated'))
        : Promise.resolve(),
    { graceMs: 100 },
  )
  await transfer(dying, 'slow recoverer')
  await dying.stop()
  const [gid = ''] = (await audit(bank)).prepared
  const { events, onEvent } = listener()
  await using slow = stoppable(
    async (point) => {
      if (!isAt(point, 'before settle')) return
      // In its stead: the lock keeps recoverers apart, unless its server fails over.
      await bank.pools.orders.query(`COMMIT PREPARED '${gid}'`)
      await bank.pools.payments.query('DELETE FROM quorate.tpc_decisions')
    },
    { orphanAfterMs: 0, onEvent },
  )
  expect(await slow.recover()).toMatchObject({ recovered: 0, left: 0 })
  expect(events.filter(({ type }) => type === 'recovered')).toEqual([])
})

test('a lost COMMIT of a single writer is asked for; only a restart of its server leaves doubt', async () => {
  const lost = (): never => {
    throw new Error('Connection terminated unexpectedly')
  }
  const insertAfter = async (at: string, stroke: () => Promise<unknown>): Promise<unknown> => {
    const strike = async (point: Point): Promise<void> => {
      if (!isAt(point, at) || point.server !== 'orders') return
      await stroke()
      lost()
    }
    await using coordinator = stoppable(strike, { graceMs: 5_000 })
    return await coordinator
      .transaction(({ orders }) => orders.query("INSERT INTO lone VALUES ('x')"))
      .then(
        () => 'committed',
        ({ code, outcome }: { readonly code?: string; readonly outcome?: string }) => [code, outcome],
      )
  }
  const { orders } = bank.pools
  await orders.query('CREATE TABLE lone (id text)')
  const count = async (): Promise<number | null> => (await orders.query('SELECT FROM lone')).rowCount
  expect([await insertAfter('after COMMIT', () => Promise.resolve()), await count()]).toEqual([
    'committed',
    1,
  ])
  const unavailable = ['QUORATE_TPC_PARTICIPANT_UNAVAILABLE', 'not-applied']
  expect([await insertAfter('before COMMIT', () => Promise.resolve()), await count()]).toEqual([
    unavailable,
    1,
  ])
  const restart = async (): Promise<void> => {
    await servers.orders.kill()
    await servers.orders.restart()
  }
  const doubt = ['QUORATE_TPC_IN_DOUBT', 'unknown']
  expect([await insertAfter('after COMMIT', restart), await count()]).toEqual([doubt, 2])
})

test('a lost COMMIT of a single writer that is still going on is waited for', async () => {
  const { orders } = bank.pools
  await orders.query(`CREATE TABLE slow (id text);
    CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_advisory_xact_lock(1); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER late AFTER INSERT ON slow DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait()`)
  const blocker = await orders.connect()
  await blocker.query('SELECT pg_advisory_lock(1)')
  let questions = 0
  const asked = watched(
    'orders',
    () => orders,
    async ({ when, what }) => {
      if (when === 'after' && what === 'fate' && ++questions === 2)
        await blocker.query('SELECT pg_advisory_unlock(1)')
    },
  )
  /** Sends COMMIT and does not hear of it again. */
  const deaf: PgPool = {
    async connect() {
      const client = await asked.connect()
      const query = (text: string, values?: unknown[]): Promise<unknown> => {
        const answer = client.query(text, values)
        if (!/\bCOMMIT$/.test(text)) return answer
        answer.catch(() => {})
        return Promise.reject(new Error('Connection terminated unexpectedly'))
      }
      return new Proxy(client, {
        get: (target, key) => (key === 'query' ? query : (Reflect.get(target, key) as unknown)),
      })
    },
  }
  await using coordinator = createCoordinator({
    participants: { payments: bank.pools.payments, orders: deaf },
    log: coLocated('payments'),
    recoverEveryMs: Infinity,
    graceMs: 10_000,
  })
  try {
    await coordinator.transaction((on) => on.orders.query("INSERT INTO slow VALUES ('x')"))
  } finally {
    blocker.release()
  }
  expect([questions >= 2, (await orders.query('SELECT FROM slow')).rowCount]).toEqual([true, 1])
})

test('what cannot be ended is reported as an orphan; the loop ends it by itself, and stops', async () => {
  const noRollback = (point: Point): Promise<void> =>
    isAt(point, 'before ROLLBACK PREPARED')
      ? Promise.reject(new Error('Connection terminated'))
      : Promise.resolve()
  const clock = new VirtualClock()
  const prepared = Promise.withResolvers<undefined>()
  await using dying = stoppable(
    async (point) => {
      if (isAt(point, 'after PREPARE')) {
        prepared.resolve(undefined)
        await new Promise(() => {})
      }
      await noRollback(point)
    },
    { clock, timeoutMs: 100, graceMs: 100 },
  )
  const hung = transfer(dying, 'hangs').catch((error: unknown) => error)
  await prepared.promise
  await clock.advance(200)
  expect(await hung).toMatchObject({ code: 'QUORATE_TPC_TIMEOUT' })
  const { events, onEvent } = listener()
  await using weak = stoppable(noRollback, { orphanAfterMs: 0, alertAfterMs: 0.001, onEvent })
  expect(await weak.recover()).toMatchObject({ recovered: 0, left: 1, unreachable: [] })
  expect(events).toMatchObject([{ type: 'orphan', participant: 'orders' }])

  const { promise: recovered, resolve } = Promise.withResolvers<string>()
  const looping = coordinatorOf(bank, 'co-located', {
    recoverEveryMs: 20,
    orphanAfterMs: 0,
    onEvent: (event) => {
      if (event.type === 'recovered') resolve(event.decision)
    },
  })
  await looping.start()
  expect(await recovered).toBe('abort')
  await looping.stop()
  await expect(looping.recover()).rejects.toMatchObject({ code: 'QUORATE_TPC_STOPPED' })
})

test.each(['commit', 'abort'] as const)(
  'a recoverer that dies at any of its awaits leaves what the next one ends: %s',
  { timeout: 60_000 },
  async (decision) => {
    /** Leaves a transaction prepared, its coordinator gone and its epoch closed. */
    const leave = async (id: string): Promise<void> => {
      const at =
        decision === 'commit' ? ['before COMMIT PREPARED'] : ['after PREPARE', 'before ROLLBACK PREPARED']
      await using dying = stoppable(
        (point) =>
          at.some((one) => isAt(point, one))
            ? Promise.reject(new Error('Connection terminated'))
            : Promise.resolve(),
        { graceMs: 100 },
      )
      await transfer(dying, id).catch(() => {})
    }
    const options = { orphanAfterMs: 0, closeAfterMs: 0.001 }
    let points = 0
    // Every other one for each decision: most awaits are the same for both.
    const first = decision === 'commit' ? 1 : 2
    for (let dieAt = first; dieAt === first || points >= dieAt - 2; dieAt += 2) {
      const id = `recoverer ${decision} ${dieAt}`
      await leave(id)
      expect((await audit(bank)).prepared).toHaveLength(1)
      points = 0
      // Not awaited when it stops: it is dead, and its connections are cut.
      const dying = stoppable(
        () => (++points >= dieAt ? Promise.reject(new Error('killed')) : Promise.resolve()),
        options,
      )
      await dying.recover().catch(() => {})
      await using next = coordinatorOf(bank, 'co-located', options)
      while ((await audit(bank)).prepared.length > 0) await next.recover()
      const { transfers } = await audit(bank)
      const on = [transfers.payments.includes(id), transfers.orders.includes(id)]
      expect([dieAt, ...on]).toEqual([dieAt, decision === 'commit', decision === 'commit'])
    }
    expect(points).toBeGreaterThan(20) // else it never lived to its end
  },
)

test('records of coordinators that stopped are gone', async () => {
  await using last = coordinatorOf(bank, 'co-located', { closeAfterMs: 0.001, orphanAfterMs: 0 })
  await last.recover()
  await last.recover()
  expect(await records()).toEqual([])
})
