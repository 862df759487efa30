import type { History } from '../history.ts'
import type { CheckResult } from '../result.ts'
import { causalFindings } from './causal-findings.ts'
import { checkWeakly, type WeakCheckOptions } from './weak-check.ts'

/** `cc`: causal consistency. `ccv`: causal convergence: and all replicas agree on the order of versions. */
export type CausalVariant = 'cc' | 'ccv'

export interface CausalOptions extends WeakCheckOptions {
  /** Default `ccv`, which is what isolation levels call causal. */
  readonly variant?: CausalVariant | undefined
}

/**
 * Did every process see causes before their effects? An operation comes after another one if it follows it in
 * its process, reads what it wrote, or by any chain of these (`co`).
 *
 * - `cc` holds if each read, by itself, can be explained by some order of the operations before it.
 * - `ccv` holds if one order of all writes explains every read: the last write of the key among those before it.
 *
 * Violations, after Bouajjani, Enea, Guerraoui and Hamza, "On Verifying Causal Consistency", POPL 2017:
 * - `CyclicCO`: operations that come before themselves.
 * - `thin-air-read`: a value nobody wrote. `G1a`, `G1b`, `future-read`, `internal`: one that nobody should see.
 * - `WriteCOInitRead`: the initial value, read after a write.
 * - `WriteCORead`: a value, read after a write that came after its own.
 * - `CyclicCF` (`ccv`): reads that need opposite orders of the same writes. One such cycle is named, others may exist.
 *
 * For histories of single reads and writes these are exact. A `txn` counts as one operation: it comes after all
 * that its reads read from. With `ccv` that is transactional causal consistency, exact as well; with `cc` its reads are judged one by one.
 *
 * `unknown` if values are written twice and that matters, or the budget ends. Takes O(n·k) time and memory for
 * n operations of k processes.
 * @throws HistoryContentError if the history is not one of registers.
 */
export function checkCausal(history: History, options: CausalOptions = {}): CheckResult {
  const { variant = 'ccv' } = options
  if (variant !== 'cc' && variant !== 'ccv')
    throw new RangeError(`variant must be 'cc' or 'ccv', got '${String(variant)}'`)
  const promise = variant === 'cc' ? 'causal consistency' : 'causal convergence'
  return checkWeakly(history, promise, options, (input) => causalFindings(input, variant))
}
