// Each server is killed, or fails over to its synchronous standby, at each step of the protocol: before the message,
// after the server has done it with the answer lost, and after the answer. QUORATE_TPC_ALL=1 takes every await of the
// transaction instead of those of the commit. One case again:
//   npx vitest run --project integration packages/two-phase-commit/test/servers.int.test.ts -t 'its title'
import { localCluster, type PostgresServer } from '@quorate/local-cluster'
import { afterAll, describe, expect, test } from 'vitest'
import { coLocated, createCoordinator, type PgPool, separateLog } from '@quorate/two-phase-commit'
import pg from 'pg'
import {
  audit,
  type Bank,
  listener,
  type Names,
  openBank,
  type Place,
  START_CENTS,
  transfer,
} from './support.ts'
import { type Point, watched } from './watched.ts'

const ALL = process.env['QUORATE_TPC_ALL'] !== undefined

interface Case {
  readonly place: Place
  /** Whose message is the step. */
  readonly step: { readonly server: Names | 'log'; readonly what: string }
  readonly when: 'before' | 'lost' | 'after'
  readonly victim: Names | 'log'
}

const titleOf = ({ place, step, when, victim }: Case): string =>
  `${place}: ${victim} dies, ${when === 'lost' ? 'and the answer to' : when} ${step.what} on ${step.server}${when === 'lost' ? ' is lost' : ''}`

const STEPS: Record<Place, readonly Case['step'][]> = {
  'co-located': [
    { server: 'orders', what: 'PREPARE' },
    { server: 'payments', what: 'COMMIT with the record' },
    { server: 'orders', what: 'COMMIT PREPARED' },
  ],
  separate: [
    { server: 'payments', what: 'PREPARE' },
    { server: 'log', what: 'COMMIT with the record' },
    { server: 'payments', what: 'COMMIT PREPARED' },
  ],
}
const EARLY: readonly Case['step'][] = ['connect', 'BEGIN', 'UPDATE account', 'INSERT INTO'].flatMap((what) =>
  (['payments', 'orders'] as const).map((server) => ({ server, what })),
)

function casesOf(place: Place): readonly Case[] {
  const victims: readonly (Names | 'log')[] =
    place === 'co-located' ? ['payments', 'orders'] : ['payments', 'orders', 'log']
  const steps = ALL ? [...EARLY, ...STEPS[place]] : STEPS[place]
  return steps.flatMap((step) =>
    (['before', 'lost', 'after'] as const).flatMap((when) =>
      // That a server which is not asked dies after the answer is the same as before the next message.
      victims
        .filter((victim) => ALL || when === 'before' || victim === step.server)
        .map((victim): Case => ({ place, step, when, victim })),
    ),
  )
}

/** Runs one transfer with one stroke at one point, recovers, and sees whether all are told the truth. */
async function play(
  bank: Bank,
  poolOf: (name: Names | 'log') => pg.Pool,
  one: Case,
  id: string,
  strike: () => Promise<void>,
): Promise<{ readonly struck: boolean; readonly answer: string }> {
  let struck = false
  let isCounting = false
  let stroke = Promise.resolve()
  const pass = async ({ when, server, what }: Point): Promise<void> => {
    const isHere =
      server === one.step.server &&
      what === one.step.what &&
      when === (one.when === 'before' ? 'before' : 'after')
    if (!isCounting || struck || !isHere) return
    struck = true
    stroke = strike()
    await stroke
    if (one.when === 'lost') throw new Error('Connection terminated unexpectedly')
  }
  const pool = (name: Names | 'log'): PgPool => watched(name, () => poolOf(name), pass)
  const { events, onEvent } = listener()
  const participants = { payments: pool('payments'), orders: pool('orders') }
  await using coordinator = createCoordinator({
    participants,
    log: one.place === 'co-located' ? coLocated<Names>('payments') : separateLog(pool('log')),
    recoverEveryMs: Infinity,
    timeoutMs: 20_000,
    graceMs: 5_000,
    onEvent,
  })
  await coordinator.start()
  isCounting = true
  const answer = await transfer(coordinator, id).then(
    () => 'committed',
    (error: Error & { outcome?: string }) => error.outcome ?? error.message,
  )
  await stroke // what went on beside it may have failed earlier
  for (
    let passes = 0;
    (await coordinator.recover()).left > 0 || (await audit(bank)).prepared.length > 0;
    passes++
  ) {
    if (passes === 50) throw new Error(`Not recovered: ${JSON.stringify(events)}`)
  }
  return { struck, answer }
}

