import { COMMITTED, OBSERVED } from '../../transactions/register-transactions.ts'
import type { Meter } from './meter.ts'
import type { Problem } from './problem.ts'
import { emptyStats, solveMembers } from './solve-members.ts'

export interface Core {
  /** Members that cannot all be explained together. */
  readonly members: Int32Array
  /** `false` if the budget ended before it was known that each of them is needed. */
  readonly isMinimal: boolean
}

/**
 * The smallest set that can be had by leaving transactions out one after the other, first in halves, then in quarters …
 * Leaving one out never breaks a promise, so one pass at each size is enough. `undefined`: `members` keep the promise, or the budget is spent.
 */
export function shrink(problem: Problem, members: Int32Array, meter: Meter): Core | undefined {
  const isBroken = (some: Int32Array): boolean => {
    const attempt = meter.sub(Infinity)
    return solveMembers(problem, some, attempt, emptyStats()).result.kind === 'cyclic'
  }
  let core = justified(problem, members)
  if (!isBroken(core)) return undefined
  for (let size = Math.ceil(core.length / 2); ; size = Math.ceil(size / 2)) {
    for (let end = core.length; end > 0; end -= size) {
      if (meter.isSpent()) return { members: core, isMinimal: false }
      const start = Math.max(0, end - size)
      const fewer = justified(
        problem,
        core.filter((_, i) => i < start || i >= end),
      )
      if (isBroken(fewer)) core = fewer
    }
    if (size === 1) return { members: core, isMinimal: true }
  }
}

/** Without those of unknown status that nobody among the others has read from: they may not have happened. */
function justified(problem: Problem, members: Int32Array): Int32Array {
  const { status, eventStart, eventTransaction, source } = problem.transactions
  if (!members.some((t) => status[t] === OBSERVED)) return members
  const observed = new Set<number>()
  for (const t of members) {
    if (status[t] !== COMMITTED) continue
    for (let event = eventStart[t] as number; event < (eventStart[t + 1] as number); event++) {
      const write = source[event] as number
      if (write !== -1) observed.add(eventTransaction[write] as number)
    }
  }
  return members.filter((t) => status[t] === COMMITTED || observed.has(t))
}
