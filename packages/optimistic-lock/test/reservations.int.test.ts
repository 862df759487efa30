import { VirtualClock } from '@quorate/core'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { optimisticRepository, table } from '../src/pg/index.ts'
import { reservations, reservationsMigration, type Reservations } from '../src/reservations/index.ts'
import { connect, type Stock } from './connect.ts'

const { pool } = await connect(20)
await pool.query(reservationsMigration())
const key = ['sku', 'warehouse'] as const
const stock = optimisticRepository(pool, { table: table<Stock>('stock'), key, version: 'version' })
const make = (options: object = {}): Reservations<Pick<Stock, 'sku' | 'warehouse'>> =>
  reservations(pool, {
    table: table<Stock>('stock'),
    key,
    counter: 'available',
    version: 'version',
    ...options,
  })
const holds = make()

const item = async (sku: string, available: number): Promise<Pick<Stock, 'sku' | 'warehouse'>> => {
  const { warehouse } = await stock.insert({ sku, warehouse: 1, available })
  return { sku, warehouse }
}
const left = async (of: Pick<Stock, 'sku' | 'warehouse'>): Promise<number | undefined> =>
  (await stock.get(of))?.available
/** Moves a reservation's end into the past, as time would. */
const age = (id: string): Promise<unknown> =>
  pool.query("UPDATE quorate.reservation SET expires_at = now() - interval '1 second' WHERE id = $1", [id])

test('the migration may be run again, in a schema of its own too', async () => {
  await pool.query(reservationsMigration())
  await pool.query(reservationsMigration('shop.my "holds"'))
  const other = make({ reservations: 'shop.my "holds"' })
  const mug = await item('other', 3)
  expect(await other.hold('1', mug, 1)).toMatchObject({ state: 'held' })
  expect(await holds.get('1')).toBeUndefined()
})

test('hold() takes the units, and the same id again takes nothing', async () => {
  const mug = await item('again', 5)
  const first = await holds.hold('again-1', mug, 2, { ttlMs: 60_000 })
  expect(first).toMatchObject({ id: 'again-1', key: mug, quantity: 2, state: 'held' })
  const ttl = (first?.expiresAtMs ?? 0) - Date.now()
  expect(ttl > 50_000 && ttl < 70_000).toBe(true)
  expect(await holds.hold('again-1', mug, 2)).toEqual(first)
  expect(await stock.get(mug)).toMatchObject({ available: 3, version: 2 })
  await expect(holds.hold('again-1', mug, 1)).rejects.toMatchObject({ code: 'QUORATE_RESERVATION_MISMATCH' })
  const lamp = await item('again-lamp', 5)
  await expect(holds.hold('again-1', lamp, 2)).rejects.toMatchObject({ outcome: 'not-applied' })
  expect(await left(lamp)).toBe(5)
})

test('hold() of too many units, or of no item, takes nothing and leaves no note', async () => {
  const mug = await item('short', 2)
  expect(await holds.hold('short-1', mug, 3)).toBeUndefined()
  expect(await holds.hold('short-2', { sku: 'no-such', warehouse: 1 }, 1)).toBeUndefined()
  expect(await holds.get('short-1')).toBeUndefined()
  expect(await holds.hold('short-1', mug, 2)).toMatchObject({ state: 'held' })
})

test('confirm() keeps the units, release() gives them back, each once', async () => {
  const mug = await item('ends', 10)
  await holds.hold('ends-1', mug, 3)
  await holds.hold('ends-2', mug, 4)
  expect(await holds.confirm('ends-1')).toMatchObject({ state: 'confirmed' })
  expect(await holds.confirm('ends-1')).toMatchObject({ state: 'confirmed' })
  expect(await holds.release('ends-2')).toMatchObject({ state: 'released' })
  expect(await holds.release('ends-2')).toMatchObject({ state: 'released' })
  expect(await left(mug)).toBe(7)
  await expect(holds.release('ends-1')).rejects.toMatchObject({
    code: 'QUORATE_RESERVATION_CLOSED',
    state: 'confirmed',
  })
  await expect(holds.confirm('ends-2')).rejects.toMatchObject({ state: 'released' })
  await expect(holds.hold('ends-2', mug, 4)).rejects.toMatchObject({ state: 'released' })
  expect(await holds.hold('ends-1', mug, 3)).toMatchObject({ state: 'confirmed' }) // a lost answer, asked again
  await expect(holds.confirm('ends-none')).rejects.toMatchObject({ state: 'missing' })
  expect(await holds.release('ends-none')).toBeUndefined()
  expect(await left(mug)).toBe(7)
})

