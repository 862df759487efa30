import { createChaos, kill, partition, pause } from '@quorate/chaos'
import { clusterTopology, localCluster, WrongServerStateError } from '@quorate/local-cluster'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { sql } from './support/sql.ts'

const cluster = await localCluster({
  postgres: { main: { replicas: 1 } },
  redis: { cart: { replicas: 1 } },
})
afterAll(() => cluster.stop())
const { main } = cluster.postgres
const { cart } = cluster.redis
beforeAll(() => sql(main.primary.url, 'CREATE TABLE items (id int)'))

const topology = clusterTopology(cluster)
const named = (name: string): (typeof topology.nodes)[number] =>
  topology.nodes.find((node) => node.name === name) ?? expect.fail(`no ${name}`)

describe('clusterTopology()', () => {
  it('names servers, roles, groups and links', () => {
    expect(topology.nodes.map(({ name, role, group }) => [name, role, group])).toEqual([
      ['postgres.main.primary', 'primary', 'postgres.main'],
      ['postgres.main.replica-1', 'replica', 'postgres.main'],
      ['redis.cart.primary', 'primary', 'redis.cart'],
      ['redis.cart.replica-1', 'replica', 'redis.cart'],
    ])
    expect(topology.links.map(({ from, to }) => `${from}>${to}`)).toEqual([
      'postgres.main.replica-1>postgres.main.primary',
      'redis.cart.replica-1>redis.cart.primary',
    ])
    expect(topology.links[0]?.link).toBe(main.link('primary', 'replica-1'))
  })

  it('has no links if the cluster has none', async () => {
    await using bare = await localCluster({ redis: { cart: { replicas: 1 } }, links: false })
    expect(clusterTopology(bare).links).toEqual([])
    expect(clusterTopology(bare).nodes).toHaveLength(2)
  })

  it('a nemesis breaks every server and link of it, and all replicate afterwards', async () => {
    await using chaos = createChaos({ seed: 3 })
    const faults = [kill('primary'), kill('replica'), pause('primary'), pause('one'), partition('one')]
    const report = await chaos.nemesis(faults, {
      topology,
      everyMs: [20, 60],
      lastsMs: [10, 80],
      forMs: 800,
    })
    expect(report.failed).toEqual([])
    expect(report.caused.length).toBeGreaterThan(3)
    for (const group of [main, cart]) {
      expect([group.primary.state, group.replicas[0].state]).toEqual(['running', 'running'])
      await group.replicas[0].caughtUp({ deadlineMs: 30_000 })
    }
  })

  it('names follow roles, and who was killed before a promotion is who comes back', async () => {
    const [old, other] = [main.primary, main.replicas[0]]
    const primary = named('postgres.main.primary')
    await primary.kill?.()
    await main.promote(0, { rejoin: false })
    expect(main.primary).toBe(other)
    await primary.restart?.()
    expect([old.state, old.role]).toEqual(['running', 'replica'])
    await named('postgres.main.primary').pause?.()
    expect(other.state).toBe('paused')
    await named('postgres.main.primary').resume?.()
    await named('postgres.main.primary').restart?.() // it runs: nothing happens
    expect(topology.links[0]?.link).toBe(main.link('primary', 'replica-1'))
  })
})

describe('caughtUp()', () => {
  it.each([
    ['Postgres', main],
    ['Redis', cart],
  ])(
    'of %s says at once that the primary is down, and waits for one that is being started',
    async (_, group) => {
      await group.primary.kill()
      await expect(group.replicas[0].caughtUp({ deadlineMs: 600_000 })).rejects.toThrow(WrongServerStateError)
      const restarted = group.primary.restart()
      await group.replicas[0].caughtUp({ deadlineMs: 30_000 })
      await restarted
    },
  )

  it('of Postgres does not wait for transactions that are still open', async () => {
    await sql(main.primary.url, 'CREATE TABLE IF NOT EXISTS many (id int, text text)')
    const open = sql(
      main.primary.url,
      `BEGIN; INSERT INTO many SELECT n, repeat('x', 500) FROM generate_series(1, 20000) n; SELECT pg_sleep(1.5); ROLLBACK`,
    )
    for (let round = 0; round < 20; round++) await main.replicas[0].caughtUp({ deadlineMs: 20_000 })
    expect(await sql(main.replicas[0].url, 'SELECT count(*)::int AS rows FROM many')).toEqual([{ rows: 0 }])
    await open
  })
})
