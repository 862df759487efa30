import { type AmbientUseError, ReplayLineError } from './errors.ts'
import { drawFaults } from './fault-schedule.ts'
import type { Fault } from './faults.ts'
import type { Problem, Run } from './history.ts'
import { describe, type LaneOperation } from './lanes.ts'
import type { Plan } from './plan.ts'
import { isThenable } from './node.ts'
import { formatPlan } from './plan-codec.ts'
import { watchRejections } from './rejections.ts'
import type { Scenario } from './scenario.ts'
import { judging } from './session.ts'
import { streamOf } from './streams.ts'
import { drainKnown } from './system-clock.ts'
import { enter, leave } from './traps.ts'
import { World } from './world.ts'

/** A plan with all that its seed stands for. */
export interface FullPlan<Call> {
  readonly seed: number
  readonly salt: number
  readonly operations: ReadonlyArray<LaneOperation<Call>>
  readonly faults: readonly Fault[]
}

/** What a plan means for a scenario. */
export function completePlan<Api, Call, Output>(
  scenario: Scenario<Api, Call, Output>,
  plan: Plan,
): FullPlan<Call> {
  const { seed, salt = 0 } = plan
  const cluster = { nodes: Object.keys(scenario.nodes ?? {}), clients: Object.keys(scenario.clients) }
  const workload = purely(() => scenario.workload({ ...cluster, seed, random: streamOf(seed, 'workload') }))
  if (!Array.isArray(workload))
    throw new TypeError(
      `Cannot simulate: workload() must return an array of operations, got ${isThenable(workload) ? 'a promise' : describe(workload)}`,
    )
  const operations =
    plan.operations === undefined
      ? workload.map((operation, planned) => ({ ...operation, planned }))
      : plan.operations.map(({ index, afterMs }) => {
          const operation = workload[index]
          if (operation === undefined) {
            const detail = `the workload of seed ${seed} has ${workload.length} operations, none is number ${index}`
            throw new ReplayLineError({ line: formatPlan(plan), detail })
          }
          return { ...operation, planned: index, afterMs: afterMs ?? operation.afterMs }
        })
  return { seed, salt, operations, faults: plan.faults ?? faultsOf(scenario, seed, cluster) }
}

function faultsOf<Api, Call, Output>(
  { faults }: Scenario<Api, Call, Output>,
  seed: number,
  cluster: { nodes: readonly string[]; clients: readonly string[] },
): readonly Fault[] {
  if (faults === false) return []
  const random = streamOf(seed, 'faults')
  return typeof faults === 'function'
    ? purely(() => faults(random, cluster))
    : drawFaults(random, cluster, faults)
}

/** What plans a run is trapped as well: a line could not repeat a workload made of other chance. */
function purely<T>(code: () => T): T {
  const used: AmbientUseError[] = []
  enter((error) => used.push(error))
  try {
    return code()
  } finally {
    leave()
    // eslint-disable-next-line no-unsafe-finally -- also if the code caught it
    if (used[0] !== undefined) throw used[0]
  }
}

/** Runs one plan. Never rejects for what the simulated code does: see `problem`. */
export async function runPlan<Api, Call, Output>(
  scenario: Scenario<Api, Call, Output>,
  plan: Plan,
  { trace = false }: { readonly trace?: boolean } = {},
): Promise<Run<Api, Call, Output>> {
  const full = completePlan(scenario, plan)
  const world = new World(scenario, { ...full, trace })
  await drainKnown
  const rejected = watchRejections()
  await world.engine.run()
  const unhandled = await rejected()
  if (unhandled !== undefined) world.engine.explain(unhandled)
  const run = new FinishedRun(plan, full, world)
  run.problem ??= await judge(scenario, run)
  return run
}

async function judge<Api, Call, Output>(
  scenario: Scenario<Api, Call, Output>,
  run: Run<Api, Call, Output>,
): Promise<Problem | undefined> {
  try {
    const answer = judging(() => scenario.check(run))
    const wrong: unknown = isThenable(answer) ? await answer : answer
    if (wrong === undefined) return undefined
    if (typeof wrong === 'string') return { kind: 'check', message: wrong }
    const message = `check() returned ${describe(wrong)}; it must return undefined if all is well, else say what is wrong`
    return { kind: 'check', message }
  } catch (cause) {
    return { kind: 'check', message: cause instanceof Error ? cause.message : String(cause), cause }
  }
}

class FinishedRun<Api, Call, Output> implements Run<Api, Call, Output> {
  problem: Problem | undefined
  readonly #plan: Plan
  readonly #full: FullPlan<Call>
  readonly #world: World<Api, Call, Output>

  constructor(plan: Plan, full: FullPlan<Call>, world: World<Api, Call, Output>) {
    this.#plan = plan
    this.#full = full
    this.#world = world
    this.problem = world.engine.problem
  }

  get line(): string {
    return formatPlan(this.#plan)
  }

  get seed(): number {
    return this.#full.seed
  }

  get faults(): readonly Fault[] {
    return this.#full.faults
  }

  get faultTimes(): Run['faultTimes'] {
    return this.#world.faultTimes
  }

  get history(): Run<Api, Call, Output>['history'] {
    return this.#world.lanes.history
  }

  get logs(): Run['logs'] {
    return this.#world.logs
  }

  get trace(): readonly string[] {
    return this.#world.trace
  }

  get stats(): Run['stats'] {
    const { engine, messages, lost, duplicated } = this.#world
    return {
      events: engine.events,
      messages,
      lost,
      duplicated,
      operations: this.history.length,
      faults: this.#full.faults.length,
      virtualMs: engine.nowUs / 1_000,
    }
  }

  get apis(): Run<Api, Call, Output>['apis'] {
    const clients = this.#world.all.filter(({ isClient }) => isClient)
    return Object.fromEntries(clients.map(({ id, api }) => [id, api as Api | undefined]))
  }

  get nodes(): Run['nodes'] {
    const nodes = this.#world.all.filter(({ isClient }) => !isClient)
    return Object.fromEntries(nodes.map(({ id, api }) => [id, api]))
  }

  get hash(): string {
    const { engine } = this.#world
    const outcome = describe([
      this.history.map(({ on, status, output, start, end }) => [on, status, output, start, end]),
      this.logs,
      this.problem?.kind,
    ])
    let hash = 0x811c9dc5
    for (let index = 0; index < outcome.length; index++)
      hash = Math.imul(hash ^ outcome.charCodeAt(index), 0x01000193)
    return engine.hash + (hash >>> 0).toString(16).padStart(8, '0')
  }
}
