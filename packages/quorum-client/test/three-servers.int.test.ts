// Three Postgres servers that know nothing of each other; the client makes them one.
import { seededRandom } from '@quorate/core'
import { localCluster } from '@quorate/local-cluster'
import { quorum } from '@quorate/quorum-client'
import { postgresReplica } from '@quorate/quorum-client/postgres'
import { expect, test } from 'vitest'
import { Pools } from './pools.ts'

test('three servers: frozen, dead and back again', async () => {
  await using pools = new Pools()
  await using cluster = await localCluster({
    postgres: { us: { replicas: 0 }, eu: { replicas: 0 }, ap: { replicas: 0 } },
  })
  const servers = cluster.postgres
  const replicas = (['us', 'eu', 'ap'] as const).map((id) =>
    postgresReplica<number>({ id, pool: pools.of(servers[id].primary.url) }),
  )
  await Promise.all(replicas.map((replica) => replica.migrate()))
  // To wait for a frozen server is to hang.
  await using prices = quorum<number>({ replicas, w: 2, r: 2, deadlineMs: 600_000 })

  expect((await prices.write('sku', 1, { consistency: 'ALL' })).status).toBe('ok')

  // One frozen: nobody waits for it.
  await servers.ap.primary.pause()
  expect(await prices.write('sku', 2)).toMatchObject({ status: 'ok' })
  expect((await prices.read('sku')).value).toBe(2)
  expect((await prices.read('sku', { consistency: 'linearizable' })).value).toBe(2)
  expect(await prices.write('sku', 3, { consistency: 'linearizable' })).toMatchObject({ status: 'ok' })

  // Two frozen: a write is indeterminate at its deadline, a read unavailable.
  await servers.eu.primary.pause()
  const missed = await prices.write('sku', 4, { deadlineMs: 500 })
  expect(missed).toMatchObject({ status: 'indeterminate', acks: ['us'] })
  await expect(prices.read('sku', { deadlineMs: 500 })).rejects.toMatchObject({
    code: 'QUORATE_QUORUM_UNAVAILABLE',
    responses: ['us'],
  })

  // Back: the same write again is safe, and everybody gets it.
  await servers.eu.primary.resume()
  await servers.ap.primary.resume()
  expect(await prices.write('sku', 4, { tag: missed.tag })).toMatchObject({ status: 'ok', tag: missed.tag })
  const all = await prices.read('sku', { consistency: 'ALL' })
  expect(all).toMatchObject({ value: 4, tag: missed.tag })

  // Killed: it misses a write; back, a read repairs it.
  await servers.us.primary.kill()
  const { tag } = await prices.write('sku', 5)
  await servers.us.primary.restart()
  await expect.poll(async () => (await prices.read('sku', { consistency: 'ALL' })).repaired).toEqual(['us'])
  expect(await (replicas[0] as (typeof replicas)[0]).get('sku')).toEqual({ tag, value: 5 })
})

test('while servers freeze and thaw, no session reads back in time and no acknowledged write is lost', async () => {
  const seed = 20_101_201
  const random = seededRandom(seed)
  await using pools = new Pools()
  await using cluster = await localCluster({
    postgres: { us: { replicas: 0 }, eu: { replicas: 0 }, ap: { replicas: 0 } },
  })
  const servers = [cluster.postgres.us, cluster.postgres.eu, cluster.postgres.ap]
  const replicas = servers.map(({ primary }, index) =>
    postgresReplica<number>({ id: `r${index}`, pool: pools.of(primary.url, 8) }),
  )
  await Promise.all(replicas.map((replica) => replica.migrate()))
  const client = (writer: string) => quorum<number>({ replicas, w: 2, r: 2, deadlineMs: 3_000, writer })
  const state = { acknowledged: 0, running: true }

  const write = async (): Promise<number> => {
    await using writer = client('writer')
    let count = 0
    for (let value = 1; state.running; value++) {
      // One writer, so a later write has a greater value: the reader can tell old from new.
      const { status } = await writer.write('k', value)
      if (status === 'ok') {
        state.acknowledged = value
        count++
      }
    }
    return count
  }
  const read = async (name: string): Promise<number> => {
    await using reader = client(name)
    let last = 0
    let count = 0
    while (state.running) {
      const atLeast = Math.max(last, state.acknowledged)
      const { value = 0 } = await reader.read('k')
      expect(value, `seed ${seed}, ${name}, read ${count}`).toBeGreaterThanOrEqual(atLeast)
      last = value
      count++
    }
    return count
  }
  const fault = async (): Promise<void> => {
    for (let i = 0; i < 6; i++) {
      const { primary } = servers[Math.floor(random() * 3)] as (typeof servers)[0]
      await primary.pause()
      const until = state.acknowledged + 20
      await expect.poll(() => state.acknowledged).toBeGreaterThan(until)
      await primary.resume()
    }
    state.running = false
  }
  const stopOnError = async <T>(work: Promise<T>): Promise<T> => work.finally(() => (state.running = false))
  const [writes, ...reads] = await Promise.all([
    stopOnError(write()),
    stopOnError(read('reader-1')),
    stopOnError(read('reader-2')),
    fault(),
  ])
  expect(writes).toBeGreaterThan(120)
  expect(Math.min(...reads.slice(0, 2).map(Number))).toBeGreaterThan(20)
})