test('what is held for too long can not be confirmed, swept or not, and goes back once', async () => {
  const mug = await item('late', 5)
  await holds.hold('late-1', mug, 5)
  await age('late-1')
  expect(await holds.get('late-1')).toMatchObject({ state: 'expired' })
  await expect(holds.confirm('late-1')).rejects.toMatchObject({ state: 'expired' })
  const [one, two] = await Promise.all([holds.expire(), make().expire()])
  expect([...(one ?? []), ...(two ?? [])].map(({ id, state }) => [id, state])).toEqual([
    ['late-1', 'expired'],
  ])
  expect(await left(mug)).toBe(5)
  await expect(holds.confirm('late-1')).rejects.toMatchObject({ state: 'expired' })
  expect(await holds.release('late-1')).toMatchObject({ state: 'expired' })
  expect(await left(mug)).toBe(5)
})

test('hold() is not refused for units whose time is over, though nobody has swept', async () => {
  const mug = await item('unswept', 2)
  await holds.hold('unswept-1', mug, 2)
  expect(await holds.hold('unswept-2', mug, 1)).toBeUndefined()
  await age('unswept-1')
  expect(await holds.hold('unswept-2', mug, 1)).toMatchObject({ state: 'held' })
  expect(await left(mug)).toBe(1)
})

test('in a transaction that rolls back, units and note go back with it', async () => {
  const mug = await item('rollback', 2)
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    expect(await holds.withTransaction(client).hold('rollback-1', mug, 2)).toMatchObject({ state: 'held' })
    // The other waits, and gets what the rollback leaves.
    const other = holds.hold('rollback-2', mug, 1)
    await client.query('ROLLBACK')
    expect(await other).toMatchObject({ state: 'held' })
  } finally {
    client.release()
  }
  expect(await holds.get('rollback-1')).toBeUndefined()
  expect(await left(mug)).toBe(1)
})

test('one id held by many at once is one reservation', async () => {
  const mug = await item('race', 50)
  const answers = await Promise.all(Array.from({ length: 16 }, () => holds.hold('race-1', mug, 3)))
  expect(new Set(answers.map((answer) => JSON.stringify(answer))).size).toBe(1)
  expect(await left(mug)).toBe(47)
})

test('64 carts and 47 units, with carts that pay, leave or forget: never oversold, nothing lost', async () => {
  const mug = await item('carts', 47)
  let confirmed = 0
  await Promise.all(
    Array.from({ length: 64 }, async (_, cart) => {
      const id = `cart-${cart}`
      if ((await holds.hold(id, mug, 1)) === undefined) return
      if (cart % 3 === 0) await holds.release(id)
      else if (cart % 3 === 1) await age(id)
      else {
        await holds.confirm(id)
        confirmed++
      }
      if (cart % 5 === 0) await holds.expire({ limit: 3 })
    }),
  )
  while ((await holds.expire()).length > 0);
  expect(confirmed).toBeGreaterThan(0)
  expect(await left(mug)).toBe(47 - confirmed)
})

test('any order of calls by several clients keeps free, held and sold units at the total', async () => {
  const id = fc.integer({ min: 0, max: 5 })
  const step = fc.oneof(
    fc.record({ op: fc.constant('hold' as const), id, quantity: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ op: fc.constantFrom('confirm' as const, 'release' as const, 'age' as const), id }),
    fc.record({ op: fc.constant('expire' as const), id }),
  )
  let run = 0
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.array(step, { maxLength: 8, size: 'max' }), { minLength: 1, maxLength: 4, size: 'max' }),
      async (clients) => {
        run++
        const mug = await item(`any-${run}`, 8)
        await Promise.all(
          clients.map(async (steps) => {
            for (const each of steps) {
              const name = `any-${run}-${each.id}`
              const isRefusal = (error: { code?: string }): void => {
                if (error.code?.startsWith('QUORATE_RESERVATION_') !== true) throw error
              }
              if (each.op === 'hold') await holds.hold(name, mug, each.quantity).catch(isRefusal)
              else if (each.op === 'confirm') await holds.confirm(name).catch(isRefusal)
              else if (each.op === 'release') await holds.release(name).catch(isRefusal)
              else if (each.op === 'age') await age(name)
              else await holds.expire({ limit: 2 })
            }
          }),
        )
        const { rows } = await pool.query(
          "SELECT coalesce(sum(quantity), 0)::int AS out FROM quorate.reservation WHERE state IN ('held', 'confirmed') AND item ->> 'sku' = $1",
          [mug.sku],
        )
        const free = await left(mug)
        expect(free).toBeGreaterThanOrEqual(0)
        expect((free ?? Number.NaN) + rows[0].out).toBe(8)
      },
    ),
    { numRuns: 40 },
  )
})

