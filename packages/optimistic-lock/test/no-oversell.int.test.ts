// One item with 47 units, 64 clients, answers that are lost on their way, and a server that is killed (SIGKILL) and
// restarted in between, for each way to take units. Recorded, and judged by @quorate/checker. More rounds:
// QUORATE_ROUNDS=20.
import { createChaos } from '@quorate/chaos'
import { checkNoOversell, createHistory, type RecordedHistory } from '@quorate/checker'
import { outcomeOf, seededRandom } from '@quorate/core'
import { localCluster } from '@quorate/local-cluster'
import pg from 'pg'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { hotRowBatcher, type HotRowBatcher } from '../src/batcher/index.ts'
import { optimisticRepository, table } from '../src/pg/index.ts'
import { stripedCounters, stripesMigration } from '../src/stripes/index.ts'

const UNITS = 47
const CLIENTS = 64
/** After so many grants answers are lost, and the server dies. */
const KILL_AFTER = [5, 18, 33]
const ROUNDS = Number(process.env['QUORATE_ROUNDS'] ?? 1)

const cluster = await localCluster({ postgres: { shop: { settings: { max_connections: 100 } } } })
const { primary } = cluster.postgres.shop
const chaos = createChaos({ seed: 47 })
const link = await chaos.link({ from: 'clients', to: 'database', target: { port: primary.port } })
const throughLink = new URL(primary.url)
throughLink.port = String(link.port)

/** What the clients use. */
const pool = new pg.Pool({ connectionString: throughLink.href, max: CLIENTS })
/** What looks on, beside the link. */
const direct = new pg.Pool({ connectionString: primary.url, max: 4 })
// A connection that dies while idle is the next query's problem.
for (const each of [pool, direct]) each.on('error', () => {})

interface Item {
  id: string
  units: number
}
const items = optimisticRepository(pool, {
  table: table<Item & { version: number }>('item'),
  key: ['id'],
  version: 'version',
})
const itemsSeen = optimisticRepository(direct, {
  table: table<Item & { version: number }>('item'),
  key: ['id'],
  version: 'version',
})
const counters = stripedCounters(pool)
const countersSeen = stripedCounters(direct)

beforeAll(async () => {
  await direct.query(`${stripesMigration()}
    CREATE TABLE item (id text PRIMARY KEY, units int NOT NULL CHECK (units >= 0), version int NOT NULL);
    CREATE TABLE sold (id text PRIMARY KEY, item text NOT NULL)`)
})
afterAll(async () => {
  await pool.end()
  await direct.end()
  await chaos[Symbol.asyncDispose]()
  await cluster.stop()
})

/** One way to take a unit. */
interface Technique {
  readonly create: (item: string) => Promise<unknown>
  /** Takes one; `false` if there is none. `sale` names the attempt. */
  readonly take: (item: string, sale: string) => Promise<boolean>
  readonly left: (item: string) => Promise<number>
  /** Was the attempt applied? Asked of a server that has restarted, so nothing of it is under way. */
  readonly settle?: (sale: string) => Promise<boolean>
}

/** Something else happens in the same transaction: each unit has the row of its sale. */
async function sell(
  item: string,
  sale: string,
  take: (client: pg.PoolClient) => Promise<boolean>,
): Promise<boolean> {
  const client = await pool.connect()
  client.on('error', () => {})
  let isBroken = true
  try {
    await client.query('BEGIN')
    const isTaken = await take(client)
    if (isTaken) await client.query('INSERT INTO sold VALUES ($1, $2)', [sale, item])
    await client.query('COMMIT')
    isBroken = false
    return isTaken
  } finally {
    client.release(isBroken)
  }
}
const isSold = async (sale: string): Promise<boolean> =>
  (await direct.query('SELECT FROM sold WHERE id = $1', [sale])).rowCount === 1

let batcher: HotRowBatcher<Pick<Item, 'id'>>
const TECHNIQUES: Readonly<Record<string, Technique>> = {
  'decrementIf()': {
    create: (id) => items.insert({ id, units: UNITS }),
    take: (id, sale) =>
      sell(id, sale, async (client) => {
        const row = await items.withTransaction(client).decrementIf({ id }, { units: 1 })
        return row !== undefined
      }),
    left: async (id) => (await itemsSeen.get({ id }))?.units ?? Number.NaN,
    settle: isSold,
  },
  'hotRowBatcher()': {
    create: async (id) => {
      // Small batches, so that there are many to be hit.
      batcher = hotRowBatcher(pool, {
        table: table<Item>('item'),
        key: ['id'],
        counter: 'units',
        maxBatch: 6,
        deadlineMs: 50_000,
      })
      await items.insert({ id, units: UNITS })
    },
    take: async (id) => (await batcher.decrementIf({ id })) !== undefined,
    left: async (id) => (await itemsSeen.get({ id }))?.units ?? Number.NaN,
  },
  'stripedCounters()': {
    create: (id) => counters.create(id, UNITS),
    take: (id, sale) => sell(id, sale, (client) => counters.withTransaction(client).decrementIf(id)),
    left: async (id) => (await countersSeen.total(id)) ?? Number.NaN,
    settle: isSold,
  },
}

