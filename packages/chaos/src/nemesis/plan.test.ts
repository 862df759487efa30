import { seededRandom } from '@quorate/core'
import { describe, expect, it } from 'vitest'
import { fakeWorld } from '../../test/fake-world.ts'
import { kill, partition, pause, clockDrift, clockSkew, slowLinks, type NemesisFault } from './faults.ts'
import { planNemesis } from './plan.ts'
import { formatSchedule, parseSchedule } from './schedule-text.ts'
import { endMs, type FaultAction } from './schedule.ts'

const choices = (fault: NemesisFault, count = 3, tries = 40): FaultAction[] => {
  const random = seededRandom(1)
  const world = fakeWorld(count)
  return Array.from({ length: tries }, () => fault.choose(world, random)).filter(
    (action) => action !== undefined,
  )
}

describe('partition()', () => {
  it('one: leaves one server without the others, and clients with all of them', () => {
    const alone = new Set<string>()
    for (const action of choices(partition('one'))) {
      if (action.type !== 'partition') throw new Error(action.type)
      const [side = [], rest = []] = action.sides
      alone.add(side.join())
      expect(side).toHaveLength(1)
      expect([...side, ...rest].toSorted()).toEqual(['db-1', 'db-2', 'db-3'])
    }
    expect([...alone].toSorted()).toEqual(['db-1', 'db-2', 'db-3'])
  })

  it('one: with the role client leaves one client without anything', () => {
    for (const action of choices(partition('one', { role: 'client' }))) {
      if (action.type !== 'partition') throw new Error(action.type)
      expect(action.sides[0]?.[0]).toMatch(/^client-/)
      expect(action.sides[1]).toHaveLength(4)
    }
  })

  it('majority: cuts a minority off, and clients from it if told so', () => {
    for (const action of choices(partition('majority', { clients: 'cut' }), 5)) {
      if (action.type !== 'partition') throw new Error(action.type)
      const [minority = [], rest = []] = action.sides
      expect([1, 2]).toContain(minority.length)
      expect(rest).toEqual(expect.arrayContaining(['client-1', 'client-2']))
      expect(minority.length + rest.length).toBe(7)
    }
  })

  it.each([3, 4, 5, 6, 7])('ring: each of %i hears a majority, and no two the same one', (count) => {
    const names = Array.from({ length: count }, (_, at) => `db-${at + 1}`)
    const rings = choices(partition('ring'), count)
    expect(rings.length).toBeGreaterThan(0)
    for (const action of rings) {
      if (action.type !== 'one-way') throw new Error(action.type)
      const heard = names.map((to) =>
        names.filter((from) => !action.ways.some((way) => way.from === from && way.to === to)).join(),
      )
      for (const set of heard) expect(set.split(',')).toHaveLength(Math.floor(count / 2) + 1)
      expect(new Set(heard).size).toBe(count)
      // Three or five stand around oneself, so everybody is heard by those it hears.
      const isMutual = action.ways.every(({ from, to }) =>
        action.ways.some((way) => way.from === to && way.to === from),
      )
      expect(isMutual).toBe((Math.floor(count / 2) + 1) % 2 === 1)
    }
  })

  it.each([
    ['out', 'db-1', 'db-2'],
    ['in', 'db-2', 'db-1'],
  ] as const)('%s: loses one way only', (direction, from, to) => {
    for (const action of choices(partition('primaries', { direction }), 2)) {
      expect(action).toEqual({ type: 'one-way', mode: 'drop', ways: [{ from, to }] })
    }
  })

  it('primaries: leaves the primary alone', () => {
    for (const action of choices(partition('primaries'))) {
      expect(action).toMatchObject({ sides: [['db-1'], ['db-2', 'db-3']] })
    }
  })

  it('has nothing to cut where there are too few', () => {
    expect(choices(partition('one'), 1)).toEqual([])
    expect(choices(partition('ring'), 2)).toEqual([])
  })
})

describe('kill() and pause()', () => {
  it('hit who is meant', () => {
    const hit = (fault: NemesisFault): string[] => [
      ...new Set(
        choices(fault).map((action) => ('nodes' in action ? action.nodes.toSorted().join(' ') : '')),
      ),
    ]
    expect(hit(kill('primary'))).toEqual(['db-1'])
    expect(hit(pause('db-2'))).toEqual(['db-2'])
    expect(hit(kill('all'))).toEqual(['db-1 db-2 db-3'])
    expect(hit(kill('one')).toSorted()).toEqual(['db-1', 'db-2', 'db-3'])
    expect(hit(pause('majority')).toSorted()).toEqual(['db-1 db-2', 'db-1 db-3', 'db-2 db-3'])
    expect(hit(kill('minority')).toSorted()).toEqual(['db-1', 'db-2', 'db-3'])
    expect(hit(kill('leader'))).toEqual([])
  })
})

