import type { History } from '../history.ts'
import type { CheckResult } from '../result.ts'
import { UsageError } from './arguments.ts'
import type { Entry, RunOptions } from './entry.ts'
import { INVARIANTS } from './invariant-checks.ts'
import { ISOLATION } from './isolation-checks.ts'
import { LINEARIZABLE } from './linearizable-checks.ts'

/** A model and a level, ready to run. */
export interface Check {
  readonly name: string
  readonly level: string | undefined
  run(history: History, options: RunOptions): CheckResult
}

/** By kind, in the order of `--help`. */
export const KINDS: readonly (readonly [kind: string, entries: readonly Entry[]])[] = [
  ['linearizable', LINEARIZABLE],
  ['isolation and sessions', ISOLATION],
  ['invariants', INVARIANTS],
]

const ALL: ReadonlyMap<string, Entry> = new Map(
  KINDS.flatMap(([, entries]) => entries).flatMap((entry) =>
    [entry.name, ...(entry.aliases ?? [])].map((name) => [name, entry] as const),
  ),
)

/** @throws UsageError if there is no such model, or it has no such level. */
export function checkOf(model: string, level?: string): Check {
  const entry = ALL.get(model)
  if (entry === undefined)
    throw new UsageError(`no model ${JSON.stringify(model)}; there are ${namesOfModels()}`)
  if (entry.levelOf === undefined && level !== undefined)
    throw new UsageError(`the model ${entry.name} has no levels, so --level ${level} says nothing`)
  return {
    name: entry.name,
    level: levelOf(entry, level),
    run: (history, options) => run(entry, history, options),
  }
}

export function namesOfModels(): string {
  return KINDS.flatMap(([, entries]) => entries.map(({ name }) => name)).join(', ')
}

function levelOf(entry: Entry, level = entry.defaultLevel): string | undefined {
  if (level === undefined || entry.levelOf === undefined) return undefined
  try {
    return entry.levelOf(level)
  } catch (error) {
    throw error instanceof RangeError ? new UsageError(error.message) : error
  }
}

function run(entry: Entry, history: History, options: RunOptions): CheckResult {
  const { assumptions = [] } = entry
  const strange = options.assume.find((name) => !assumptions.includes(name))
  if (strange !== undefined)
    throw new UsageError(
      assumptions.length === 0
        ? `the model ${entry.name} takes no --assume`
        : `no assumption ${JSON.stringify(strange)}; there are ${assumptions.join(', ')}`,
    )
  try {
    return entry.run(history, options)
  } catch (error) {
    // An option that makes no sense for this history, or is missing. Node's own errors (a stack that is full) are not worded so.
    throw (error instanceof RangeError || error instanceof TypeError) &&
      /^Cannot check |must /.test(error.message)
      ? new UsageError(error.message)
      : error
  }
}
