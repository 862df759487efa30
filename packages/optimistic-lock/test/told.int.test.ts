// Clients change rows in every way a repository knows, and hold units, through a link that is cut again and again, often
// just before an answer arrives. Then the rows are compared with what the clients were told.
import { createChaos } from '@quorate/chaos'
import { isQuorateError, outcomeOf, seededRandom } from '@quorate/core'
import { localCluster } from '@quorate/local-cluster'
import pg from 'pg'
import { afterAll, expect, test } from 'vitest'
import { wasNotSent } from '../src/failures.ts'
import { byTime, byValues, byXmin, optimisticRepository, table } from '../src/pg/index.ts'
import { reservations, reservationsMigration } from '../src/reservations/index.ts'
import { stripedCounters, stripesMigration } from '../src/stripes/index.ts'

const SEED = 7
const CLIENTS = 12
const CALLS = 60
const UNITS = 1_000

interface Item {
  id: number
  units: number
  notes: string[]
  version: number
  at: Date
}

const cluster = await localCluster({ postgres: { shop: {} } })
const { primary } = cluster.postgres.shop
const chaos = createChaos({ seed: SEED })
const link = await chaos.link({ from: 'clients', to: 'database', target: { port: primary.port } })
const throughLink = new URL(primary.url)
throughLink.port = String(link.port)
const pool = new pg.Pool({ connectionString: throughLink.href, max: CLIENTS })
const direct = new pg.Pool({ connectionString: primary.url, max: 2 })
for (const each of [pool, direct]) each.on('error', () => {})
afterAll(async () => {
  await pool.end()
  await direct.end()
  await chaos[Symbol.asyncDispose]()
  await cluster.stop()
})

const at = { table: table<Item>('item'), key: ['id'] } as const
type Repository = Pick<
  ReturnType<typeof optimisticRepository<Item, 'id', never>>,
  'get' | 'update' | 'mutate'
>
const repositories = [
  optimisticRepository(pool, { ...at, version: 'version' }),
  optimisticRepository(pool, { ...at, version: byXmin }),
  optimisticRepository(pool, { ...at, version: byTime('at') }),
  optimisticRepository(pool, { ...at, version: byValues }),
] as unknown as Repository[]
const holds = reservations(pool, { ...at, counter: 'units', version: 'version' })
const counters = stripedCounters(pool, { stripes: 4 })

test(`what clients are told is what is in the tables, through lost connections (seed ${SEED})`, async () => {
  await direct.query(`${stripesMigration()}${reservationsMigration()}
    CREATE TABLE item (id int PRIMARY KEY, units int NOT NULL CHECK (units >= 0), notes text[] NOT NULL DEFAULT '{}',
      version int NOT NULL DEFAULT 1, at timestamptz NOT NULL DEFAULT now());
    INSERT INTO item (id, units) SELECT n, ${UNITS} FROM generate_series(0, 7) AS n`)
  await stripedCounters(direct, { stripes: 4 }).create('all', UNITS)

  // The first write by time is preceded by a look at the column.
  for (const [index, repository] of repositories.entries()) {
    await repository.mutate({ id: index * 2 }, () => ({}))
  }

  type Told = 'applied' | 'not-applied' | 'unknown'
  const notes = new Map<string, Told>()
  const held = new Map<string, Told>()
  const taken: Record<Told, number> = { applied: 0, 'not-applied': 0, unknown: 0 }
  const strays: unknown[] = []
  const ask = async (call: () => Promise<unknown>, isWrite = true): Promise<Told> =>
    call().then(
      () => 'applied',
      (error: unknown) => {
        if (isWrite && !isQuorateError(error) && !wasNotSent(error)) strays.push(error)
        return outcomeOf(error)
      },
    )

  const client = async (index: number): Promise<void> => {
    const random = seededRandom(SEED * 100 + index)
    const repository = repositories[index % 4]
    if (repository === undefined) throw new Error('There are four')
    for (let call = 0; call < CALLS; call++) {
      const name = `${index}-${call}`
      const id = (index % 4) * 2 + Math.floor(random() * 2)
      const kind = Math.floor(random() * 4)
      const add = ({ notes: before }: Readonly<Item>): { notes: string[] } => ({ notes: [...before, name] })
      if (kind === 0) {
        notes.set(name, await ask(async () => repository.mutate({ id }, add, { deadlineMs: 60_000 }), false))
      } else if (kind === 1) {
        const row = await repository.get({ id }).catch(() => undefined)
        if (row !== undefined) notes.set(name, await ask(async () => repository.update(row, add(row))))
      } else if (kind === 2) {
        taken[await ask(async () => counters.decrementIf('all'))]++
      } else {
        held.set(name, await ask(async () => holds.hold(name, { id }, 1), false))
      }
    }
  }

  const run = { isOver: false, isCut: false }
  let cuts = 0
  const random = seededRandom(SEED)
  const cutting = async (): Promise<void> => {
    while (!run.isOver) {
      const bytes = random() < 0.6 ? 0 : Math.floor(random() * 600)
      await link.resetAfter({ bytes, direction: random() < 0.7 ? 'from' : 'to' })
      await link.heal()
      cuts++
      // Some calls get through before the next cut.
      for (let pause = 0; pause < 12; pause++) await direct.query('SELECT 1')
    }
  }
  const cut = cutting()
  await Promise.all(Array.from({ length: CLIENTS }, (_, index) => client(index)))
  run.isOver = true
  const ended = cut.then(() => (run.isCut = true))
  while (!run.isCut) await pool.query('SELECT 1').catch(() => {}) // the last cut may still wait for its bytes
  await ended

  const { rows: items } = await direct.query<Item>('SELECT * FROM item')
  const stored = items.flatMap((item) => item.notes)
  expect(new Set(stored).size).toBe(stored.length) // nothing is applied twice
  const { rows: found } = await direct.query<{ id: string }>('SELECT id FROM quorate.reservation')
  const wrong = (told: ReadonlyMap<string, Told>, present: ReadonlySet<string>): string[] =>
    [...told].flatMap(([name, answer]) =>
      answer === 'unknown' || present.has(name) === (answer === 'applied') ? [] : [`${name}: ${answer}`],
    )
  expect(wrong(notes, new Set(stored))).toEqual([])
  expect(wrong(held, new Set(found.map(({ id }) => id)))).toEqual([])
  // Units are on the shelf or in a reservation, also of holds that nobody was told of.
  expect(items.reduce((sum, { units }) => sum + units, 0) + found.length).toBe(8 * UNITS)
  const gone = UNITS - ((await stripedCounters(direct, { stripes: 4 }).total('all')) ?? Number.NaN)
  expect(gone).toBeGreaterThanOrEqual(taken.applied)
  expect(gone).toBeLessThanOrEqual(taken.applied + taken.unknown)

  // A write that failed says so in the words of this package; the others begin or end with a read.
  expect(strays).toEqual([])

  // The faults were there: writes whose answer was lost, some of them applied.
  const unknown = [...notes, ...held].filter(([, answer]) => answer === 'unknown').map(([name]) => name)
  const present = new Set([...stored, ...found.map(({ id }) => id)])
  expect(cuts).toBeGreaterThan(10)
  expect(unknown.some((name) => present.has(name))).toBe(true)
  expect([...notes.values()].filter((answer) => answer === 'applied').length).toBeGreaterThan(50)
})
