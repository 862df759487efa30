import { chmod, mkdtemp, rm } from 'node:fs/promises'
import os from 'node:os'
import path from 'node:path'
import { systemClock } from '@quorate/core'
import { localCluster, WrongServerStateError } from '@quorate/local-cluster'
import pg from 'pg'
import { expect, it } from 'vitest'
import { items, sql } from './support/sql.ts'

// Two calls at once. Each waits until the first one is at work, so that the second one hits it.

async function when(isSo: () => boolean): Promise<void> {
  while (!isSo()) await systemClock.sleep(0)
}

/** Marks as handled; it is awaited later. */
function underWay(work: Promise<void>): Promise<void> {
  work.catch(() => {})
  return work
}

it('resume() during pause() waits for it, and thaws all processes', async () => {
  await using cluster = await localCluster({ postgres: { main: {} } })
  const { primary } = cluster.postgres.main
  for (let round = 0; round < 10; round++) {
    const paused = primary.pause()
    await systemClock.sleep(round / 3)
    await primary.resume()
    await paused
    expect(primary.state).toBe('running')
    expect(await sql(primary.url, 'SELECT 1 AS one')).toEqual([{ one: 1 }])
  }
})

it('stop() of the cluster does not wait for a promotion that waits for a frozen server', async () => {
  // A promotion may take longer than a test, so that to wait for it is to hang.
  const cluster = await localCluster({ postgres: { main: { replicas: 1 } }, startTimeoutMs: 600_000 })
  const { main } = cluster.postgres
  const [target] = main.replicas
  const spy = new pg.Client(target.url)
  spy.on('error', () => {})
  await spy.connect()
  const others = `SELECT FROM pg_stat_activity WHERE query LIKE '%pg_promote%' AND pid <> pg_backend_pid()`
  const promoted = underWay(main.promote(0))
  while ((await spy.query(others)).rowCount === 0);
  await target.pause()
  await cluster.stop()
  await expect(promoted).rejects.toThrow(/stopped/)
})

it('a promotion whose replica is killed changes no roles, not for the next start either', async () => {
  const dataDir = await mkdtemp(path.join(os.tmpdir(), 'quorate-test-'))
  await chmod(dataDir, 0o755)
  try {
    const options = { postgres: { main: { replicas: 1 } }, dataDir } as const
    {
      await using cluster = await localCluster(options)
      const { main } = cluster.postgres
      const [old, target] = [main.primary, main.replicas[0]]
      await sql(old.url, 'CREATE TABLE items (id int); INSERT INTO items VALUES (1)')
      await target.caughtUp()
      const promoted = underWay(main.promote(0))
      await when(() => old.state === 'down')
      await target.kill()
      expect(await promoted.catch((error: unknown) => error)).toBeInstanceOf(Error)
      expect(main.primary).toBe(old)
      await old.restart()
      await sql(old.url, 'INSERT INTO items VALUES (2)')
    }
    await using again = await localCluster(options)
    const { main } = again.postgres
    expect(main.primary.name).toBe('postgres/main/node-1')
    expect(await items(main.primary.url)).toEqual([1, 2])
    await main.replicas[0].caughtUp()
    expect(await items(main.replicas[0].url)).toEqual([1, 2])
  } finally {
    await rm(dataDir, { recursive: true, force: true })
  }
})

it('restart() mends a replica whose clone was broken off', async () => {
  await using cluster = await localCluster({ postgres: { main: { replicas: 1 } } })
  const { main } = cluster.postgres
  const [replica] = main.replicas
  const cloned = underWay(replica.reclone())
  await when(() => replica.state === 'down')
  await main.primary.kill()
  expect(await cloned.catch((error: unknown) => error)).toBeInstanceOf(Error)
  await main.primary.restart()
  await sql(main.primary.url, 'CREATE TABLE items (id int)')
  await replica.restart()
  await replica.caughtUp()
  expect(await items(replica.url)).toEqual([])
})

it('a follower that is killed during a promotion comes back without rows that the new primary never had', async () => {
  await using cluster = await localCluster({ postgres: { main: { replicas: 2 } } })
  const { main } = cluster.postgres
  const [target, other] = main.replicas
  await sql(main.primary.url, 'CREATE TABLE items (id int)')
  for (const replica of main.replicas) await replica.caughtUp()
  await main.link('primary', 'replica-1').partition()
  await sql(main.primary.url, 'INSERT INTO items VALUES (1)')
  await other.caughtUp()
  expect(await items(other.url)).toEqual([1])
  const promoted = underWay(main.promote(0))
  await when(() => main.primary === target)
  await other.kill()
  await promoted.catch(() => {}) // it may have been at its clone
  expect(main.replicas[0].state).toBe('running')
  await other.restart()
  await other.caughtUp()
  expect(await items(other.url)).toEqual([])
})

it('what is asked of a cluster that is being stopped is refused, and leaves nothing behind', async () => {
  const cluster = await localCluster({ postgres: { main: { replicas: 1 } } })
  const { main } = cluster.postgres
  const stopped = cluster.stop()
  const refused = [main.promote(0), main.replicas[0].reclone(), main.primary.restart()]
  for (const work of refused) await expect(work).rejects.toThrow(/stopped/)
  await stopped
  await expect(rm(cluster.dir, { recursive: true })).rejects.toThrow('ENOENT')
})

it('what only a replica can do is refused to one that has been promoted meanwhile, by a rejected promise', async () => {
  await using cluster = await localCluster({
    postgres: { main: { replicas: 1 } },
    redis: { main: { replicas: 1 } },
  })
  const [[postgres], [redis]] = [cluster.postgres.main.replicas, cluster.redis.main.replicas]
  const promoted = Promise.all([cluster.postgres.main.promote(0), cluster.redis.main.promote(0)])
  const early = postgres.reclone()
  await expect(early).rejects.toThrow(WrongServerStateError)
  await expect(early).rejects.toMatchObject({ state: 'the primary' })
  await promoted
  const calls = [() => postgres.caughtUp(), () => postgres.reclone(), () => redis.caughtUp()]
  const refused = calls.map((call) => call()) // a throw would end the test here
  for (const call of refused) await expect(call).rejects.toThrow(WrongServerStateError)
})
