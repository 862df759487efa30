import { setImmediate } from 'node:timers/promises'
import { createChaos } from '@quorate/chaos'
import {
  localCluster,
  type PostgresGroup,
  type PostgresReplica,
  WrongServerStateError,
} from '@quorate/local-cluster'
import { afterAll, beforeEach, describe, expect, it } from 'vitest'
import { eventually, items, sql } from './support/sql.ts'

const cluster = await localCluster({
  postgres: { orders: { replicas: 2, databases: ['shop'], settings: { max_connections: 33 } } },
})
afterAll(() => cluster.stop())
const { orders } = cluster.postgres

beforeEach(async () => {
  for (const server of [orders.primary, ...orders.replicas]) {
    if (server.state !== 'running') await server.restart()
  }
  await sql(orders.primary.url, 'DROP TABLE IF EXISTS items; CREATE TABLE items (id int PRIMARY KEY)')
  await caughtUp(orders)
})

const insert = (id: number): Promise<unknown> => sql(orders.primary.url, `INSERT INTO items VALUES (${id})`)

async function caughtUp(group: PostgresGroup): Promise<void> {
  await Promise.all(group.replicas.map((replica: PostgresReplica) => replica.caughtUp()))
}

describe('a Postgres group', () => {
  it('streams what the primary commits to all replicas', async () => {
    await insert(1)
    await caughtUp(orders)
    for (const { url } of orders.replicas) expect(await items(url)).toEqual([1])
  })

  it('takes no writes on a replica', async () => {
    await expect(sql(orders.replicas[0].url, 'INSERT INTO items VALUES (1)')).rejects.toThrow('read-only')
  })

  it('has the databases and settings that were asked for, on every server', async () => {
    for (const server of [orders.primary, ...orders.replicas]) {
      expect(await sql(server.urlOf('shop'), 'SELECT current_database() AS name')).toEqual([{ name: 'shop' }])
      expect(await sql(server.url, 'SHOW max_connections')).toEqual([{ max_connections: '33' }])
    }
  })

  it('lets anybody create databases, as a usual server does', async () => {
    await sql(orders.primary.url, 'CREATE DATABASE another')
    expect(await sql(orders.primary.urlOf('another'), 'SELECT 1 AS one')).toEqual([{ one: 1 }])
    await sql(orders.primary.url, 'DROP DATABASE another')
  })

  it('pauseReplay() freezes what readers see until resumeReplay()', async () => {
    const [paused, other] = orders.replicas
    await paused.pauseReplay()
    await insert(1)
    await other.caughtUp()
    expect(await items(paused.url)).toEqual([])
    await paused.resumeReplay()
    await paused.caughtUp()
    expect(await items(paused.url)).toEqual([1])
  })

  it('applyDelay() shows commits only later', async () => {
    const [replica] = orders.replicas
    await replica.applyDelay(700)
    const startedMs = performance.now()
    await insert(1)
    await replica.caughtUp()
    // The delay counts from the commit, which is a little after we noted the time.
    expect(performance.now() - startedMs).toBeGreaterThan(690)
    await replica.applyDelay(3_600_000)
    await replica.applyDelay(0)
    await insert(2)
    await replica.caughtUp()
  })

  it('applyDelay() that comes while the replica starts neither ends it nor is lost', async () => {
    const [replica] = orders.replicas
    for (let ms = 5; ms > 0; ms--) {
      await replica.kill()
      const restarting = replica.restart()
      while (replica.state !== 'running') await setImmediate()
      await Promise.all([restarting, replica.applyDelay(ms)])
      const settings = `SELECT setting FROM pg_settings WHERE name = 'recovery_min_apply_delay'`
      expect(await sql(replica.url, settings)).toEqual([{ setting: String(ms) }])
    }
    await replica.applyDelay(0)
  })

  it('refuses on a primary what only a replica can do', async () => {
    const primary = orders.primary as PostgresReplica
    await expect(primary.pauseReplay()).rejects.toThrow(WrongServerStateError)
    await expect(primary.applyDelay(1)).rejects.toThrow(/is the primary/)
  })

  it('kill() leaves no process and restart() recovers what was committed, on the same port', async () => {
    const { pid, port } = orders.primary
    await insert(1)
    await orders.primary.kill()
    expect(orders.primary.state).toBe('down')
    expect(() => process.kill(pid as number, 0)).toThrow('ESRCH')
    await expect(items(orders.primary.url)).rejects.toThrow('ECONNREFUSED')
    await orders.primary.restart()
    expect(orders.primary.port).toBe(port)
    expect(await items(orders.primary.url)).toEqual([1])
    await insert(2)
    await caughtUp(orders)
    expect(await items(orders.replicas[1].url)).toEqual([1, 2])
  })

  it('pause() leaves connections open and unanswered until resume()', async () => {
    await orders.primary.pause()
    let done = false
    const write = insert(1).then(() => (done = true))
    await orders.replicas[0].caughtUp({ deadlineMs: 200 }).catch(() => {})
    expect(done).toBe(false)
    await orders.primary.resume()
    await write
    expect(await items(orders.primary.url)).toEqual([1])
  })
})

