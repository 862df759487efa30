import { localCluster } from '@quorate/local-cluster'
import pg from 'pg'
import { pino } from 'pino'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { CartLine } from '../src/api.ts'
import { DATABASES } from '../src/databases.ts'
import { OVERSELLING, type Overselling } from '../src/services/inventory/overselling.ts'
import { startInventory } from '../src/services/inventory/service.ts'
import type { RunningServer } from '../src/shared/http-server.ts'
import { openPool } from '../src/shared/postgres.ts'
import { until } from './api.ts'
import { startChild } from './child.ts'

// One inventory database, and a copy of the service for each answer to overselling: they may be mixed.
const cluster = await localCluster({ postgres: { inventory: DATABASES.postgres.inventory } })
const log = pino({ level: 'silent' })
const pools: pg.Pool[] = []
const services = new Map<Overselling, RunningServer>()
const replicas: pg.Pool[] = []

function pool(max: number): pg.Pool {
  const opened = openPool(cluster.postgres.inventory.primary.url, { name: 'inventory', max, log })
  pools.push(opened)
  return opened
}
let db: pg.Pool

beforeAll(async () => {
  db = pool(4)
  for (const { url } of cluster.postgres.inventory.replicas) {
    const opened = openPool(url, { name: 'replica', max: 2, log })
    replicas.push(opened)
    pools.push(opened)
  }
  for (const overselling of OVERSELLING) {
    services.set(
      overselling,
      await startInventory({ primary: pool(8), replicas, log, overselling, lookAfterMs: 30 }),
    )
  }
})
afterAll(async () => {
  for (const service of services.values()) await service.stop()
  await Promise.all(pools.map((one) => one.end()))
  await cluster.stop()
})

interface Answer {
  readonly status: number
  readonly body: { readonly status?: string; readonly code?: string; readonly short?: unknown }
}

