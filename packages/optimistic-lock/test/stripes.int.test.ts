import { seededRandom } from '@quorate/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { stripedCounters, stripesMigration } from '../src/stripes/index.ts'
import { connect } from './connect.ts'

const { pool } = await connect(20)
await pool.query(stripesMigration())
await pool.query(stripesMigration()) // may be run again
const counters = stripedCounters(pool)

test('64 callers and 47 units in 8 stripes: exactly 47 grants', async () => {
  expect(await counters.create('hot', 47)).toBe(true)
  expect(await counters.create('hot', 99)).toBe(false)
  const grants = await Promise.all(Array.from({ length: 64 }, () => counters.decrementIf('hot')))
  expect(grants.filter(Boolean)).toHaveLength(47)
  expect(await counters.total('hot')).toBe(0)
})

test('nobody is refused while the stripes together have enough', async () => {
  await counters.create('spread', 16) // two in each stripe
  expect(await counters.decrementIf('spread', 17)).toBe(false)
  expect(await counters.decrementIf('spread', 15)).toBe(true)
  expect(await counters.total('spread')).toBe(1)
  expect(await counters.decrementIf('spread')).toBe(true)
  expect(await counters.decrementIf('spread')).toBe(false)
})

test('a borrow spreads the rest evenly', async () => {
  await counters.create('even', 40)
  expect(await counters.decrementIf('even', 17)).toBe(true)
  expect(await unitsOf('even')).toEqual([3, 3, 3, 3, 3, 3, 3, 2])
})

test('a counter that is not there is refused, a stripe that is not there falls back', async () => {
  expect(await counters.decrementIf('none')).toBe(false)
  expect(await counters.increment('none')).toBe(false)
  expect(await counters.total('none')).toBeUndefined()
  await stripedCounters(pool, { stripes: 1 }).create('narrow', 3)
  for (let index = 0; index < 5; index++) expect(await counters.increment('narrow')).toBe(true)
  expect(await counters.decrementIf('narrow', 8)).toBe(true)
})

test('transactions hold one stripe each, so two can be open at once; a rollback gives back', async () => {
  let next = 0
  const apart = stripedCounters(pool, { random: () => (next++ % 8) / 8 })
  await apart.create('open', 80)
  const clients = [await pool.connect(), await pool.connect()]
  try {
    for (const client of clients) {
      await client.query('BEGIN')
      expect(await apart.withTransaction(client).decrementIf('open', 4)).toBe(true)
    }
    expect(await apart.total('open')).toBe(80)
    await clients[0]?.query('COMMIT')
    await clients[1]?.query('ROLLBACK')
  } finally {
    for (const client of clients) client.release()
  }
  expect(await apart.total('open')).toBe(76)
})

/** Units by stripe. */
async function unitsOf(counter: string): Promise<number[]> {
  const text = 'SELECT units::int FROM quorate.stripe WHERE counter = $1 ORDER BY stripe'
  return (await pool.query(text, [counter])).rows.map(({ units }) => units)
}

test('a new counter has its units spread evenly, the odd ones in the first stripes', async () => {
  for (const [units, shares] of [
    [13, [4, 3, 3, 3]],
    [12, [3, 3, 3, 3]],
    [3, [1, 1, 1, 0]],
  ] as const) {
    await stripedCounters(pool, { stripes: 4 }).create(`spread-${units}`, units)
    expect(await unitsOf(`spread-${units}`)).toEqual(shares)
  }
})

test('a call begins at the stripe that chance names, and goes on from there, then from the first', async () => {
  let chosen = 5
  const some = stripedCounters(pool, { random: () => (chosen + 0.5) / 8 })
  await some.create('begun', 80)
  expect(await some.decrementIf('begun', 4)).toBe(true)
  expect(await unitsOf('begun')).toEqual([10, 10, 10, 10, 10, 6, 10, 10])
  const holder = await pool.connect()
  try {
    await holder.query('BEGIN')
    await holder.query("SELECT FROM quorate.stripe WHERE counter = 'begun' AND stripe = 5 FOR UPDATE")
    expect(await some.decrementIf('begun', 3)).toBe(true)
    chosen = 7
    await holder.query("SELECT FROM quorate.stripe WHERE counter = 'begun' AND stripe = 7 FOR UPDATE")
    expect(await some.increment('begun', 2)).toBe(true)
    chosen = 0
    expect(await some.decrementIf('begun', 1)).toBe(true)
  } finally {
    await holder.query('ROLLBACK')
    holder.release()
  }
  expect(await unitsOf('begun')).toEqual([11, 10, 10, 10, 10, 6, 7, 10])
})

test('who takes from all stripes locks them in their order, in whichever order the table has them', async () => {
  const [holder, borrower] = [await pool.connect(), await pool.connect()]
  try {
    await pool.query(`INSERT INTO quorate.stripe SELECT 'order', s, 5 FROM generate_series(5, 0, -1) AS s`)
    await borrower.query(
      'SET enable_indexscan = off; SET enable_bitmapscan = off; SET enable_indexonlyscan = off',
    )
    await holder.query('BEGIN')
    await holder.query("SELECT FROM quorate.stripe WHERE counter = 'order' AND stripe = 3 FOR UPDATE")
    const borrowed = stripedCounters(borrower).decrementIf('order', 20)
    await untilSomebodyWaits()
    const { rows } = await pool.query(
      "SELECT stripe FROM quorate.stripe WHERE counter = 'order' ORDER BY stripe FOR UPDATE SKIP LOCKED",
    )
    expect(rows.map(({ stripe }) => stripe)).toEqual([4, 5])
    await holder.query('ROLLBACK')
    expect(await borrowed).toBe(true)
  } finally {
    await holder.query('ROLLBACK')
    await borrower.query('RESET ALL')
    for (const client of [holder, borrower]) client.release()
  }
  expect(await unitsOf('order')).toEqual([2, 2, 2, 2, 1, 1])
})

