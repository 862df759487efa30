import { rendezvous } from '@quorate/core'
import { expect, test } from 'vitest'
import { nextHealth } from './health.ts'
import type { Wanted } from './plan.ts'
import type { PgPool } from './postgres/port.ts'
import { candidates, Replica } from './replica.ts'

const LIMITS = { maxLagMs: 1, maxLagBytes: 1 }
const ANYTHING: Wanted = { position: undefined, maxStaleMs: Infinity }
const at = (lsn: bigint): Wanted => ({ position: { cluster: '1', timeline: 1, lsn }, maxStaleMs: Infinity })

/** A pool of four, as `pg` counts: what it hands out in the next tick is idle still. */
type Counts = { -readonly [count in 'totalCount' | 'idleCount' | 'waitingCount']: number }
type TestPool = PgPool & Counts
const poolOf = (): TestPool => ({
  connect: () => Promise.reject(new Error('not asked')),
  options: { max: 4 },
  totalCount: 4,
  idleCount: 4,
  waitingCount: 0,
})

/** A healthy replica that shows all up to 5. */
function replicaOf(id: string, pool: PgPool): Replica {
  const replica = new Replica(id, pool, 1)
  const lag = { ms: 0, bytes: 0 }
  replica.become(nextHealth(replica.health, { type: 'streaming', lag, pace: 'prompt' }, LIMITS))
  replica.sample = { cluster: '1', startedAt: '1', replayed: 5n, timeline: 1, last: undefined, askedAt: 1 }
  return replica
}

/** Three of them, in the order in which they are tried for a key. */
function three(): {
  readonly pools: TestPool[]
  readonly replicas: Replica[]
  readonly tried: (wanted?: Wanted) => number[]
} {
  const ranking = rendezvous(['r1', 'r2', 'r3'].map((id) => replicaOf(id, poolOf())))
  const replicas = ranking.rank('ann')
  return {
    replicas,
    pools: replicas.map(({ pool }) => pool as TestPool),
    tried: (wanted = ANYTHING) =>
      Array.from(candidates(ranking, wanted, 'ann', 0), (one) => replicas.indexOf(one)),
  }
}

test.each<[string, Partial<Counts>, number[]]>([
  ['all that is idle is for others', { waitingCount: 4 }, [1, 2, 0]],
  ['none is idle, and there is no room for more', { idleCount: 0 }, [1, 2, 0]],
  ['one is idle', { idleCount: 1 }, [0, 1, 2]],
  ['one is idle, and somebody waits', { idleCount: 1, waitingCount: 1 }, [1, 2, 0]],
  ['there is room for one more', { idleCount: 0, totalCount: 3 }, [0, 1, 2]],
  [
    'there is room for one more, and somebody waits',
    { idleCount: 0, totalCount: 3, waitingCount: 1 },
    [1, 2, 0],
  ],
])('candidates() has a replica come last where %s', (_, counts, order) => {
  const { pools, tried } = three()
  Object.assign(pools[0] as TestPool, counts)
  expect(tried()).toEqual(order)
})

test('candidates() has each replica once, and all, also when the pools of all are full', () => {
  const { pools, tried } = three()
  const full = { idleCount: 0 }
  Object.assign(pools[2] as TestPool, full)
  expect(tried()).toEqual([0, 1, 2])
  Object.assign(pools[1] as TestPool, full)
  expect(tried()).toEqual([0, 1, 2])
  Object.assign(pools[0] as TestPool, full)
  expect(tried()).toEqual([0, 1, 2])
  Object.assign(pools[2] as TestPool, { idleCount: 1 })
  expect(tried()).toEqual([2, 0, 1])
})

test('candidates() never has one that does not show what is wanted, however full the others are', () => {
  const { pools, replicas, tried } = three()
  Object.assign(replicas[1] as Replica, { sample: { ...replicas[1]?.sample, replayed: 9n } })
  Object.assign(pools[1] as TestPool, { idleCount: 0 })
  expect(tried(at(5n))).toEqual([0, 2, 1])
  expect(tried(at(9n))).toEqual([1])
  expect(tried(at(10n))).toEqual([])
})

test('candidates() takes a pool that does not tell for one that has room', () => {
  const ranking = rendezvous(
    ['r1', 'r2'].map((id) => replicaOf(id, { connect: () => Promise.reject(new Error('not asked')) })),
  )
  expect([...candidates(ranking, ANYTHING, 'ann', 0)]).toEqual(ranking.rank('ann'))
})