async function send(url: string | undefined, method: string, path: string, body?: unknown): Promise<Answer> {
  const response = await fetch(`${url}${path}`, {
    method,
    ...(body === undefined
      ? {}
      : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  })
  const text = await response.text()
  return { status: response.status, body: text === '' ? {} : (JSON.parse(text) as Answer['body']) }
}
const call = (answer: Overselling, method: string, path: string, body?: unknown): Promise<Answer> =>
  send(services.get(answer)?.url, method, path, body)
const open = async (answer: Overselling, stock: { sku: string; units: number }[]): Promise<void> => {
  expect((await call(answer, 'PUT', '/stock', { stock })).status).toBe(204)
}
const reserve = (answer: Overselling, id: string, lines: CartLine[]) =>
  call(answer, 'POST', '/reservations', { id, lines })
const commit = (answer: Overselling, id: string) => call(answer, 'POST', `/reservations/${id}/commit`)
const release = (answer: Overselling, id: string) => call(answer, 'POST', `/reservations/${id}/release`)

/** What the stock row says and what the ledger says; both, because a bug would make them differ. */
async function shelf(sku: string) {
  const { rows } = await db.query(
    `select stock.available, stock.reserved, stock.sold, array[ledger.available, ledger.reserved, ledger.sold] as ledger
     from stock, lateral (
       select sum(available_delta)::int as available, sum(reserved_delta)::int as reserved, sum(sold_delta)::int as sold
       from stock_movements where stock_movements.sku = stock.sku
     ) as ledger
     where stock.sku = $1`,
    [sku],
  )
  const row = rows[0] as { available: number; reserved: number; sold: number; ledger: number[] }
  return { ...row, agrees: row.ledger.join() === [row.available, row.reserved, row.sold].join() }
}
const looked = () =>
  until(
    async () => (await db.query(`select from reservations where status = 'promised'`)).rowCount,
    (promised) => promised === 0,
  )

/** Does something while a transaction has the stock row locked. */
async function whileHeld<T>(sku: string, work: () => Promise<T>): Promise<T> {
  const holder = await db.connect()
  try {
    await holder.query('begin')
    await holder.query('select from stock where sku = $1 for update', [sku])
    return await work()
  } finally {
    await holder.query('rollback')
    holder.release()
  }
}

/** The service in a process of its own, a copy for each answer. */
async function startProcess() {
  const { primary, replicas: others } = cluster.postgres.inventory
  const child = startChild('inventory-process.ts', [primary.url, ...others.map(({ url }) => url)])
  const urls = JSON.parse(await child.line()) as Partial<Record<Overselling, string>>
  return { urls, kill: () => child.kill() }
}

describe.each(OVERSELLING)('%s:', (answer) => {
  test('20 customers who want the last 7 units: exactly 7 are kept', async () => {
    const sku = `hot-${answer}`
    await open(answer, [{ sku, units: 7 }])
    const ids = Array.from({ length: 20 }, (_, index) => `${sku}-${index}`)
    const ask = () => Promise.all(ids.map((id) => reserve(answer, id, [{ sku, quantity: 1 }])))
    // No look comes between promises: there is somebody at the shelf all the time.
    const answers = answer === 'compensate' ? await whileHeld(sku, ask) : await ask()
    const granted = ids.filter((_, index) => answers[index]?.status === 201)
    expect(answers.filter(({ status }) => status !== 201 && status !== 409)).toEqual([])
    expect(granted).toHaveLength(answer === 'compensate' ? 20 : 7)
    const ends = await Promise.all(granted.map((id) => commit(answer, id)))
    expect(ends.filter(({ body }) => body.status === 'committed')).toHaveLength(7)
    expect(ends.filter(({ body }) => body.status === 'oversold')).toHaveLength(granted.length - 7)
    expect(await shelf(sku)).toMatchObject({ available: 0, reserved: 0, sold: 7, agrees: true })
  })

  test('the same id is the same reservation: ten times at once, later, and with other lines', async () => {
    const sku = `once-${answer}`
    await open(answer, [{ sku, units: 10 }])
    const id = `${sku}-1`
    const at = await Promise.all(
      Array.from({ length: 10 }, () => reserve(answer, id, [{ sku, quantity: 3 }])),
    )
    expect(at.map(({ status }) => status)).toEqual(at.map(() => 201))
    expect((await reserve(answer, id, [{ sku, quantity: 5 }])).status).toBe(201)
    await looked()
    expect(await shelf(sku)).toMatchObject({ available: 7, reserved: 3, sold: 0, agrees: true })
    expect((await commit(answer, id)).body.status).toBe('committed')
    expect((await commit(answer, id)).body.status).toBe('committed')
    expect((await reserve(answer, id, [{ sku, quantity: 3 }])).body.status).toBe('committed')
    expect(await shelf(sku)).toMatchObject({ available: 7, reserved: 0, sold: 3, agrees: true })
    expect((await release(answer, id)).body.code).toBe('reservation-settled')
  })

  test('a release gives back once, and one that comes first keeps the reservation from being made', async () => {
    const sku = `back-${answer}`
    await open(answer, [{ sku, units: 4 }])
    const [id, late] = [`${sku}-1`, `${sku}-2`]
    await reserve(answer, id, [{ sku, quantity: 4 }])
    expect((await release(answer, id)).status).toBe(200)
    expect((await release(answer, id)).status).toBe(200)
    expect((await commit(answer, id)).body.code).toBe('reservation-settled')
    expect((await release(answer, late)).status).toBe(200)
    expect((await reserve(answer, late, [{ sku, quantity: 1 }])).body.code).toBe('reservation-settled')
    expect(await shelf(sku)).toMatchObject({ available: 4, reserved: 0, sold: 0, agrees: true })
  })

  test('a reserve and its release at the same moment leave nothing held', async () => {
    const sku = `race-${answer}`
    await open(answer, [{ sku, units: 30 }])
    const ids = Array.from({ length: 30 }, (_, index) => `${sku}-${index}`)
    await Promise.all(
      ids.flatMap((id) => [
        reserve(answer, id, [{ sku, quantity: 1 }]),
        // What a saga does: again until it is done.
        until(
          () => release(answer, id),
          ({ status }) => status === 200,
        ),
      ]),
    )
    await Promise.all(ids.map((id) => release(answer, id)))
    await looked()
    expect(await shelf(sku)).toMatchObject({ available: 30, reserved: 0, sold: 0, agrees: true })
  })

  test('an order gets all its lines or none, and is told which were short', async () => {
    const [plenty, scarce] = [`plenty-${answer}`, `scarce-${answer}`]
    await open(answer, [
      { sku: plenty, units: 100 },
      { sku: scarce, units: 2 },
    ])
    const id = `${plenty}-1`
    const lines = [
      { sku: plenty, quantity: 1 },
      { sku: scarce, quantity: 1 },
      { sku: scarce, quantity: 2 },
      { sku: 'never-heard-of', quantity: 1 },
    ]
    const { status, body } = await reserve(answer, id, lines)
    expect(status).toBe(409)
    expect(body.short).toHaveLength(2)
    expect(body.short).toEqual(
      expect.arrayContaining([
        { sku: scarce, wanted: 3, available: 2 },
        { sku: 'never-heard-of', wanted: 1, available: 0 },
      ]),
    )
    expect(await shelf(plenty)).toMatchObject({ available: 100, reserved: 0, sold: 0, agrees: true })
  })

  test('40 orders over the same products in any order, with capitals among them, do not deadlock', async () => {
    const skus = ['a', 'B', 'c', 'D', 'É', 'z'].map((letter) => `${letter}-${answer}`)
    await open(
      answer,
      skus.map((sku) => ({ sku, units: 1_000 })),
    )
    const answers = await Promise.all(
      Array.from({ length: 40 }, async (_, index) => {
        const turned = [...skus.slice(index % 6), ...skus.slice(0, index % 6)]
        const id = `cross-${answer}-${index}`
        const reserved = await reserve(
          answer,
          id,
          turned.slice(0, 2 + (index % 4)).map((sku) => ({ sku, quantity: 1 })),
        )
        return [reserved.status, (await commit(answer, id)).body.status]
      }),
    )
    expect(answers).toEqual(answers.map(() => [201, 'committed']))
  })

  test('an order that the database cannot take fails alone', async () => {
    const sku = `poison-${answer}`
    await open(answer, [{ sku, units: 50 }])
    const answers = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        reserve(answer, `${sku}-${index}`, [{ sku: index === 9 ? 'nul\u0000' : sku, quantity: 1 }]),
      ),
    )
    expect(answers.map(({ status }) => status)).toEqual(answers.map((_, index) => (index === 9 ? 500 : 201)))
  })
})

