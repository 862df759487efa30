import type { Meter } from './meter.ts'
import type { Part } from './part.ts'
import type { Problem } from './problem.ts'
import { type Decision, search } from './search.ts'
import { decideUniqueValues } from './unique-values.ts'

/**
 * How to decide: `auto` sorts where values are unique and searches elsewhere; `search` always searches.
 */
export type Algorithm = 'auto' | 'search'

/** Is there an order? */
export function decide<S>(part: Part<S>, problem: Problem, algorithm: Algorithm, meter: Meter): Decision {
  const sorted = algorithm === 'auto' ? decideUniqueValues(part, problem) : undefined
  return sorted ?? search(part, problem, meter)
}
