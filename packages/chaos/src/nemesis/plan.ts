import { seededRandom, type Random } from '@quorate/core'
import { integerIn, shuffled, validateRange, type Range } from './chance.ts'
import { fits, type Keep, type Overlap } from './conflicts.ts'
import type { NemesisFault } from './faults.ts'
import { endMs, type Schedule, type ScheduledFault } from './schedule.ts'
import type { Topology } from './topology.ts'

/** When faults come, and what they must leave whole. */
export interface PlanOptions {
  /** Pause between the beginnings of two faults, ms. Default `[500, 2000]`. */
  readonly everyMs?: Range | undefined
  /** How long a fault lasts, ms. Default: as `everyMs`. */
  readonly lastsMs?: Range | undefined
  /** Length of the whole, ms; every fault ends by then. */
  readonly forMs: number
  /**
   * What no combination of faults may take from a group of nodes (clients do not count): more than half of
   * it, or its last node, by kills, pauses and being on a smaller side of a partition. Default `none`.
   */
  readonly keep?: Keep | undefined
  /**
   * `compatible`: several faults at a time, but never two on one node or one link, and never two
   * partitions. `none`: one at a time. `any`: also those that contradict each other. Default `compatible`.
   */
  readonly overlap?: Overlap | undefined
}

/** Other choices of the same kind, for example another node, before another kind of fault gets its turn. */
const TRIES = 8

/**
 * The faults that a nemesis will cause: a pure function of the seed, the names, roles, groups and links of the
 * topology, the faults and the options.
 *
 * @throws RangeError, TypeError for options that make no sense, or no fault at all.
 *
 * @example
 * ```ts
 * const schedule = planNemesis(topology, [partition('one'), kill('primary')], { seed: 42, forMs: 30_000 })
 * console.log(formatSchedule(schedule))
 * ```
 */
export function planNemesis(
  topology: Topology,
  faults: readonly NemesisFault[],
  { seed, ...options }: PlanOptions & { readonly seed: number | string },
): Schedule {
  const { forMs, keep, overlap, everyMs, lastsMs } = checked(faults, options)
  const random = seededRandom(seed)
  const planned: ScheduledFault[] = []
  for (let atMs = integerIn(everyMs, random); atMs < forMs; atMs += integerIn(everyMs, random)) {
    const time = { atMs, lastsMs: Math.min(integerIn(lastsMs, random), forMs - atMs) }
    const holding = planned.filter((earlier) => endMs(earlier) > atMs)
    const chosen = choose(faults, time, { random, topology, holding, keep, overlap })
    if (chosen !== undefined) planned.push(chosen)
  }
  return { forMs, faults: planned }
}

function choose(
  faults: readonly NemesisFault[],
  time: Pick<ScheduledFault, 'atMs' | 'lastsMs'>,
  context: { random: Random; topology: Topology; holding: ScheduledFault[]; keep: Keep; overlap: Overlap },
): ScheduledFault | undefined {
  const { random, topology, holding } = context
  for (const kind of shuffled(faults, random)) {
    for (let attempt = 0; attempt < TRIES; attempt++) {
      const action = kind.choose(topology, random)
      if (action === undefined) break
      const fault = { ...time, action }
      if (fits(fault, holding, context)) return fault
    }
  }
  return undefined
}

function checked(faults: readonly NemesisFault[], options: PlanOptions): Required<NoUndefined<PlanOptions>> {
  const { everyMs = [500, 2_000], lastsMs = everyMs, forMs, keep = 'none', overlap = 'compatible' } = options
  if (faults.length === 0) {
    throw new TypeError('Cannot plan faults: there must be at least one, got none; pass one, as in [kill(…)]')
  }
  validateRange('everyMs', everyMs, 1)
  validateRange('lastsMs', lastsMs, 0)
  if (!Number.isFinite(forMs) || forMs < 0) {
    throw new RangeError(`Cannot plan faults: forMs must be a finite number from 0, got ${forMs}`)
  }
  oneOf('keep', keep, ['majority', 'one', 'none'])
  oneOf('overlap', overlap, ['none', 'compatible', 'any'])
  return { everyMs, lastsMs, forMs: Math.round(forMs), keep, overlap }
}

function oneOf(name: string, value: string, words: readonly string[]): void {
  if (words.includes(value)) return
  throw new TypeError(`Cannot plan faults: ${name} must be one of ${words.join(', ')}, got ${value}`)
}

type NoUndefined<T> = { [K in keyof T]: Exclude<T[K], undefined> }