test('a sweeper gives back what is due, goes on after errors, and stops', async () => {
  while ((await holds.expire()).length > 0); // what other tests have left
  const mug = await item('swept', 4)
  const clock = new VirtualClock()
  const swept = make({ clock })
  for (const each of [1, 2, 3, 4]) {
    await swept.hold(`swept-${each}`, mug, 1)
    await age(`swept-${each}`)
  }
  const counts: number[] = []
  const all = Promise.withResolvers<undefined>()
  const sweeper = swept.startSweeper({
    limit: 2,
    onExpired: (count) => {
      counts.push(count)
      if (counts.length === 2) all.resolve(undefined)
    },
  })
  await all.promise
  await sweeper.stop()
  expect(counts).toEqual([2, 2])
  expect(await left(mug)).toBe(4)

  const failed = Promise.withResolvers<unknown>()
  const broken = make({ clock, reservations: 'no_such_table' }).startSweeper({ onError: failed.resolve })
  expect(await failed.promise).toMatchObject({ code: '42P01' })
  await broken.stop()
})

test('purge() forgets closed reservations, never a held one', async () => {
  const mug = await item('purged', 4)
  await holds.hold('purged-1', mug, 1)
  await holds.hold('purged-2', mug, 1)
  await holds.release('purged-1')
  await pool.query(
    "UPDATE quorate.reservation SET closed_at = now() - interval '2 days' WHERE id = 'purged-1'",
  )
  expect(await holds.purge({ olderThanMs: 86_400_000 })).toBe(1)
  expect(await holds.get('purged-1')).toBeUndefined()
  expect(await holds.get('purged-2')).toMatchObject({ state: 'held' })
})

test('keys of any type come back as they are', async () => {
  await pool.query(`CREATE TABLE seat (id bigint, day date, code text, units int NOT NULL, PRIMARY KEY (id, day, code));
    INSERT INTO seat VALUES (9007199254740993, '2026-03-01', '"{1}', 5), (7, '2026-03-01', 'x', 5)`)
  const seats = reservations(pool, {
    table: table<{ id: string; day: string; code: string; units: number }>('seat'),
    key: ['id', 'day', 'code'],
    counter: 'units',
  })
  const big = { id: '9007199254740993', day: '2026-03-01', code: '"{1}' }
  expect(await seats.hold('seat-1', big, 2)).toMatchObject({ key: big })
  expect(await seats.hold('seat-1', big, 2)).toMatchObject({ key: big })
  expect(await seats.hold('seat-2', { ...big, id: '7', code: 'x' }, 1)).toMatchObject({ key: { id: 7 } })
  await age('seat-1')
  expect(await seats.expire()).toMatchObject([{ id: 'seat-1', key: big }])
  expect((await pool.query('SELECT units FROM seat ORDER BY id')).rows).toEqual([{ units: 4 }, { units: 5 }])
})

test('a trigger that keeps the item as it was fails the hold as a whole', async () => {
  await pool.query(`CREATE TABLE kept (id text PRIMARY KEY, units int NOT NULL);
    INSERT INTO kept VALUES ('a', 3);
    CREATE FUNCTION keep() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';
    CREATE TRIGGER keep BEFORE UPDATE ON kept FOR EACH ROW EXECUTE FUNCTION keep()`)
  const kept = reservations(pool, {
    table: table<{ id: string; units: number }>('kept'),
    key: ['id'],
    counter: 'units',
  })
  await expect(kept.hold('kept-1', { id: 'a' }, 1)).rejects.toMatchObject({
    code: 'QUORATE_WRITE_REFUSED',
    outcome: 'not-applied',
  })
  expect(await kept.get('kept-1')).toBeUndefined()
})

