import { seededRandom } from '@quorate/core'
import type { Redis } from 'ioredis'
import { expect, test } from 'vitest'
import { startRedisBench } from './ioredis-setup.ts'

const PAIRS = 4_000
const SESSIONS = 16
const seed = Number(process.env['SEED'] ?? 5)

test(`${PAIRS} reads after writes while lag swings, a replica dies and another is cut off: none is stale (seed ${seed})`, async () => {
  await using bench = await startRedisBench()
  await using router = await bench.router({ waitMs: 20, maxLagMs: 60_000 })
  const { db, events } = router
  const random = seededRandom(seed)
  const pairs = { left: PAIRS }
  let stale = 0
  let backward = 0
  let control = 0
  const load = async (user: number): Promise<void> => {
    // Half of them carry only the token, as a browser does, half are known by name.
    const key = user % 2 === 0 ? `user-${user}` : undefined
    let token: string | undefined
    let seen = 0
    const open = (): ReturnType<typeof db.session> =>
      db.session(token === undefined ? { key } : { key, token })
    for (let n = 1; pairs.left > 0; n++) {
      pairs.left--
      const writing = open()
      await db.write((redis: Redis) => redis.set(`user-${user}`, n), { session: writing })
      token = writing.token
      const reading = open()
      const value = Number(await db.read((redis: Redis) => redis.get(`user-${user}`), { session: reading }))
      if (value !== n) stale++
      if (Number(await db.read((redis: Redis) => redis.get(`user-${user}`), { level: 'eventual' })) !== n) {
        control++
      }
      // Somebody else's counter, seen monotonically.
      const others = open()
      const next = Number(
        await db.read((redis: Redis) => redis.get('shared'), { session: others, level: 'monotonic' }),
      )
      if (next < seen) backward++
      seen = next
      token = others.token ?? token
    }
  }
  const swing = async (): Promise<void> => {
    for (let round = 0; pairs.left > 0; round++) {
      await db.write((redis: Redis) => redis.incr('shared'))
      for (const name of ['replica-1', 'replica-2'] as const) {
        await bench.cluster
          .link('primary', name)
          .latency({ ms: random() < 0.5 ? 0 : Math.floor(random() * 40) })
      }
      if (round === 5) await bench.cluster.replicas[0]?.kill()
      if (round === 10) await bench.cluster.replicas[0]?.restart()
      if (round === 15) await bench.cluster.link('primary', 'replica-2').partition()
      if (round === 20) await bench.cluster.link('primary', 'replica-2').heal()
      const before = pairs.left
      while (pairs.left > 0 && before - pairs.left < 100)
        await new Promise<void>((resolve) => setImmediate(resolve))
    }
  }
  await Promise.all([swing(), ...Array.from({ length: SESSIONS }, (_, user) => load(user))])
  expect({ stale, backward }).toEqual({ stale: 0, backward: 0 })
  // The same reads without the token are stale, and replicas did serve: the zeros above mean something.
  expect(control).toBeGreaterThan(100)
  const served = events.filter((event) => event.type === 'read' && event.level !== 'eventual')
  const byReplicas = served.filter((event) => event.type === 'read' && event.target !== 'primary')
  expect(byReplicas.length).toBeGreaterThan(PAIRS / 20)
}, 60_000)