test('all answers at once, in copies of one service, share one shelf: 60 customers, 20 units, 20 kept', async () => {
  await open('lock', [{ sku: 'shared', units: 20 }])
  const ends = await Promise.all(
    Array.from({ length: 60 }, async (_, index) => {
      const answer = OVERSELLING[index % OVERSELLING.length] ?? 'lock'
      const id = `shared-${index}`
      const { status } = await reserve(answer, id, [{ sku: 'shared', quantity: 1 }])
      return status === 201 ? (await commit(answer, id)).body.status : 'refused'
    }),
  )
  expect(ends.filter((end) => end === 'committed')).toHaveLength(20)
  expect(await shelf('shared')).toMatchObject({ available: 0, reserved: 0, sold: 20, agrees: true })
})

test('a promise tells what it could not keep: the lines that are short when it is looked at', async () => {
  await open('compensate', [
    { sku: 'kept', units: 5 },
    { sku: 'gone', units: 2 },
  ])
  const lines = [
    { sku: 'kept', quantity: 1 },
    { sku: 'gone', quantity: 2 },
  ]
  const ids = ['promise-1', 'promise-2']
  await whileHeld('gone', async () => {
    for (const id of ids) expect((await reserve('compensate', id, lines)).status).toBe(201)
  })
  expect((await commit('compensate', 'promise-2')).body).toMatchObject({
    status: 'oversold',
    short: [{ sku: 'gone', wanted: 2, available: 0 }],
  })
  expect((await commit('compensate', 'promise-1')).body.status).toBe('committed')
  // The answer of one who lost theirs: no promise any more.
  expect((await reserve('compensate', 'promise-2', lines)).body).toMatchObject({
    code: 'out-of-stock',
    short: [{ sku: 'gone', wanted: 2, available: 0 }],
  })
  expect((await release('compensate', 'promise-2')).status).toBe(200)
  expect(await shelf('kept')).toMatchObject({ available: 4, reserved: 0, sold: 1, agrees: true })
  expect(await shelf('gone')).toMatchObject({ available: 0, reserved: 0, sold: 2, agrees: true })
})

