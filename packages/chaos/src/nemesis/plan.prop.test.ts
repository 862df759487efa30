import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fakeWorld } from '../../test/fake-world.ts'
import type { Keep } from './conflicts.ts'
import { clockSkew, kill, partition, pause, slowLinks } from './faults.ts'
import { planNemesis } from './plan.ts'
import { formatSchedule, parseSchedule } from './schedule-text.ts'
import { endMs, type FaultAction, type Schedule } from './schedule.ts'

const ALL = [
  partition('one'),
  partition('one', { role: 'client' }),
  partition('majority', { clients: 'cut', mode: ['drop', 'reset', 'refuse'] }),
  partition('ring'),
  partition('one', { direction: 'out' }),
  partition('primaries'),
  kill('primary'),
  kill('minority'),
  pause('one'),
  pause('client'),
  clockSkew('one', { ms: [-3_000, 3_000] }),
  slowLinks('one', { ms: [50, 200], jitterMs: [0, 20] }),
  slowLinks('replica', { ms: [50, 200] }),
]

const plans = fc.record({
  seed: fc.integer(),
  nodes: fc.integer({ min: 1, max: 6 }),
  keep: fc.constantFrom<Keep>('majority', 'one', 'none'),
})
const planOf = ({ seed, nodes, keep }: { seed: number; nodes: number; keep: Keep }): Schedule =>
  planNemesis(fakeWorld(nodes), ALL, { seed, keep, everyMs: [100, 900], forMs: 20_000 })

/** Groups of faults that hold at one moment: every beginning is such a moment. */
function moments({ faults }: Schedule): FaultAction[][] {
  return faults.map(({ atMs }) =>
    faults.filter((other) => other.atMs <= atMs && endMs(other) > atMs).map(({ action }) => action),
  )
}

/** Cut one way, a lone node is alone as well; in a ring each is in both roles, and nobody is. */
function sidesOf(cut: FaultAction, servers: readonly string[]): readonly (readonly string[])[] {
  if (cut.type === 'partition') return cut.sides
  if (cut.type !== 'one-way') return []
  const alone = servers.filter((name) => cut.ways.every(({ from }) => from === name))
  return alone.length === 0 ? [servers] : [alone, servers.filter((name) => !alone.includes(name))]
}

describe('planNemesis()', () => {
  it('is a pure function of its input', () => {
    fc.assert(
      fc.property(plans, (plan) => {
        expect(planOf(plan)).toEqual(planOf(plan))
      }),
    )
  })

  it('prints schedules that parseSchedule() reads, on one line', () => {
    fc.assert(
      fc.property(plans, (plan) => {
        const schedule = planOf(plan)
        const text = formatSchedule(schedule)
        expect(text).not.toContain('\n')
        expect(parseSchedule(text)).toEqual(schedule)
      }),
    )
  })

  it('begins and ends every fault in its time, in order', () => {
    fc.assert(
      fc.property(plans, (plan) => {
        const { faults } = planOf(plan)
        expect(faults).toEqual(faults.toSorted((a, b) => a.atMs - b.atMs))
        for (const fault of faults) {
          expect(fault.atMs).toBeGreaterThan(0)
          expect(endMs(fault)).toBeLessThanOrEqual(20_000)
        }
      }),
    )
  })

  it('never hits a node or a link twice at once, nor cuts the network twice', () => {
    let overlaps = 0
    fc.assert(
      fc.property(plans, (plan) => {
        for (const actions of moments(planOf(plan))) {
          if (actions.length > 1) overlaps++
          const nodes = actions.flatMap((action) => ('nodes' in action ? action.nodes : []))
          expect(nodes).toHaveLength(new Set(nodes).size)
          const cuts = actions.filter(({ type }) => type === 'partition' || type === 'one-way')
          expect(cuts.length).toBeLessThanOrEqual(1)
        }
      }),
    )
    expect(overlaps).toBeGreaterThan(100)
  })

  it('keeps what it is told to keep', () => {
    fc.assert(
      fc.property(plans, ({ seed, nodes }) => {
        for (const keep of ['majority', 'one'] as const) {
          for (const actions of moments(planOf({ seed, nodes, keep }))) {
            const down = new Set(
              actions.flatMap((action) =>
                action.type === 'kill' || action.type === 'pause' ? action.nodes : [],
              ),
            )
            const servers = Array.from({ length: nodes }, (_, at) => `db-${at + 1}`)
            // A partition leaves the largest side; who is not on any side reaches all.
            const cut = actions.find(({ type }) => type === 'partition' || type === 'one-way')
            const sides = cut === undefined ? [servers] : sidesOf(cut, servers)
            const best = Math.max(
              ...sides.map((side) => servers.filter((one) => side.includes(one) && !down.has(one)).length),
            )
            const aside = servers.filter((one) => !sides.flat().includes(one) && !down.has(one)).length
            expect(best + aside).toBeGreaterThanOrEqual(keep === 'one' ? 1 : Math.floor(nodes / 2) + 1)
          }
        }
      }),
    )
  })

  it('uses every kind of fault that the topology allows', () => {
    const { faults } = planNemesis(fakeWorld(5), ALL, { seed: 1, forMs: 300_000 })
    const types = new Set(faults.map(({ action }) => action.type))
    expect(types).toEqual(new Set(['partition', 'one-way', 'kill', 'pause', 'slow-links']))
  })
})
