// Twenty processes that edit one document on a real server which is killed, frozen and cut off: what they were told is
// judged by @quorate/checker.
import { createChaos, kill, type Link, mergeTopologies, partition, pause, slowLinks } from '@quorate/chaos'
import { checkSetFull, createHistory, type RecordedHistory } from '@quorate/checker'
import { clusterTopology, localCluster } from '@quorate/local-cluster'
import { Redis } from 'ioredis'
import pg from 'pg'
import { expect, test } from 'vitest'
import { type Cart, createCart, decodeCart } from '../src/index.ts'
import { postgresStore } from '../src/postgres/index.ts'
import { redisStore } from '../src/redis/index.ts'
import { type DocumentStore, StoreError } from '../src/store/index.ts'
import { stream } from './random.ts'

const SEED = Number(process.env['QUORATE_SEED'] ?? 7)
const FOR_MS = 5_000
const ANSWER_MS = 400
const PROCESSES = 20
/** So many share a link: one of them is cut off, the others go on. */
const LINKS = 4
const KEY = 'cart of all'
const type = { create: createCart, decode: decodeCart }

type Where = 'redis append' | 'redis replace' | 'postgres'

interface Process {
  readonly store: DocumentStore<Cart>
  close(): Promise<unknown>
}

function open(where: Where, port: number, seed: number): Process {
  const options = { type, timeoutMs: 2 * ANSWER_MS, maxRetries: 1, random: stream(seed) }
  if (where === 'postgres') {
    const pool = new pg.Pool({
      host: '127.0.0.1',
      port,
      user: 'postgres',
      database: 'postgres',
      max: 1,
      connectionTimeoutMillis: ANSWER_MS,
      query_timeout: ANSWER_MS,
    })
    // Each call reports its own.
    pool.on('error', () => {})
    pool.on('connect', (client) => client.on('error', () => {}))
    return { store: postgresStore({ ...options, pool }), close: () => pool.end() }
  }
  // As it comes, but for the times: the driver sends again what was not answered.
  const client = new Redis(port, {
    retryStrategy: () => 20,
    connectTimeout: ANSWER_MS,
    commandTimeout: ANSWER_MS,
  })
  client.on('error', () => {})
  const mode = where === 'redis append' ? 'append' : 'replace'
  return { store: redisStore({ ...options, client, mode }), close: async () => client.disconnect() }
}

/** One process adds SKUs that nobody else adds, and reads. */
async function work(
  id: number,
  { store }: Process,
  history: RecordedHistory,
  unknown: Map<string, StoreError>,
  stopping: AbortSignal,
): Promise<void> {
  const random = stream(SEED * 1_000 + id)
  for (let count = 0; !stopping.aborted; count++) {
    if (random() < 0.3) {
      const read = async (): Promise<string[]> => [...(await store.load(KEY)).value.keys()]
      await history.record({ process: id, op: 'read' }, read).catch(ifStoreError)
      continue
    }
    const sku = `${id}.${count}`
    const add = { process: id, op: 'add', input: sku }
    try {
      await history.record(add, () => store.edit(KEY, (cart) => cart.add(sku)))
    } catch (error) {
      ifStoreError(error)
      if (error instanceof StoreError && error.outcome === 'unknown') unknown.set(sku, error)
    }
  }
}

function ifStoreError(error: unknown): void {
  if (!(error instanceof StoreError) && (error as { code?: unknown }).code !== 'QUORATE_CRDT_STORE_BUSY')
    throw error
}

/** A server that was down a moment ago may still refuse. */
async function persist<T>(attempt: () => Promise<T>): Promise<T> {
  for (let left = 200; ; left--) {
    try {
      return await attempt()
    } catch (error) {
      if (left === 0) throw error
    }
  }
}