test('promises that a service left behind are kept in their order by the next one, whatever its answer', async () => {
  await open('lock', [{ sku: 'left', units: 3 }])
  const parts = { primary: pool(2), replicas, log }
  const dying = await startInventory({ ...parts, overselling: 'compensate', lookAfterMs: 3_600_000 })
  const ask = (path: string, body?: unknown) =>
    fetch(`${dying.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    })
  for (const [index, quantity] of [1, 1, 2, 1].entries()) {
    await ask('/reservations', { id: `left-${index}`, lines: [{ sku: 'left', quantity }] })
  }
  // The second is released before anybody looked: it was never on the shelf.
  await ask('/reservations/left-1/release')
  expect(await shelf('left')).toMatchObject({ available: 3, reserved: 0, ledger: [-1, 4, 0] })
  await dying.stop()

  const next = await startInventory({ ...parts, overselling: 'optimistic', lookAfterMs: 1 })
  await looked()
  await next.stop()
  const { rows } = await db.query(`select status from reservations where id like 'left-%' order by id`)
  expect(rows.map(({ status }: { status: string }) => status)).toEqual([
    'reserved',
    'released',
    'reserved',
    'oversold',
  ])
  expect(await shelf('left')).toMatchObject({ available: 0, reserved: 3, sold: 0, agrees: true })
})

test('the process is killed with SIGKILL in the middle of it: no unit is lost, none is sold twice', async () => {
  const units = 30
  const skuOf = (answer: Overselling): string => `process-${answer}`
  await open(
    'lock',
    OVERSELLING.map((answer) => ({ sku: skuOf(answer), units })),
  )
  let running = await startProcess()
  let answered = 0
  const ask = (answer: Overselling, path: string, body?: unknown): Promise<Answer> =>
    until(
      () => send(running.urls[answer], 'POST', path, body).catch(() => ({ status: 503, body: {} })),
      ({ status }) => status < 500,
      50_000,
    )
  const customers = OVERSELLING.flatMap((answer) =>
    Array.from({ length: 50 }, async (_, index) => {
      const id = `${skuOf(answer)}-${index}`
      const lines = [{ sku: skuOf(answer), quantity: 1 }]
      const { status } = await ask(answer, '/reservations', { id, lines })
      answered++
      if (status !== 201) return { answer, end: 'refused' }
      return { answer, end: (await ask(answer, `/reservations/${id}/commit`)).body.status }
    }),
  )
  try {
    await until(
      async () => answered,
      (count) => count >= 40,
    )
    await running.kill()
    running = await startProcess()
    const ends = await Promise.all(customers)
    await looked()
    for (const answer of OVERSELLING) {
      const own = ends.filter((end) => end.answer === answer)
      expect(own.filter(({ end }) => end === 'committed')).toHaveLength(units)
      expect(await shelf(skuOf(answer))).toMatchObject({
        available: 0,
        reserved: 0,
        sold: units,
        agrees: true,
      })
    }
  } finally {
    await running.kill()
  }
})

test('connections and the primary die in the middle of it: no unit is lost, none is sold twice, each yes is kept', async () => {
  const units = 40
  const skuOf = (answer: Overselling): string => `killed-${answer}`
  await open(
    'lock',
    OVERSELLING.map((answer) => ({ sku: skuOf(answer), units })),
  )
  let answered = 0
  /** A customer's saga: each step again, with the same id, until it is answered. */
  const stubborn = async (ask: () => Promise<Answer>): Promise<Answer> =>
    until(
      () => ask().catch(() => ({ status: 503, body: {} })),
      ({ status }) => status < 500,
      50_000,
    )
  const customers = OVERSELLING.flatMap((answer) =>
    Array.from({ length: 60 }, async (_, index) => {
      const id = `${skuOf(answer)}-${index}`
      const { status } = await stubborn(() => reserve(answer, id, [{ sku: skuOf(answer), quantity: 1 }]))
      answered++
      if (status !== 201) return { answer, end: 'refused' }
      return { answer, end: (await stubborn(() => commit(answer, id))).body.status }
    }),
  )
  // Wherever they are: between the look and the write, between the write and the commit, or behind it.
  for (const share of [20, 60, 100]) {
    await until(
      async () => answered,
      (count) => count >= share,
    )
    await db.query(
      `select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'inventory' and pid <> pg_backend_pid()`,
    )
  }
  await until(
    async () => answered,
    (count) => count >= 140,
  )
  await cluster.postgres.inventory.primary.kill()
  await cluster.postgres.inventory.primary.restart()

  const ends = await Promise.all(customers)
  await looked()
  for (const answer of OVERSELLING) {
    const own = ends.filter((end) => end.answer === answer)
    expect(own.filter(({ end }) => end === 'committed')).toHaveLength(units)
    expect(await shelf(skuOf(answer))).toMatchObject({ available: 0, reserved: 0, sold: units, agrees: true })
  }
})
