import type { BudgetOptions } from '../budget.ts'
import type { History } from '../history.ts'
import type { Operation } from '../operation.ts'
import type { CheckResult, Counterexample } from '../result.ts'
import { type Algorithm, decide } from './decide.ts'
import { explain, violationOf } from './explain.ts'
import { Meter } from './meter.ts'
import { initialOf, type InitialOptions, type Model } from './model.ts'
import { type Part, partsOf } from './part.ts'
import { wholeOf } from './problem.ts'
import type { Decision } from './search.ts'

/** Options of {@link checkLinearizable}. */
export interface LinearizableOptions extends BudgetOptions, InitialOptions {
  /**
   * Which objects an operation is about; operations that share none are checked apart. Default: what the model says.
   * `() => undefined` checks everything as one object.
   */
  readonly partition?: Model<unknown>['partition']
  /** Look for the smallest set of operations that contradict each other? Default `true`; costs several checks more. */
  readonly minimize?: boolean | undefined
  /**
   * `search` tries orders even where sorting decides (registers and queues whose values are unique), which is slower and answers
   * the same. Default `auto`.
   */
  readonly algorithm?: Algorithm | undefined
  /** Objects whose violation is explained; `violationCount` counts the others too. Default 10. */
  readonly maxViolations?: number | undefined
}

/**
 * Is there an order of all operations that the model allows, and in which no operation comes before one that had
 * completed when it began (Herlihy and Wing, "Linearizability", 1990)? Operations of status `unknown` may be in it,
 * anywhere after their beginning, or not; those that failed are not.
 *
 * Deciding this is NP-complete (Gibbons and Korach 1997), so there is a budget; when it ends the verdict is
 * `unknown`, never a guess. Registers and queues whose values are unique are decided by sorting.
 *
 * @param model for instance `casRegister()`, or one of your own.
 * @returns if violated, `counterexample` says which operation has no place and why; if ok and there is one object,
 *   `witness` is such an order.
 * @throws HistoryContentError for an operation that the model does not know, or of the wrong shape.
 * @throws TypeError for a model that throws or does not return a state.
 * @throws RangeError for a bound that is not above 0.
 *
 * @example
 * ```ts
 * import { casRegister, checkLinearizable } from '@quorate/checker'
 * import { parseHistory } from '@quorate/checker/formats'
 *
 * const history = parseHistory(`
 *   {:process 0, :type :invoke, :f :write, :value 3}
 *   {:process 0, :type :ok,     :f :write, :value 3}
 *   {:process 1, :type :invoke, :f :read,  :value nil}
 *   {:process 1, :type :ok,     :f :read,  :value 4}`)
 * console.log(checkLinearizable(history, casRegister()).counterexample?.firstBad) // 1
 * ```
 */
export function checkLinearizable<S>(
  history: History,
  model: Model<S>,
  options: LinearizableOptions = {},
): CheckResult {
  const { algorithm = 'auto', minimize = true, maxViolations = 10 } = options
  requireModel(model)
  const promise = `linearizable ${model.name}`
  const meter = new Meter(options)
  if (!history.realTime) {
    const reason = 'the history has no real time: it says nothing of the order between processes'
    return { verdict: 'unknown', promise, violations: [], violationCount: 0, reason, stats: {} }
  }
  const partition = options.partition ?? model.partition?.bind(model)
  const parts = partsOf(history, model, partition, initialOf(model, history, options.initial))
  const { bad, unknown, configurations, witness } = decideAll(parts, algorithm, meter)

  const explained = bad
    .slice(0, maxViolations)
    .map(({ part, decision }) => explain(part, decision, { algorithm, minimize, meter }))
  const { operations } = history
  const violations = explained.map((counterexample) => violationOf(counterexample, operations, model.name))
  const stats = {
    operations: parts.reduce((sum, part) => sum + part.operations.length, 0),
    parts: parts.length,
    states: parts.reduce((sum, part) => sum + part.transitions.stateCount, 0),
    configurations,
  }
  const common = { promise, violations, violationCount: bad.length, stats }
  if (bad.length > 0)
    return { ...common, verdict: 'violated', counterexample: earliest(explained, operations) }
  if (unknown !== undefined) return { ...common, verdict: 'unknown', reason: unknown }
  return { ...common, verdict: 'ok', witness }
}

interface Outcome<S> {
  readonly bad: readonly { readonly part: Part<S>; readonly decision: Decision }[]
  readonly unknown: string | undefined
  readonly configurations: number
  readonly witness: readonly number[] | undefined
}

function decideAll<S>(parts: readonly Part<S>[], algorithm: Algorithm, meter: Meter): Outcome<S> {
  const bad: { part: Part<S>; decision: Decision }[] = []
  let unknown: string | undefined
  let configurations = 0
  let witness: number[] | undefined = parts.length === 0 ? [] : undefined
  for (const part of parts) {
    const step = meter.step()
    const decision = decide(part, wholeOf(part), algorithm, step)
    configurations += decision.configurations
    if (decision.verdict === 'violated') bad.push({ part, decision })
    else if (decision.verdict === 'unknown') {
      const key = part.key === undefined ? '' : ` of ${JSON.stringify(part.key)}`
      unknown ??= `${part.operations.length} operations${key} were not decided before ${step.exhausted}`
    } else if (parts.length === 1) witness = decision.order.map((place) => part.operations[place]!.index)
  }
  return { bad, unknown, configurations, witness }
}

/** The one whose offending operation completed first. */
function earliest(
  counterexamples: readonly Counterexample[],
  operations: readonly Operation[],
): Counterexample | undefined {
  const endOf = ({ firstBad }: Counterexample): number => operations[firstBad]!.end
  return counterexamples.toSorted((a, b) => endOf(a) - endOf(b))[0]
}

function requireModel(model: unknown): void {
  const { name, init, step } = (model ?? {}) as Partial<Model<unknown>>
  if (typeof name !== 'string' || typeof init !== 'function' || typeof step !== 'function')
    throw new TypeError(
      'The model must be an object with name, init() and step(); a factory must be called: casRegister(), not casRegister',
    )
}