test.each<Where>(['redis append', 'redis replace', 'postgres'])(
  '%s: 20 processes edit one document, the server is killed, frozen and cut off: no acknowledged add is lost',
  async (where) => {
    const inPostgres = where === 'postgres'
    await using cluster = await localCluster(
      inPostgres
        ? { postgres: { carts: {} } }
        : { redis: { carts: { settings: { appendonly: 'yes', appendfsync: 'no' } } } },
    )
    const server = inPostgres ? cluster.postgres['carts'] : cluster.redis['carts']
    const primary = server?.primary
    if (primary === undefined) throw new Error('there is no server')
    await using chaos = createChaos({ seed: `${SEED} ${where}` })
    if (inPostgres) {
      const pool = new pg.Pool({ connectionString: primary.url })
      await postgresStore({ pool, type }).migrate()
      await pool.end()
    }
    const history = createHistory({ name: `carts in ${where}` })
    const links: Link[] = []
    for (let index = 0; index < LINKS; index++) {
      links.push(await chaos.link({ from: `client-${index}`, to: 'server', target: { port: primary.port } }))
    }
    const processes = Array.from({ length: PROCESSES }, (_, id) =>
      open(where, (links[id % LINKS] as Link).port, SEED + id),
    )
    const topology = mergeTopologies(clusterTopology(cluster), {
      nodes: links.map((_, index) => ({ name: `client-${index}`, role: 'client' })),
      links: links.map((link, index) => ({
        from: `client-${index}`,
        to: `${inPostgres ? 'postgres' : 'redis'}.carts.primary`,
        link,
      })),
    })
    const stopping = new AbortController()
    const unknown = new Map<string, StoreError>()
    const working = processes.map((process, id) => work(id, process, history, unknown, stopping.signal))
    const faults = [
      partition('one', { role: 'client', mode: ['drop', 'reset'] }),
      pause('one'),
      kill('primary'),
      slowLinks('one', { ms: [5, 40] }),
    ]
    const report = await chaos
      .nemesis(faults, { topology, history, everyMs: [150, 500], lastsMs: [50, 500], forMs: FOR_MS })
      .finally(() => stopping.abort())
    await Promise.all(working)

    const again = `QUORATE_SEED=${SEED}, faults ${report.text}`
    const { store } = processes[0] as Process
    const final = await persist(() => store.load(KEY))
    await history.record({ process: 'last', op: 'read' }, async () => [...final.value.keys()])
    expect(checkSetFull(history, { linearizable: true }), again).toMatchObject({ verdict: 'ok' })
    const adds = history.operations.filter(({ op }) => op === 'add')
    for (const { status, input } of adds) {
      const quantity = final.quantity(String(input))
      const allowed = { ok: [1], fail: [0], unknown: [0, 1] }[status]
      expect(allowed, `${status} add of ${String(input)}; ${again}`).toContain(quantity)
    }
    // What to do about the unknown ones: also when it is done twice, each comes once.
    for (const [sku, { delta }] of unknown) {
      await persist(() => store.merge(KEY, delta as Uint8Array))
      const { document } = await persist(() => store.merge(KEY, delta as Uint8Array))
      expect(document.quantity(sku), again).toBe(1)
    }
    // Without answers and faults it would show nothing.
    expect(adds.filter(({ status }) => status === 'ok').length, again).toBeGreaterThan(30)
    expect(history.faults.length, again).toBeGreaterThan(2)
    for (const process of processes) await process.close()
  },
)

test('Redis loses acknowledged edits in a fail-over: what a device saw of them merges with what came after', async () => {
  await using cluster = await localCluster({ redis: { carts: { replicas: 1 } } })
  await using chaos = createChaos({ seed: SEED })
  const { carts } = cluster.redis
  const link = await chaos.link({ from: 'shop', to: 'redis', target: { port: carts.primary.port } })
  for (const mode of ['append', 'replace'] as const) {
    const client = new Redis(link.port, { retryStrategy: () => 20 })
    client.on('error', () => {})
    const store = redisStore({ client, type, mode, prefix: mode })
    for (let index = 0; index < 3; index++) await store.edit(KEY, (cart) => cart.add('kept'))
    await carts.replicas[0]?.caughtUp()
    await carts.link('primary', 'replica-1').partition()
    const device = createCart({ replica: 'device' })
    for (let index = 0; index < 3; index++) {
      device.merge((await store.edit(KEY, (cart) => cart.add('lost'))).document)
    }
    await carts.promote(0)
    await link.retarget({ port: carts.primary.port })
    await link.resetConnections()
    for (let index = 0; index < 3; index++) await store.edit(KEY, (cart) => cart.add('later'))
    expect((await store.load(KEY)).value).toEqual(
      new Map([
        ['kept', 3],
        ['later', 3],
      ]),
    )
    const { document } = await store.merge(KEY, device)
    expect(document.value).toEqual(
      new Map([
        ['kept', 3],
        ['later', 3],
        ['lost', 3],
      ]),
    )
    expect(document.hasGaps).toBe(false)
    client.disconnect()
  }
})

test('Redis restarts empty: a document begins anew under other names, and a device brings back what it has', async () => {
  await using cluster = await localCluster({ redis: { carts: {} } })
  const { primary } = cluster.redis.carts
  const client = new Redis(primary.port, { retryStrategy: () => 20 })
  client.on('error', () => {})
  const store = redisStore({ client, type })
  const device = createCart({ replica: 'device' })
  device.merge((await store.edit(KEY, (cart) => cart.add('before'))).document)
  await primary.kill()
  await primary.restart()
  await store.edit(KEY, (cart) => cart.add('after'))
  const { document } = await store.merge(KEY, device)
  expect(document.value).toEqual(
    new Map([
      ['after', 1],
      ['before', 1],
    ]),
  )
  client.disconnect()
})

test('Postgres frozen: a call ends with its signal, as unknown only if it had been sent', async () => {
  await using cluster = await localCluster({ postgres: { carts: {} } })
  const { primary } = cluster.postgres.carts
  const pool = new pg.Pool({ connectionString: primary.url, max: 2 })
  pool.on('error', () => {})
  const store = postgresStore({ pool, type })
  await store.migrate()
  await store.edit(KEY, (cart) => cart.add('x'))
  await primary.pause()
  const stop = new AbortController()
  const sent = store.edit(KEY, (cart) => cart.add('sent'), { signal: stop.signal }).catch((error) => error)
  // Comes while the first one is under way, and waits for it.
  await Promise.resolve()
  await new Promise(setImmediate)
  const waiting = store
    .edit(KEY, (cart) => cart.add('waiting'), { signal: stop.signal })
    .catch((error) => error)
  const reason = new Error('enough')
  stop.abort(reason)
  const failure = await sent
  expect(failure).toMatchObject({ code: 'QUORATE_CRDT_STORE', outcome: 'unknown', cause: reason })
  expect(await waiting).toBe(reason)
  await primary.resume()
  const { document } = await store.merge(KEY, failure.delta)
  expect([document.quantity('sent'), document.quantity('waiting')]).toEqual([1, 0])
  await pool.end()
})
