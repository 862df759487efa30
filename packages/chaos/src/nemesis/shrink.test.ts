import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { fakeWorld } from '../../test/fake-world.ts'
import { kill, pause, slowLinks } from './faults.ts'
import { planNemesis } from './plan.ts'
import { formatSchedule, parseSchedule } from './schedule-text.ts'
import { endMs, type Schedule } from './schedule.ts'
import { shrinkSchedule } from './shrink.ts'

const plan = (seed: number): Schedule =>
  planNemesis(fakeWorld(5), [kill('one'), pause('one'), slowLinks('one', { ms: [1, 9] })], {
    seed,
    forMs: 30_000,
  })

/** Fails if it has all of some faults of the original, recognised by what they do. */
const needs =
  (wanted: ReadonlySet<string>) =>
  ({ faults }: Schedule): boolean => {
    const there = new Set(faults.map(({ action }) => JSON.stringify(action)))
    return [...wanted].every((one) => there.has(one))
  }

describe('shrinkSchedule()', () => {
  it('finds exactly the faults that matter, whichever they are', async () => {
    await fc.assert(
      fc.asyncProperty(fc.integer(), fc.infiniteStream(fc.boolean()), async (seed, picks) => {
        const schedule = plan(seed)
        const actions = [...new Set(schedule.faults.map(({ action }) => JSON.stringify(action)))]
        const wanted = new Set(actions.filter(() => picks.next().value === true).slice(0, 4))
        const { schedule: found, isMinimal, runs } = await shrinkSchedule(schedule, needs(wanted))
        expect(new Set(found.faults.map(({ action }) => JSON.stringify(action)))).toEqual(wanted)
        expect(found.faults).toHaveLength(wanted.size)
        expect(isMinimal).toBe(true)
        expect(runs).toBeLessThanOrEqual(200)
      }),
      { numRuns: 50 },
    )
  })

  it('is 1-minimal even when a fault matters only in company', async () => {
    const schedule = plan(3)
    // Any three faults will do.
    const { schedule: found } = await shrinkSchedule(schedule, ({ faults }) => faults.length >= 3)
    expect(found.faults).toHaveLength(3)
  })

  it('makes faults shorter and moves them together', async () => {
    const schedule = plan(3)
    const longest = (one: Schedule): number => Math.max(0, ...one.faults.map(({ lastsMs }) => lastsMs))
    const { schedule: found } = await shrinkSchedule(schedule, (one) => longest(one) >= 200)
    expect(found.faults).toHaveLength(1)
    expect(longest(found)).toBeLessThan(400)
    expect(found.faults[0]?.atMs).toBe(50)
    expect(found.forMs).toBe(Math.max(...found.faults.map(endMs)))
  })

  it('leaves out what has become superfluous because another fault is shorter', async () => {
    const text = '1000; 100+400 kill db-1; 200+400 pause db-2'
    const { schedule: found } = await shrinkSchedule(parseSchedule(text), ({ faults }) => {
      const [first, second] = faults
      return first?.action.type === 'kill' && (second !== undefined || first.lastsMs < 200)
    })
    expect(formatSchedule(found)).toBe('100; 50+50 kill db-1')
  })

  it('asks nothing twice', async () => {
    const asked: string[] = []
    await shrinkSchedule(plan(3), (one) => {
      asked.push(formatSchedule(one))
      return one.faults.length >= 2
    })
    expect(asked.length).toBeGreaterThan(10)
    expect(new Set(asked).size).toBe(asked.length)
  })

  it('stops when told, with the best so far', async () => {
    const asked: string[] = []
    const schedule = plan(3)
    const fails = (one: Schedule): boolean => {
      asked.push(formatSchedule(one))
      return one.faults.length >= 2
    }
    const result = await shrinkSchedule(schedule, fails, { maxRuns: 6 })
    expect(asked).toHaveLength(6)
    expect(result).toMatchObject({ runs: 6, isMinimal: false })
    expect(fails(result.schedule)).toBe(true)
  })

  it('refuses a schedule that does not fail', async () => {
    await expect(shrinkSchedule(plan(1), () => false)).rejects.toThrow(RangeError)
  })
})
