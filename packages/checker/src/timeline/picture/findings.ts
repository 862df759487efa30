import type { Key } from '../../operation.ts'
import type { CheckResult, Edge } from '../../result.ts'

/** A {@link CheckResult} as the picture needs it: what is wrong, by indices of the history. */
export interface Wrong {
  readonly name: string
  readonly message: string
  /** The offending one first. */
  readonly operations: readonly number[]
  readonly edges: readonly Edge[]
  readonly key: Key | undefined
}

/** Findings beyond this many are counted, not shown. */
const MAX_FINDINGS = 100

/** Everything a check found; what a counterexample says comes first. */
export function wrongsOf(result: CheckResult | undefined): Wrong[] {
  if (result === undefined) return []
  const wrongs = result.violations
    .slice(0, MAX_FINDINGS)
    .map(({ name, message, operations, edges = [], key }) => ({ name, message, operations, edges, key }))
  const found = result.counterexample
  if (found === undefined) return wrongs
  const operations = [...new Set([found.firstBad, ...found.minimal])]
  const at = Math.max(
    0,
    wrongs.findIndex((one) => one.operations.includes(found.firstBad)),
  )
  const { name = 'not-linearizable', message = `#${found.firstBad} has no place in any order` } =
    wrongs[at] ?? {}
  return [
    { name, message, operations, edges: [], key: found.key },
    ...wrongs.filter((_, index) => index !== at),
  ]
}
