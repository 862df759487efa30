import { describe, expect, it } from 'vitest'
import type { ClusterOptions } from './options.ts'
import { planOf } from './plan.ts'

describe('planOf()', () => {
  it('fills in the defaults', () => {
    expect(planOf({ postgres: { orders: {} } })).toEqual({
      postgres: [
        {
          name: 'orders',
          replicas: 0,
          port: undefined,
          regions: [],
          settings: {},
          synchronous: 0,
          databases: [],
        },
      ],
      redis: [],
      servers: 1,
    })
  })

  it('counts primaries and replicas of both engines', () => {
    const plan = planOf({ postgres: { a: { replicas: 2 }, b: {} }, redis: { c: { replicas: 1 } } })
    expect(plan.servers).toBe(6)
  })

  it('takes synchronous: true as one replica', () => {
    const plan = planOf({ postgres: { a: { replicas: 2, synchronous: true } } })
    expect(plan.postgres[0]?.synchronous).toBe(1)
  })

  const wrong: [string, unknown, RegExp][] = [
    ['no options', undefined, /must have a group in postgres or redis.*main/],
    ['no group', {}, /must have a group in postgres or redis/],
    ['an unknown option', { redis: { a: {} }, datadir: 'x' }, /unknown option datadir; known are .*dataDir/],
    ['an unknown option of a group', { redis: { a: { replica: 1 } } }, /redis a: unknown option replica/],
    ['a name that is no folder', { redis: { '../a': {} } }, /a name must be 1 to 40 letters/],
    ['part of a replica', { redis: { a: { replicas: 1.5 } } }, /from 0 to 8, got 1.5/],
    ['too many replicas', { postgres: { a: { replicas: 9 } } }, /from 0 to 8, got 9/],
    [
      'more confirmations than replicas',
      { postgres: { a: { replicas: 1, synchronous: 2 } } },
      /which is 1, got 2/,
    ],
    ['synchronous without replicas', { postgres: { a: { synchronous: true } } }, /which is 0, got true/],
    ['a port that is none', { redis: { a: { port: 70_000 } } }, /from 1 to 65535, got 70000/],
    [
      'one port for two',
      { redis: { a: { port: 7_000 } }, postgres: { b: { port: 7_000 } } },
      /got 7000 twice/,
    ],
    [
      'a setting of ours',
      { postgres: { a: { settings: { port: 1 } } } },
      /the setting port belongs to the cluster/,
    ],
    [
      'a setting of ours in capitals',
      { redis: { a: { settings: { BIND: '*' } } } },
      /the setting BIND belongs/,
    ],
    [
      'a setting on two lines',
      { redis: { a: { settings: { save: '1\nport 2' } } } },
      /must be a setting on one line/,
    ],
    [
      'more regions than servers',
      { redis: { a: { regions: ['us', 'eu'] } } },
      /at most its 1 servers, got 2/,
    ],
    ['an empty database name', { postgres: { a: { databases: [''] } } }, /a name of 1 to 63 bytes, got ""/],
    ['no time to start', { redis: { a: {} }, startTimeoutMs: 0 }, /startTimeoutMs must be above 0, got 0/],
    ['an empty folder', { redis: { a: {} }, dataDir: '' }, /dataDir must name a folder/],
  ]
  it.each(wrong)('refuses %s', (_, options, message) => {
    expect(() => planOf(options as ClusterOptions)).toThrow(message)
  })
})