test('a trigger that keeps the item as it was fails what gives back, and the units stay held', async () => {
  await pool.query(
    `CREATE TABLE stuck (id text PRIMARY KEY, units int NOT NULL); INSERT INTO stuck VALUES ('a', 3)`,
  )
  const stuck = reservations(pool, {
    table: table<{ id: string; units: number }>('stuck'),
    key: ['id'],
    counter: 'units',
  })
  await stuck.hold('stuck-1', { id: 'a' }, 1)
  await pool.query('CREATE TRIGGER keep BEFORE UPDATE ON stuck FOR EACH ROW EXECUTE FUNCTION keep()')
  await expect(stuck.release('stuck-1')).rejects.toMatchObject({ code: 'QUORATE_WRITE_REFUSED' })
  await age('stuck-1')
  await expect(stuck.expire()).rejects.toMatchObject({ code: 'QUORATE_WRITE_REFUSED' })
  const { rows } = await pool.query("SELECT state FROM quorate.reservation WHERE id = 'stuck-1'")
  expect(rows).toEqual([{ state: 'held' }])
})

test('one item that refuses its units does not keep those of the others', async () => {
  await pool.query(`CREATE TABLE shelf (id text PRIMARY KEY, units int NOT NULL, room int NOT NULL, CHECK (units <= room));
    INSERT INTO shelf VALUES ('full', 3, 3), ('wide', 3, 9)`)
  const shelves = reservations(pool, {
    table: table<{ id: string; units: number; room: number }>('shelf'),
    key: ['id'],
    counter: 'units',
  })
  for (const id of ['full', 'wide']) {
    await shelves.hold(`shelf-${id}`, { id }, 2)
    await age(`shelf-${id}`)
  }
  await pool.query("UPDATE shelf SET units = 3 WHERE id = 'full'") // somebody counted the shelf
  // As a statement for both does that has failed and is still being rolled back.
  const rolledBack = await pool.connect()
  await rolledBack.query('BEGIN')
  await rolledBack.query("SELECT FROM quorate.reservation WHERE id = 'shelf-wide' FOR UPDATE")
  const expired = shelves.expire()
  const { rows } = await rolledBack.query<{ pid: number }>('SELECT pg_backend_pid() AS pid')
  const waiting = 'SELECT FROM pg_stat_activity WHERE $1 = ANY (pg_blocking_pids(pid))'
  while ((await pool.query(waiting, [rows[0]?.pid])).rowCount === 0);
  await rolledBack.query('ROLLBACK')
  rolledBack.release()
  expect(await expired).toMatchObject([{ id: 'shelf-wide', state: 'expired' }])
  await expect(shelves.expire()).rejects.toMatchObject({ code: '23514' })
  expect((await pool.query('SELECT units FROM shelf ORDER BY id')).rows).toEqual([{ units: 3 }, { units: 3 }])
})

test('hold() finds what was due though somebody sweeps in between, and in more than one sweep', async () => {
  const mug = await item('swept-between', 2)
  await holds.hold('between-1', mug, 2)
  await age('between-1')
  let sent = 0
  const swept = reservations(
    {
      query: async (text, values) => {
        const answer = await pool.query(text, values)
        if (sent++ === 0) await holds.expire()
        return answer
      },
    },
    { table: table<Stock>('stock'), key, counter: 'available', version: 'version' },
  )
  expect(await swept.hold('between-2', mug, 2)).toMatchObject({ state: 'held' })
  await holds.release('between-2')

  const many = await item('many-due', 501)
  await pool.query(
    `INSERT INTO quorate.reservation (id, item_table, item, quantity, state, held_at, expires_at)
     SELECT 'many-' || n, 'stock', jsonb_build_object('sku', 'many-due', 'warehouse', 1), 1, 'held', now(), now() - interval '1 s'
     FROM generate_series(1, 501) AS n`,
  )
  await pool.query("UPDATE stock SET available = 0 WHERE sku = 'many-due'")
  expect(await holds.hold('many-all', many, 501)).toMatchObject({ state: 'held' })
})

test('hold() gives back what is due for its own item, and leaves the others to the sweepers', async () => {
  const [mug, lamp] = [await item('own-mug', 1), await item('own-lamp', 1)]
  for (const of of [mug, lamp]) {
    await holds.hold(`own-${of.sku}`, of, 1)
    await age(`own-${of.sku}`)
  }
  expect(await holds.hold('own-again', mug, 1)).toMatchObject({ state: 'held' })
  const { rows } = await pool.query(
    "SELECT id, state FROM quorate.reservation WHERE id LIKE 'own-own%' ORDER BY id",
  )
  expect(rows).toEqual([
    { id: 'own-own-lamp', state: 'held' },
    { id: 'own-own-mug', state: 'expired' },
  ])
  await holds.expire()
})

