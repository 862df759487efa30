import type { KeyValues, Version } from './types.ts'

/**
 * Facts about conflicts, in the order they were found.
 * - `stale`, `gone`: a conditional update or delete was refused, before its error is thrown.
 * - `refused`: the database skipped a conditional write or an insert without an error, before its error is thrown.
 * - `short`: a conditional adjustment was refused; `keys` are those that caused it, where that is known.
 * - `retry`: an attempt of `mutate()` met a conflict (`attempt`, 1 first) and is repeated if time allows.
 */
export type OptimisticEvent =
  | {
      readonly type: 'stale'
      readonly table: string
      readonly key: KeyValues
      readonly expected: Version
      readonly actual: Version | undefined
    }
  | { readonly type: 'gone' | 'refused'; readonly table: string; readonly key: KeyValues }
  | { readonly type: 'short'; readonly table: string; readonly keys: readonly KeyValues[] }
  | {
      readonly type: 'retry'
      readonly table: string
      readonly key: KeyValues
      readonly attempt: number
      readonly cause: unknown
    }
