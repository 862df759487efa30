import { isCountable } from './balance.ts'
import type { Meter } from './meter.ts'
import { decisionOf } from './model-decision.ts'
import type { Part } from './part.ts'
import type { Problem } from './problem.ts'
import { type Decision, search } from './search.ts'
import { decideUniqueValues } from './unique-values.ts'

/**
 * How to decide: `auto` sorts where values are unique (registers, queues) and searches elsewhere; `search` always searches.
 */
export type Algorithm = 'auto' | 'search'

/** Configurations of the first search, for each operation; a history without errors takes less than one. */
const SHORT_SEARCH = 4

/**
 * Is there an order? First a short search, which suffices for almost all histories and says exactly how far it got;
 * then one with foresight, where the model allows it.
 */
export function decide<S>(part: Part<S>, problem: Problem, algorithm: Algorithm, meter: Meter): Decision {
  const sorted = algorithm === 'auto' ? decideBySorting(part, problem) : undefined
  if (sorted !== undefined) return sorted
  if (!isCountable(part)) return search(part, problem, meter)
  const short = search(part, problem, meter, { maxConfigurations: 10_000 + SHORT_SEARCH * problem.count })
  if (short.verdict !== 'unknown' || meter.exhausted !== undefined) return short
  const { configurations, ...decision } = search(part, problem, meter, { hasForesight: true })
  return { ...decision, configurations: configurations + short.configurations }
}

function decideBySorting<S>(part: Part<S>, problem: Problem): Decision | undefined {
  return decideUniqueValues(part, problem) ?? decisionOf(part.transitions.model)?.(part, problem)
}
