import type { BudgetOptions } from '../budget.ts'
import type { History } from '../history.ts'
import type { CheckResult } from '../result.ts'

export interface RunOptions extends BudgetOptions {
  readonly level: string | undefined
  readonly assume: readonly string[]
}

/** What `--model` can name. */
export interface Entry {
  readonly name: string
  /** What else it is called. */
  readonly aliases?: readonly string[]
  /** One line for `--help`. */
  readonly about: string
  /** Taken if `--level` is not given; a model without one has no levels. */
  readonly defaultLevel?: string
  /** The name that the level goes by. @throws RangeError if there is no such level. */
  readonly levelOf?: (level: string) => string
  /** What `--assume` may name. Default: nothing. */
  readonly assumptions?: readonly string[]
  run(history: History, options: RunOptions): CheckResult
}
