import { median, spread } from './statistics.ts'

/** What one round of a case measured, by metric. */
export type Sample = Readonly<Record<string, number>>

/** One contestant of a group. */
export interface Case {
  /** Name in the table, for example `quorate` or `hashring`. */
  readonly name: string
  /** Does the work once and says what it measured: every metric of the group but those it lacks, no other. */
  readonly round: (round: number) => Sample | Promise<Sample>
  /** Metrics of the group that mean nothing for this case. Default: none. */
  readonly lacks?: readonly string[]
  /** For work too slow for all rounds: how many count; 1 is one round and no warm-up. Default: all. */
  readonly maxRounds?: number
  /** Called once after the last round of the group, also when a case failed. */
  readonly close?: () => void | Promise<void>
}

/** Cases that do the same work and are compared with each other. */
export interface Group {
  readonly title: string
  /** Metric → unit, in the order of the table's columns. */
  readonly units: Readonly<Record<string, string>>
  readonly cases: readonly Case[]
}

/** One figure: the median over the rounds. */
export interface Figure {
  readonly name: string
  readonly metric: string
  readonly unit: string
  readonly value: number
  /** Half the range of the rounds, as a share of the median. */
  readonly spread: number
}

/**
 * Runs each case once per round, in an order rotated by one each round, drops the first round (the
 * warm-up) and takes medians.
 *
 * @param rounds how many rounds count, at least 1.
 * @param before called before each case, for example to collect garbage and to show progress.
 */
export async function runGroup(
  group: Group,
  rounds: number,
  before: (caseName: string, round: number) => void = () => {},
): Promise<Figure[]> {
  checkNames(group)
  const samples = new Map<string, Sample[]>(group.cases.map(({ name }) => [name, []]))
  try {
    for (let round = 0; round <= rounds; round++) {
      for (const current of rotated(group.cases, round)) {
        const { maxRounds } = current
        if (maxRounds !== undefined && (round > maxRounds || (round === 0 && maxRounds === 1))) continue
        before(current.name, round)
        const sample = await current.round(round)
        checkSample(group, current, sample)
        if (round > 0) samples.get(current.name)?.push(sample)
      }
    }
  } finally {
    await Promise.all(group.cases.map(async (current) => current.close?.()))
  }
  return group.cases.flatMap(({ name, lacks = [] }) =>
    Object.entries(group.units).flatMap(([metric, unit]) => {
      if (lacks.includes(metric)) return []
      const values = (samples.get(name) ?? []).map((sample) => sample[metric] ?? Number.NaN)
      return [{ name, metric, unit, value: median(values), spread: spread(values) }]
    }),
  )
}

/** The cases that run fewer rounds than the others, in words; empty if there are none. */
export function fewerRounds(groups: readonly Group[], rounds: number): string {
  const few = groups.flatMap(({ title, cases }) =>
    cases.flatMap(({ name, maxRounds = Infinity }) => {
      if (maxRounds === 1) return [`${name} in "${title}": one, no warm-up`]
      return maxRounds < rounds ? [`${name} in "${title}": ${maxRounds}`] : []
    }),
  )
  return few.length === 0 ? '' : ` (fewer rounds for ${few.join('; ')})`
}

/** The list starting at `by`, the skipped ones last. */
export function rotated<T>(list: readonly T[], by: number): T[] {
  const start = list.length === 0 ? 0 : by % list.length
  return [...list.slice(start), ...list.slice(0, start)]
}

function checkNames({ title, units, cases }: Group): void {
  const names = cases.map(({ name }) => name)
  if (new Set(names).size < names.length) {
    throw new RangeError(`Cannot run group "${title}": two cases have the same name; give each its own`)
  }
  for (const { name, lacks = [], maxRounds = 1 } of cases) {
    const unknown = lacks.filter((metric) => !(metric in units))
    if (unknown.length > 0) {
      throw new RangeError(
        `Cannot run "${name}" in "${title}": it lacks ${unknown.join(', ')}, which the group does not measure`,
      )
    }
    if (!Number.isInteger(maxRounds) || maxRounds < 1) {
      throw new RangeError(
        `Cannot run "${name}" in "${title}": maxRounds must be a whole number from 1, got ${maxRounds}`,
      )
    }
  }
}

function checkSample(group: Group, { name: caseName, lacks = [] }: Case, sample: Sample): void {
  const expected = Object.keys(group.units)
    .filter((metric) => !lacks.includes(metric))
    .toSorted()
  const actual = Object.keys(sample).toSorted()
  if (expected.join('\n') !== actual.join('\n')) {
    throw new RangeError(
      `Cannot use the round of "${caseName}" in "${group.title}": it must measure ` +
        `${expected.join(', ')}, got ${actual.join(', ')}`,
    )
  }
  for (const [metric, value] of Object.entries(sample)) {
    if (!Number.isFinite(value)) {
      throw new RangeError(`Cannot use the round of "${caseName}" in "${group.title}": ${metric} is ${value}`)
    }
  }
}
