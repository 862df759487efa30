import type { Fault } from './faults.ts'
import type { FailureKind, Run } from './history.ts'
import type { Plan, PlannedOperation } from './plan.ts'
import { completePlan, runPlan } from './run.ts'
import type { Scenario } from './scenario.ts'

/** Options of shrinking. */
export interface ShrinkOptions {
  /** No more runs than this. Default 10,000. */
  readonly maxRuns?: number | undefined
  /**
   * How many rerolls of the network each smaller plan gets to fail in: what is taken away shifts the chance of what
   * is left. Default 16.
   */
  readonly salts?: number | undefined
  /** No more events than this in all these runs, so that long runs do not shrink for hours. Default 10,000,000. */
  readonly maxEvents?: number | undefined
}

/** What shrinking came to. */
export interface Shrunk {
  readonly plan: Plan
  readonly runs: number
  /** Taking away any one operation or fault makes it pass, with every salt. `false`: a limit or the signal ended the search. */
  readonly isMinimal: boolean
}

interface Parts extends Plan {
  readonly salt: number
  readonly operations: readonly PlannedOperation[]
  readonly faults: readonly Fault[]
}

/** Makes a failing plan smaller while it fails in the same way (delta debugging: Zeller and Hildebrandt, TSE 2002). */
export async function shrinkPlan<Api, Call, Output>(
  scenario: Scenario<Api, Call, Output>,
  plan: Plan,
  kind: FailureKind,
  {
    maxRuns = 10_000,
    salts = 16,
    maxEvents = 10_000_000,
    signal,
  }: ShrinkOptions & { readonly signal?: AbortSignal | undefined } = {},
): Promise<Shrunk> {
  const full = completePlan(scenario, plan)
  let best: Parts = {
    seed: full.seed,
    salt: full.salt,
    operations: plan.operations ?? full.operations.map(({ planned }) => ({ index: planned })),
    faults: full.faults,
  }
  let runs = 0
  let events = 0
  const isOver = (): boolean => runs >= maxRuns || events >= maxEvents || signal?.aborted === true
  const failsWith = async (smaller: Parts): Promise<boolean> => {
    const others = Array.from({ length: salts }, (_, salt) => salt).filter((salt) => salt !== best.salt)
    for (const salt of [best.salt, ...others]) {
      if (isOver()) return false
      runs++
      const { problem, stats }: Run = await runPlan(scenario, { ...smaller, salt })
      events += stats.events
      if (problem?.kind !== kind) continue
      best = { ...smaller, salt }
      return true
    }
    return false
  }
  const wait = (index: number): number =>
    full.operations.find(({ planned }) => planned === index)?.afterMs ?? 0

  for (;;) {
    const before = best
    await minimize(best.faults, (faults) => failsWith({ ...best, faults }))
    await minimize(best.operations, (operations) => failsWith({ ...best, operations }))
    for (let index = 0; index < best.faults.length; index++) {
      await firstOf(
        () => simplerFaults(best.faults[index] as Fault),
        (fault) => failsWith({ ...best, faults: best.faults.with(index, fault) }),
      )
    }
    for (let index = 0; index < best.operations.length; index++) {
      await firstOf(
        () => {
          const operation = best.operations[index] as PlannedOperation
          return numbersBelow(operation.afterMs ?? wait(operation.index), 0).map((afterMs) => ({
            ...operation,
            afterMs,
          }))
        },
        (operation) => failsWith({ ...best, operations: best.operations.with(index, operation) }),
      )
    }
    if (best === before || isOver()) break
  }
  return { plan: best, runs, isMinimal: !isOver() }
}

/**
 * A part of the items that still fails, of which none can be left out: halves first, then ever smaller pieces, then
 * single items until a whole round changes nothing.
 */
export async function minimize<T>(
  items: readonly T[],
  fails: (subset: readonly T[]) => Promise<boolean>,
): Promise<readonly T[]> {
  let current = items
  let size = Math.max(1, items.length)
  for (;;) {
    let removed = false
    for (let from = 0; from < current.length;) {
      const rest = [...current.slice(0, from), ...current.slice(from + size)]
      if (await fails(rest)) {
        current = rest
        removed = true
      } else from += size
    }
    if (size > 1) size = Math.ceil(size / 2)
    else if (!removed) return current
  }
}

/** Takes the first candidate that fails, and looks for one simpler than that. */
async function firstOf<T>(
  candidates: () => readonly T[],
  fails: (candidate: T) => Promise<boolean>,
): Promise<void> {
  for (let found = true; found;) {
    found = false
    for (const candidate of candidates()) {
      if (!(await fails(candidate))) continue
      found = true
      break
    }
  }
}

/** Smaller numbers, the smallest first. */
function numbersBelow(value: number, least: number): number[] {
  const tries = [least, Math.floor(value / 4), Math.floor(value / 2), Math.floor(value * 0.9)]
  return [...new Set(tries)].filter((one) => one >= least && one < value)
}

function simplerFaults(fault: Fault): Fault[] {
  const shorter = numbersBelow(fault.forMs, 1).map((forMs) => ({ ...fault, forMs }))
  const earlier = numbersBelow(fault.atMs, 0).map((atMs) => ({ ...fault, atMs }))
  return [...simplerKind(fault), ...shorter, ...earlier]
}

function simplerKind(fault: Fault): Fault[] {
  switch (fault.kind) {
    case 'crash':
      return fault.mixed ? [{ ...fault, mixed: false }] : []
    case 'cut':
      return [
        ...(fault.bothWays
          ? [
              { ...fault, bothWays: false },
              { ...fault, bothWays: false, from: fault.to, to: fault.from },
            ]
          : []),
        ...withoutOne(fault.from).map((from) => ({ ...fault, from })),
        ...withoutOne(fault.to).map((to) => ({ ...fault, to })),
      ]
    case 'delay':
      return numbersBelow(fault.upToMs, 1).map((upToMs) => ({ ...fault, upToMs }))
    case 'slow-disk':
      return numbersBelow(fault.byMs, 1).map((byMs) => ({ ...fault, byMs }))
    case 'pause':
    case 'loss':
    case 'duplicate':
    case 'skew':
    case 'drift':
      return []
    default:
      return fault satisfies never
  }
}

const withoutOne = <T>(items: readonly T[]): T[][] =>
  items.length < 2 ? [] : items.map((_, index) => items.toSpliced(index, 1))
