import { ReplayLineError, SimulationFailedError } from './errors.ts'
import type { Failure, Problem, Run } from './history.ts'
import type { Plan } from './plan.ts'
import { formatPlan, parsePlan } from './plan-codec.ts'
import { describeFailure } from './report.ts'
import { runPlan } from './run.ts'
import type { Scenario } from './scenario.ts'
import { exclusively } from './session.ts'
import { type ShrinkOptions, shrinkPlan } from './shrink.ts'
import { requireCount, requireRange } from './validate.ts'

/** Options of {@link explore} and {@link simulate}. */
export interface ExploreOptions {
  /** How many seeds. Default 1,000. */
  readonly seeds?: number | undefined
  /** The first of them; the others follow. Default 0. */
  readonly firstSeed?: number | undefined
  /**
   * One seed in so many, from the first on, and each that fails is run twice, and must take the same course.
   * Default 100; `Infinity` for only those that fail.
   */
  readonly recheckEvery?: number | undefined
  /** How to shrink a failure; `false` reports it as it was found. */
  readonly shrink?: ShrinkOptions | false | undefined
  /** Stops between two seeds, with `signal.reason`; shrinking ends with the smallest run so far. */
  readonly signal?: AbortSignal | undefined
}

/** Options of {@link simulate}. */
export interface SimulateOptions extends ExploreOptions {
  /** What the message of a failure tells people to run. Default `npx vitest run`. */
  readonly command?: string | undefined
}

/** What was run, in sums. */
export interface Exploration {
  /** Seeds run, the failing one included. */
  readonly seeds: number
  readonly events: number
  readonly messages: number
  readonly operations: number
  readonly faults: number
  /** The first failure, shrunk. */
  readonly failure: Failure | undefined
}

/**
 * Runs seeds until one fails, and shrinks that one.
 *
 * @returns never rejects for what simulated code does.
 * @throws RangeError or TypeError for a scenario or options that make no sense.
 * @throws AmbientUseError if `workload` or `faults` call a global clock or source of chance.
 */
export async function explore<Api, Call, Output>(
  scenario: Scenario<Api, Call, Output>,
  options: ExploreOptions = {},
): Promise<Exploration> {
  const { seeds = 1_000, firstSeed = 0, recheckEvery = 100, signal } = options
  validate(scenario)
  requireCount('explore', 'seeds', seeds, 1)
  requireCount('explore', 'firstSeed', firstSeed)
  if (recheckEvery !== Infinity) requireCount('explore', 'recheckEvery', recheckEvery, 1)
  return exclusively(async () => {
    const sums = { seeds: 0, events: 0, messages: 0, operations: 0, faults: 0 }
    for (let seed = firstSeed; seed < firstSeed + seeds; seed++) {
      signal?.throwIfAborted()
      const run = await runPlan(scenario, { seed })
      sums.seeds++
      const { stats } = run
      sums.events += stats.events
      sums.messages += stats.messages
      sums.operations += stats.operations
      sums.faults += stats.faults
      // A failure that does not come again has no line that could replay it.
      const twice =
        run.problem !== undefined || (recheckEvery !== Infinity && (sums.seeds - 1) % recheckEvery === 0)
      const problem = (twice ? await compareTwice(scenario, { seed }, run) : undefined) ?? run.problem
      if (problem !== undefined) return { ...sums, failure: await toFailure(scenario, run, problem, options) }
    }
    return { ...sums, failure: undefined }
  })
}

/**
 * For tests: runs seeds, and throws for the first that fails, with the smallest run that does and the line that
 * replays it. If the variable `QUORATE_SIM` of the environment holds such a line for this scenario, only that is run.
 *
 * @throws SimulationFailedError
 *
 * @example
 * ```ts
 * await simulate(register, { seeds: 10_000 })
 * ```
 */
export async function simulate<Api, Call, Output>(
  scenario: Scenario<Api, Call, Output>,
  options: SimulateOptions = {},
): Promise<Exploration> {
  const line = requestedLine(scenario.name)
  const exploration =
    line === undefined ? await explore(scenario, options) : await exploreLine(scenario, line)
  const { failure } = exploration
  if (failure === undefined) return exploration
  throw new SimulationFailedError({ failure, message: describeFailure(failure, options.command) })
}

/**
 * Runs what a line says, with a trace.
 *
 * @throws ReplayLineError if it cannot be read, or names an operation that the scenario does not have.
 */