/** What must hold, and what does. */
async function judge(
  bank: Bank,
  id: string,
  { struck, answer }: { readonly struck: boolean; readonly answer: string },
): Promise<{ readonly wanted: unknown; readonly found: unknown }> {
  const { cents, transfers, prepared } = await audit(bank)
  const on = (['payments', 'orders'] as const).filter((name) => transfers[name].includes(id))
  // A server that comes back in time can say what it decided: no doubt is left.
  const told = { committed: ['payments', 'orders'], 'not-applied': [] }[answer]
  return {
    wanted: { struck: true, cents: 2 * START_CENTS, prepared: [], on: told },
    found: { struck, cents, prepared, on },
  }
}

describe('kill -9 and restart', async () => {
  await using stack = new AsyncDisposableStack()
  const cluster = stack.use(await localCluster({ postgres: { payments: {}, orders: {}, log: {} } }))
  const servers: Record<Names | 'log', PostgresServer> = {
    payments: cluster.postgres.payments.primary,
    orders: cluster.postgres.orders.primary,
    log: cluster.postgres.log.primary,
  }
  const bank = stack.use(
    await openBank({ payments: servers.payments.url, orders: servers.orders.url, log: servers.log.url }),
  )
  for (const place of ['co-located', 'separate'] as const) await migrate(bank, place)
  const kept = stack.move()
  afterAll(() => kept.disposeAsync())

  const cases = [...casesOf('co-located'), ...casesOf('separate')]
  test.each(cases.map((one, index) => [titleOf(one), one, `kill ${index}`] as const))(
    '%s',
    async (title, one, id) => {
      const end = await play(
        bank,
        (name) => bank.pools[name],
        one,
        id,
        async () => {
          await servers[one.victim].kill()
          await servers[one.victim].restart()
        },
      )
      const { wanted, found } = await judge(bank, id, end)
      expect([title, found]).toEqual([title, wanted])
    },
  )
})

describe('failover to the synchronous standby', async () => {
  await using stack = new AsyncDisposableStack()
  const cluster = stack.use(
    await localCluster({
      postgres: {
        payments: { replicas: 1, synchronous: true },
        orders: { replicas: 1, synchronous: true },
        log: {},
      },
    }),
  )
  const groups = cluster.postgres
  const pools = new Map<string, pg.Pool>()
  /** Follows the primary, as a proxy or a name in DNS does. */
  const poolOf = (name: Names | 'log'): pg.Pool => {
    const { url } = groups[name].primary
    const pool = pools.get(url) ?? new pg.Pool({ connectionString: url, max: 8 })
    if (!pools.has(url)) pool.on('error', () => {})
    pools.set(url, pool)
    return pool
  }
  stack.defer(async () => {
    await Promise.all([...pools.values()].map((pool) => pool.end()))
  })
  const first = stack.use(
    await openBank({
      payments: groups.payments.primary.url,
      orders: groups.orders.primary.url,
      log: groups.log.primary.url,
    }),
  )
  await migrate(first, 'co-located')
  const bank: Bank = {
    urls: first.urls,
    get pools() {
      return { payments: poolOf('payments'), orders: poolOf('orders'), log: poolOf('log') }
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  }
  const kept = stack.move()
  afterAll(() => kept.disposeAsync())

  const cases = casesOf('co-located').filter(
    ({ when, step, victim }) => ALL || when !== 'before' || step.server !== victim,
  )
  test.each(cases.map((one, index) => [titleOf(one), one, `promote ${index}`] as const))(
    '%s',
    async (title, one, id) => {
      const end = await play(bank, poolOf, one, id, async () => {
        const name = one.victim === 'log' ? 'orders' : one.victim
        await groups[name].promote(0)
      })
      const { wanted, found } = await judge(bank, id, end)
      expect([title, found]).toEqual([title, wanted])
    },
  )
})

async function migrate({ pools }: Bank, place: Place): Promise<void> {
  const { payments, orders, log } = pools
  await using coordinator = createCoordinator({
    participants: { payments, orders },
    log: place === 'co-located' ? coLocated<Names>('payments') : separateLog(log),
  })
  await coordinator.migrate()
}