interface Told {
  readonly granted: number
  readonly unknown: number
  readonly kills: number
}

/** Every client takes units until it is told that there are none. */
async function run(
  { take, left, settle }: Technique,
  item: string,
  { history, random }: { history: RecordedHistory; random: () => number },
): Promise<Told> {
  const kills = [...KILL_AFTER]
  let granted = 0
  let unknown = 0
  let up: Promise<unknown> = Promise.resolve()
  let onFailure = (): void => {}
  const onGrant = (): void => {
    granted++
    if (granted < (kills[0] ?? Infinity)) return
    kills.shift()
    const fault = history.fault({ name: 'lose answers, then kill', targets: ['primary'] })
    // What is under way is applied, and few are told so: the first time nobody, then after some bytes.
    const bytes = kills.length === KILL_AFTER.length - 1 ? 0 : Math.floor(random() * 200)
    const losing = link.resetAfter({ bytes, direction: 'from' })
    up = up.then(async () => {
      await losing
      await new Promise<void>((resolve) => (onFailure = resolve))
      await primary.kill()
      await primary.restart()
      await link.heal()
      fault.end()
    })
  }
  const client = async (name: string): Promise<void> => {
    for (let attempt = 1; ; attempt++) {
      const sale = `${item} ${name} ${attempt}`
      const call = history.start({ process: sale, op: 'take', input: 1 })
      const isGranted = await take(item, sale).catch(async (error: unknown) => {
        onFailure()
        await up
        if (outcomeOf(error) === 'not-applied') return undefined
        return settle === undefined ? 'unknown' : (await untilAnswered(() => settle(sale))) || undefined
      })
      if (isGranted === undefined) call.fail()
      else if (isGranted === 'unknown') {
        unknown++
        call.unknown()
      } else {
        call.ok(isGranted)
        if (isGranted) onGrant()
        else return
      }
    }
  }
  const stop = new AbortController()
  const observer = async (): Promise<void> => {
    for (let read = 1; !stop.signal.aborted; read++) {
      await up
      const call = history.start({ process: `observer ${read}`, op: 'read' })
      await left(item).then(
        (units) => call.ok(units),
        () => call.fail(),
      )
    }
  }
  const observed = observer()
  await Promise.all(Array.from({ length: CLIENTS }, (_, index) => client(`client ${index}`)))
  stop.abort()
  await observed
  return { granted, unknown, kills: KILL_AFTER.length - kills.length }

  async function untilAnswered<T>(ask: () => Promise<T>): Promise<T> {
    for (;;) {
      await up
      try {
        return await ask()
      } catch {
        // Killed once more in the meantime.
      }
    }
  }
}

for (const [name, technique] of Object.entries(TECHNIQUES)) {
  for (let round = 1; round <= ROUNDS; round++) {
    test(`${name}: 64 clients, 47 units, kills and restarts: all are taken, none twice, every grant is durable (round ${round})`, async () => {
      const item = `${name} ${round}`
      await technique.create(item)
      const history = createHistory({ name: item })
      const { granted, unknown, kills } = await run(technique, item, { history, random: seededRandom(round) })
      expect(kills).toBe(KILL_AFTER.length)

      // What was granted is in the row of a server that has died three times.
      const left = await technique.left(item)
      expect(left).toBe(0)
      expect(granted).toBeLessThanOrEqual(UNITS)
      expect(granted + unknown).toBeGreaterThanOrEqual(UNITS)
      expect(technique.settle === undefined ? UNITS : granted).toBe(UNITS)
      const { rows } = await direct.query('SELECT count(*)::int AS sales FROM sold WHERE item = $1', [item])
      expect(rows).toEqual([{ sales: technique.settle === undefined ? 0 : UNITS }])

      const result = checkNoOversell(history, { stock: UNITS })
      expect(result.violations).toEqual([])
      expect(result.verdict).toBe('ok')
    })
  }
}