describe('options', () => {
  it.each([
    [() => partition('half' as 'one'), /kind must be one, majority, ring or primaries, got half/],
    [() => partition('one', { mode: 'lose' as 'drop' }), /partition mode must be one of/],
    [() => partition('one', { direction: 'up' as 'out' }), /direction must be one of both, out, in/],
    [() => partition('one', { mode: [] }), /mode must name at least one/],
    [() => clockSkew('one', { ms: [2, 1] }), /the lower first, got 2,1/],
    [() => clockDrift('one', { ppm: [-1_000_000, 0] }), /from -999999/],
    [() => slowLinks('all', { ms: [-1, 0] }), /slow links ms/],
    [() => slowLinks('all', { ms: 5 as unknown as [number, number] }), /two finite numbers/],
    [() => planNemesis(fakeWorld(), [], { seed: 1, forMs: 1 }), /there must be at least one/],
    [() => planNemesis(fakeWorld(), [kill('one')], { seed: 1, forMs: Infinity }), /forMs must be a finite/],
    [() => planNemesis(fakeWorld(), [kill('one')], { seed: 1, forMs: 1, everyMs: [0, 1] }), /everyMs/],
    [
      () => planNemesis(fakeWorld(), [kill('one')], { seed: 1, forMs: 1, keep: 'half' as 'one' }),
      /keep must be one of majority, one, none, got half/,
    ],
  ])('that make no sense are refused: %#', (make, message) => {
    expect(make).toThrow(message)
  })

  it('keep counts a node that is cut off one way, whoever else is down', () => {
    const options = {
      seed: 1,
      keep: 'majority',
      everyMs: [50, 100],
      lastsMs: [300, 500],
      forMs: 60_000,
    } as const
    const faults = [
      partition('one', { direction: 'in' }),
      partition('one', { direction: 'out' }),
      kill('one'),
    ]
    const plan = planNemesis(fakeWorld(3), faults, options)
    expect(new Set(plan.faults.map(({ action }) => action.type))).toEqual(new Set(['one-way', 'kill']))
    const victims = plan.faults.map(({ action }) => victimOf(action))
    for (const [at, fault] of plan.faults.entries()) {
      const holding = plan.faults.slice(0, at).filter((earlier) => endMs(earlier) > fault.atMs)
      for (const earlier of holding) expect(victims[plan.faults.indexOf(earlier)]).toBe(victims[at])
    }
    expect(new Set(victims)).toEqual(new Set(['db-1', 'db-2', 'db-3']))
  })

  it('keep does not count clients, even if there are as many as servers', () => {
    const { nodes, links } = fakeWorld(1)
    const world = { nodes: nodes.filter(({ name }) => name !== 'client-2'), links: links.slice(0, 1) }
    for (const direction of ['both', 'in', 'out'] as const) {
      const fault = partition('one', { role: 'client', direction })
      const plan = planNemesis(world, [fault], { seed: 1, keep: 'majority', forMs: 10_000 })
      expect(plan.faults.length, direction).toBeGreaterThan(0)
    }
  })

  it('overlap none causes one fault at a time', () => {
    const options = { seed: 7, everyMs: [100, 200], lastsMs: [500, 900], forMs: 20_000 } as const
    const { faults } = planNemesis(fakeWorld(), [kill('one'), pause('one')], { ...options, overlap: 'none' })
    expect(faults.length).toBeGreaterThan(10)
    const ends = [0, ...faults.map(endMs)]
    for (const [at, { atMs }] of faults.entries()) expect(ends[at]).toBeLessThanOrEqual(atMs)
  })
})

describe('formatSchedule() and parseSchedule()', () => {
  it('read like a sentence', () => {
    const text =
      '30000; 512+1400 partition drop db-1 | db-2 db-3; 900+300 kill db-2; 1000+10 one-way reset a>b b>c; ' +
      '1200+800 clock-skew -3000 api-1; 1300+5 clock-drift 200 api-1; 4000+900 slow-links 200 50 db-2>db-1'
    expect(formatSchedule(parseSchedule(text))).toBe(text)
  })

  it('keep names with any characters', () => {
    const nodes = ['a b', 'x>y', '|;%', 'ünï→', "it's (1)!*~"]
    const schedule = { forMs: 9, faults: [{ atMs: 1, lastsMs: 2, action: { type: 'kill' as const, nodes } }] }
    expect(parseSchedule(formatSchedule(schedule))).toEqual(schedule)
  })

  it.each([
    ['soon', /times must be whole ms/],
    ['100; 1+2 explode db-1', /no fault named "explode"/],
    ['100; 1+2 kill', /must name a node/],
    ['100; 90+20 kill db-1', /must end by 100 ms/],
    ['100; 1+2 partition drop a b', /at least two sides/],
    ['100; 1+2 partition lose a | b', /one of drop, reset, refuse/],
    ['100; 1+2 one-way drop a', /written as a>b/],
    ['100; 1+2 clock-skew much a', /much is not a number/],
    ['100; 1+2 kill %zz', /%zz is not a name/],
  ])('refuse %j', (text, message) => {
    expect(() => parseSchedule(text)).toThrow(message)
  })
})

/** The one node that is killed, or that each of the cut ways begins or ends at. */
function victimOf(action: FaultAction): string | undefined {
  if (action.type === 'kill') return action.nodes[0]
  if (action.type !== 'one-way') return undefined
  return ['db-1', 'db-2', 'db-3'].find((name) =>
    action.ways.every(({ from, to }) => [from, to].includes(name)),
  )
}