test('expire() passes over what somebody has in hand, and does not wait for it', async () => {
  while ((await holds.expire()).length > 0); // what other tests have left
  const mug = await item('in-hand', 2)
  for (const id of ['in-hand-1', 'in-hand-2']) {
    await holds.hold(id, mug, 1)
    await age(id)
  }
  const client = await pool.connect()
  try {
    await client.query('BEGIN')
    await client.query("SELECT FROM quorate.reservation WHERE id = 'in-hand-1' FOR UPDATE")
    expect((await holds.expire()).map(({ id }) => id)).toEqual(['in-hand-2'])
  } finally {
    await client.query('ROLLBACK')
    client.release()
  }
  expect((await holds.expire()).map(({ id }) => id)).toEqual(['in-hand-1'])
  expect(await left(mug)).toBe(2)
})

test('confirm() and release() of a reservation that was committed a moment ago close it', async () => {
  const mug = await item('moment', 2)
  const late = (id: string): Reservations<Pick<Stock, 'sku' | 'warehouse'>> => {
    let sent = 0
    const query = async (text: string, values: unknown[]): Promise<{ rows: unknown[] }> => {
      const answer = await pool.query(text, values)
      if (sent++ === 0) await holds.hold(id, mug, 1)
      return answer
    }
    return reservations({ query }, { table: table<Stock>('stock'), key, counter: 'available' })
  }
  expect(await late('moment-1').confirm('moment-1')).toMatchObject({ state: 'confirmed' })
  expect(await late('moment-2').release('moment-2')).toMatchObject({ state: 'released' })
  expect(await left(mug)).toBe(1)
})

test('a lost connection is unknown for what writes, and a signal ends a read with its reason', async () => {
  const lost = new Error('Connection terminated unexpectedly')
  const broken = reservations(
    { query: () => Promise.reject(lost) },
    { table: table<Stock>('stock'), key, counter: 'available' },
  )
  const mug = { sku: 'mug', warehouse: 1 }
  for (const call of [broken.hold('x', mug, 1), broken.confirm('x'), broken.release('x'), broken.expire()]) {
    await expect(call).rejects.toMatchObject({ code: 'QUORATE_WRITE_UNKNOWN', cause: lost })
  }
  await expect(broken.get('x')).rejects.toBe(lost)
  const silent = reservations(
    { query: () => new Promise<never>(() => {}) },
    { table: table<Stock>('stock'), key, counter: 'available' },
  )
  const stop = new AbortController()
  const read = silent.get('x', { signal: stop.signal })
  const write = silent.hold('x', mug, 1, { signal: stop.signal })
  stop.abort(new Error('shutting down'))
  await expect(read).rejects.toBe(stop.signal.reason)
  await expect(write).rejects.toMatchObject({ outcome: 'unknown', cause: stop.signal.reason })
})

test('a sweeper that is stopped waits for the statement that is under way', async () => {
  const answer = Promise.withResolvers<{ rows: unknown[] }>()
  const started = Promise.withResolvers<undefined>()
  const slow = reservations(
    {
      query: () => {
        started.resolve(undefined)
        return answer.promise
      },
    },
    { table: table<Stock>('stock'), key, counter: 'available', clock: new VirtualClock() },
  )
  const sweeper = slow.startSweeper()
  await started.promise
  let isStopped = false
  const stopped = sweeper.stop().then(() => (isStopped = true))
  await pool.query('SELECT 1') // many turns of the event loop
  expect(isStopped).toBe(false)
  answer.resolve({ rows: [] })
  await stopped
  expect(isStopped).toBe(true)
})

test('wrong arguments are refused', async () => {
  const mug = { sku: 'mug', warehouse: 1 }
  await expect(holds.hold('', mug, 1)).rejects.toThrow(TypeError)
  await expect(holds.hold('x', mug, 0)).rejects.toThrow(RangeError)
  await expect(holds.hold('x', mug, 1, { ttlMs: 0 })).rejects.toThrow(RangeError)
  await expect(holds.hold('x', { sku: 'mug' } as typeof mug, 1)).rejects.toThrow(
    /warehouse must have a value/,
  )
  await expect(holds.expire({ limit: 0 })).rejects.toThrow(RangeError)
  expect(() => make({ ttl: 5 })).toThrow(/unknown option ttl/)
  expect(() => make({ table: 'stock' })).toThrow(/table\(\)/)
  expect(() => make({ min: 0.5 })).toThrow(RangeError)
  expect(() => holds.startSweeper({ everyMs: 0 })).toThrow(RangeError)
})