test('any calls by any clients at once: the total is exact, and no call is refused without need', async () => {
  const step = fc.record({ units: fc.integer({ min: 1, max: 7 }), isUp: fc.boolean() })
  let run = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(step, { minLength: 1, maxLength: 8, size: 'max' }), {
        minLength: 1,
        maxLength: 5,
        size: 'max',
      }),
      fc.integer({ min: 0, max: 40 }),
      fc.integer({ min: 1, max: 6 }),
      fc.integer(),
      async (clients, start, stripes, seed) => {
        const name = `any-${++run}`
        const some = stripedCounters(pool, { stripes, random: seededRandom(seed) })
        await some.create(name, start)
        let expected = start
        let refused = 0
        await Promise.all(
          clients.map(async (steps) => {
            for (const { units, isUp } of steps) {
              const isDone = await (isUp ? some.increment(name, units) : some.decrementIf(name, units))
              if (isDone) expected += isUp ? units : -units
              else refused++
            }
          }),
        )
        expect(await some.total(name)).toBe(expected)
        const wanted = clients
          .flat()
          .filter(({ isUp }) => !isUp)
          .reduce((sum, { units }) => sum + units, 0)
        expect(refused === 0 || wanted > start).toBe(true)
      },
    ),
    { numRuns: 40 },
  )
})

test('two who create one counter at once, with other stripes, make one counter', async () => {
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    expect(await stripedCounters(client, { stripes: 4 }).create('twice', 100)).toBe(true)
    const other = stripedCounters(pool, { stripes: 16 }).create('twice', 1_000)
    await untilSomebodyWaits()
    await client.query('COMMIT')
    expect(await other).toBe(false)
  } finally {
    client.release()
  }
  expect(await counters.total('twice')).toBe(100)
  for (const [name, stripes, units] of [
    ['one-stripe', 1, 7],
    ['fewer-units', 8, 3],
    ['none', 8, 0],
  ] as const) {
    expect(await stripedCounters(pool, { stripes }).create(name, units)).toBe(true)
    expect(await counters.total(name)).toBe(units)
  }
})

test('who is refused in a transaction holds no stripe, and no savepoint is left open', async () => {
  await counters.create('refused', 3)
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    const inside = counters.withTransaction(client)
    expect(await inside.decrementIf('refused', 4)).toBe(false)
    // Nobody would get here if the stripes were locked.
    expect(await counters.decrementIf('refused', 3)).toBe(true)
    expect(await inside.decrementIf('refused')).toBe(false)
    await expect(client.query('RELEASE quorate_stripe')).rejects.toMatchObject({ code: '3B001' })
  } finally {
    await client.query('ROLLBACK')
    client.release()
  }
})

test('who waits for a stripe in a transaction, in vain, lets go of it; who gets it keeps what is taken', async () => {
  await stripedCounters(pool, { stripes: 1 }).create('single', 5)
  const [holder, waiter] = [await pool.connect(), await pool.connect()]
  try {
    for (const client of [holder, waiter]) await client.query('BEGIN')
    expect(await counters.withTransaction(holder).decrementIf('single', 3)).toBe(true)
    const waiting = counters.withTransaction(waiter).decrementIf('single', 3)
    await untilSomebodyWaits()
    await holder.query('COMMIT')
    expect(await waiting).toBe(false)
    expect(await counters.increment('single', 1)).toBe(true) // the refused one is still in its transaction
    await holder.query('BEGIN')
    expect(await counters.withTransaction(holder).increment('single', 2)).toBe(true)
    const granted = counters.withTransaction(waiter).decrementIf('single', 3)
    await untilSomebodyWaits()
    await holder.query('ROLLBACK')
    expect(await granted).toBe(true)
    await waiter.query('COMMIT')
  } finally {
    for (const client of [holder, waiter]) client.release()
  }
  expect(await counters.total('single')).toBe(0)
})

test('a lost connection is unknown, but for the total and in a transaction', async () => {
  const lost = new Error('Connection terminated unexpectedly')
  const broken = stripedCounters({ query: () => Promise.reject(lost) })
  await expect(broken.decrementIf('x')).rejects.toMatchObject({ code: 'QUORATE_WRITE_UNKNOWN', cause: lost })
  await expect(broken.total('x')).rejects.toBe(lost)
  const inside = counters.withTransaction({ query: () => Promise.reject(lost) })
  await expect(inside.decrementIf('x')).rejects.toBe(lost)
})

/** Until a statement on this database waits for a lock. */
async function untilSomebodyWaits(): Promise<void> {
  const waiting =
    "SELECT FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
  while ((await pool.query(waiting)).rowCount === 0);
}

test('wrong arguments are refused', async () => {
  expect(() => stripedCounters(pool, { stripes: 0 })).toThrow(RangeError)
  expect(() => stripedCounters(pool, { stripe: 8 } as object)).toThrow(/unknown option stripe/)
  await expect(counters.decrementIf('hot', 0)).rejects.toThrow(RangeError)
  await expect(counters.create('bad', -1)).rejects.toThrow(RangeError)
})