export async function replay<Api, Call, Output>(
  scenario: Scenario<Api, Call, Output>,
  line: string,
): Promise<Run<Api, Call, Output>> {
  validate(scenario)
  return exclusively(() => runPlan(scenario, parsePlan(line), { trace: true }))
}

async function exploreLine<Api, Call, Output>(
  scenario: Scenario<Api, Call, Output>,
  line: string,
): Promise<Exploration> {
  const run = await replay(scenario, line)
  const { events, messages, operations, faults } = run.stats
  const { problem } = run
  const failure =
    problem === undefined
      ? undefined
      : {
          ...problem,
          scenario: scenario.name,
          line,
          found: foundIn(run),
          run,
          shrinkRuns: 0,
          isMinimal: false,
        }
  return { seeds: 1, events, messages, operations, faults, failure }
}

const foundIn = ({ line, stats: { operations, faults } }: Run): Failure['found'] => ({
  line,
  operations,
  faults,
})

async function toFailure<Api, Call, Output>(
  scenario: Scenario<Api, Call, Output>,
  run: Run,
  problem: Problem,
  { shrink, signal }: ExploreOptions,
): Promise<Failure> {
  const found = foundIn(run)
  let plan: Plan = { seed: run.seed }
  let shrinkRuns = 0
  let isMinimal = false
  // Another course each time: there is nothing to hold on to.
  if (shrink !== false && problem.kind !== 'nondeterminism') {
    ;({
      plan,
      runs: shrinkRuns,
      isMinimal,
    } = await shrinkPlan(scenario, plan, problem.kind, { ...shrink, signal }))
  }
  const smallest = await runPlan(scenario, plan, { trace: true })
  const facts = smallest.problem ?? problem
  return {
    ...facts,
    scenario: scenario.name,
    line: formatPlan(plan),
    found,
    run: smallest,
    shrinkRuns,
    isMinimal,
  }
}

async function compareTwice<Api, Call, Output>(
  scenario: Scenario<Api, Call, Output>,
  plan: Plan,
  once: Run,
): Promise<Problem | undefined> {
  const again = await runPlan(scenario, plan)
  if (again.hash === once.hash) return undefined
  const [{ trace: one }, { trace: two }] = [
    await runPlan(scenario, plan, { trace: true }),
    await runPlan(scenario, plan, { trace: true }),
  ]
  const at = one.findIndex((line, index) => line !== two[index])
  const where = at < 0 ? '' : `: first "${one[at]?.trim()}", then "${two[at]?.trim() ?? 'nothing'}"`
  const failed =
    once.problem === undefined ? '' : `, and failed once (${once.problem.kind}: ${once.problem.message})`
  const message = `Seed ${plan.seed} took two different courses${where}${failed}; look for state outside of the nodes, or real I/O`
  return { kind: 'nondeterminism', message }
}

/** The line in the environment, if it is for this scenario. */
function requestedLine(name: string): string | undefined {
  const { process } = globalThis as { process?: { env?: Record<string, string | undefined> } }
  const text = process?.env?.['QUORATE_SIM']
  if (text === undefined || text === '') return undefined
  const [, wanted, line] = /^(\S+) (v\d+:.*)$/.exec(text.trim()) ?? []
  if (wanted === undefined || line === undefined)
    throw new ReplayLineError({ line: text, detail: 'QUORATE_SIM is not a name and a line' })
  return wanted === name ? line : undefined
}

const NAME = /^[\w.-]+$/

function validate({
  name,
  nodes = {},
  clients,
  livenessMs = 0,
  settleMs = 0,
  maxEvents = 1,
}: Scenario<never, never, never> | Scenario<any, any, any>): void {
  requireRange('simulate', 'livenessMs', livenessMs)
  requireRange('simulate', 'settleMs', settleMs)
  requireCount('simulate', 'maxEvents', maxEvents, 1)
  for (const one of [name, ...Object.keys(nodes), ...Object.keys(clients)]) {
    if (!NAME.test(one))
      throw new RangeError(`Cannot simulate: a name has letters, digits, ".", "_" and "-" only, got "${one}"`)
  }
  const twice = Object.keys(clients).find((id) => Object.hasOwn(nodes, id))
  if (twice !== undefined)
    throw new RangeError(`Cannot simulate: "${twice}" is a node and a client; rename one`)
}