describe('promote()', () => {
  it('makes the replica primary, lets the other follow, and the old primary rejoin as a fresh clone', async () => {
    const [old, target, other] = [orders.primary, orders.replicas[0], orders.replicas[1]]
    await insert(1)
    await caughtUp(orders)
    // Committed on the old primary and seen by nobody else: after the fail-over it never happened.
    await orders.link('primary', 'replica-1').partition()
    await orders.link('primary', 'replica-2').partition()
    await insert(2)
    await orders.promote(0)

    expect(orders.primary).toBe(target)
    expect(orders.replicas).toEqual([old, other])
    expect([target.role, old.role, other.role]).toEqual(['primary', 'replica', 'replica'])
    await insert(3)
    await caughtUp(orders)
    for (const server of [target, old, other]) expect(await items(server.url)).toEqual([1, 3])
  })

  it('clones a follower that had received more than the new primary', async () => {
    await insert(1)
    await caughtUp(orders)
    await orders.link('primary', 'replica-1').partition()
    await insert(2)
    await orders.replicas[1].caughtUp()
    expect(await items(orders.replicas[1].url)).toEqual([1, 2])
    await orders.promote(0)
    await insert(3)
    await caughtUp(orders)
    for (const { url } of orders.replicas) expect(await items(url)).toEqual([1, 3])
  })

  it('works on a replica whose replay is paused, with all it has received', async () => {
    await orders.replicas[0].pauseReplay()
    await insert(1)
    await orders.replicas[1].caughtUp()
    await eventually(async () => {
      const text = `SELECT FROM pg_stat_replication WHERE flush_lsn < pg_current_wal_flush_lsn()`
      return (await sql(orders.primary.url, text)).length === 0
    })
    await orders.promote(0)
    expect(await items(orders.primary.url)).toEqual([1])
  })

  it('leaves another replica frozen whose replay is paused, and it follows once resumed', async () => {
    const [target, frozen] = orders.replicas
    await frozen.pauseReplay()
    await insert(1)
    await target.caughtUp()
    await orders.promote(0)
    await insert(2)
    expect(await items(frozen.url)).toEqual([])
    await frozen.resumeReplay()
    await frozen.caughtUp()
    expect(await items(frozen.url)).toEqual([1, 2])
  })

  it('refuses a replica that is not there or not up', async () => {
    await expect(orders.promote(2)).rejects.toThrow(RangeError)
    await orders.replicas[0].kill()
    await expect(orders.promote(0)).rejects.toThrow(/it is down/)
  })

  it('without rejoin leaves the old primary down until it is restarted, then as a clone', async () => {
    const old = orders.primary
    await insert(1)
    await caughtUp(orders)
    await orders.promote(1, { rejoin: false })
    expect(old.state).toBe('down')
    await insert(2)
    await old.restart()
    await caughtUp(orders)
    expect(await items(old.url)).toEqual([1, 2])
  })
})

describe('link()', () => {
  it('a partition stalls replication and healing lets it catch up', async () => {
    const link = orders.link('primary', 'replica-1')
    await link.partition()
    await insert(1)
    await orders.replicas[1].caughtUp()
    expect(await items(orders.replicas[0].url)).toEqual([])
    await link.heal()
    await orders.replicas[0].caughtUp()
    expect(await items(orders.replicas[0].url)).toEqual([1])
  })

  it('is the same in either order of names, and unknown for roles that are not there', () => {
    expect(orders.link('replica-2', 'primary')).toBe(orders.link('primary', 'replica-2'))
    expect(() => orders.link('primary', 'replica-3')).toThrow(RangeError)
    expect(() => orders.link('replica-1', 'replica-2')).toThrow(RangeError)
  })
})

describe('regions', () => {
  it('that are cut from each other no longer replicate, not even after a promotion', async () => {
    await using chaos = createChaos({ seed: 1 })
    const regions = ['us', 'eu', 'ap']
    await using far = await localCluster({ postgres: { catalog: { replicas: 2, regions } }, chaos })
    const { catalog } = far.postgres
    await sql(catalog.primary.url, 'CREATE TABLE items (id int)')
    await caughtUp(catalog)
    await catalog.promote(0) // eu leads now
    await chaos.cut('eu', 'us')
    await sql(catalog.primary.url, 'INSERT INTO items VALUES (1)')
    await catalog.replicas[1].caughtUp()
    expect(await items(catalog.replicas[0].url)).toEqual([])
    await chaos.heal('eu', 'us')
    await catalog.replicas[0].caughtUp()
    expect(await items(catalog.replicas[0].url)).toEqual([1])
  })
})

describe('a synchronous group', () => {
  it('confirms no commit that its replica has not, until the link heals', async () => {
    await using sync = await localCluster({ postgres: { payments: { replicas: 1, synchronous: true } } })
    const { payments } = sync.postgres
    await sql(payments.primary.url, 'CREATE TABLE items (id int PRIMARY KEY)')
    await payments.link('primary', 'replica-1').partition()
    let confirmed = false
    const write = sql(payments.primary.url, 'INSERT INTO items VALUES (1)').then(() => (confirmed = true))
    await eventually(async () => {
      const text = `SELECT FROM pg_stat_activity WHERE wait_event = 'SyncRep'`
      return (await sql(payments.primary.url, text)).length === 1
    })
    expect(confirmed).toBe(false)
    await payments.link('primary', 'replica-1').heal()
    await write
    await payments.replicas[0].caughtUp()
    expect(await items(payments.replicas[0].url)).toEqual([1])
  })
})
