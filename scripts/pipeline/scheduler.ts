import type { Step, StepResult } from './step.ts'

export interface ScheduleOptions {
  readonly slots: number
  /** Begins costly steps even after a failure. */
  readonly keepGoing: boolean
  readonly run: (step: Step) => Promise<StepResult>
  readonly onStart: (step: Step) => void
  readonly onEnd: (result: StepResult) => void
  /** Once aborted, nothing new begins. */
  readonly signal?: AbortSignal | undefined
}

/**
 * Runs the steps in their order, as many side by side as there are slots for. A step waits for those it needs;
 * if one of them failed it is not run and counts as failed, because it proves nothing.
 */
export async function schedule(steps: readonly Step[], options: ScheduleOptions): Promise<StepResult[]> {
  const waiting = [...steps]
  const running = new Map<string, Promise<void>>()
  const results = new Map<string, StepResult>()
  let free = options.slots
  const selected = new Set(steps.map((step) => step.name))
  const needsOf = (step: Step): string[] => (step.needs ?? []).filter((name) => selected.has(name))
  const hasFailed = (name: string): boolean => (results.get(name)?.failed ?? 0) > 0

  const settle = (result: StepResult): void => {
    results.set(result.step, result)
    options.onEnd(result)
  }
  const begin = (step: Step): void => {
    const slots = Math.min(step.slots, options.slots)
    free -= slots
    options.onStart(step)
    const done = options.run(step).then((result) => {
      free += slots
      running.delete(step.name)
      settle(result)
    })
    running.set(step.name, done)
  }

  while (waiting.length > 0 || running.size > 0) {
    for (let index = 0; index < waiting.length;) {
      const step = waiting[index]
      if (step === undefined) break
      const needs = needsOf(step)
      const broken = needs.find(hasFailed)
      if (options.signal?.aborted === true) {
        waiting.splice(index, 1)
        settle(notRun(step, 'skipped', 'not run, because the run was stopped'))
        continue
      }
      const anyFailed = [...results.keys()].some(hasFailed)
      if (broken !== undefined) {
        waiting.splice(index, 1)
        settle(notRun(step, 'failed', `not run, because ${broken} failed`))
        index = 0
      } else if (step.costly === true && anyFailed && !options.keepGoing) {
        waiting.splice(index, 1)
        settle(
          notRun(
            step,
            'skipped',
            'not run, because a cheaper step failed (--keep-going runs it all the same)',
          ),
        )
        index = 0
      } else if (needs.every((name) => results.has(name)) && fits(step, free, options.slots)) {
        waiting.splice(index, 1)
        begin(step)
      } else if (step.slots > 1 && needs.every((name) => results.has(name))) {
        break // the next in line wants the whole machine: nothing may overtake it for ever
      } else {
        index++
      }
    }
    if (running.size > 0) await Promise.race(running.values())
    else if (waiting.length > 0)
      throw new Error(`Steps need each other: ${waiting.map((step) => step.name).join(', ')}`)
  }
  return steps.flatMap((step) => results.get(step.name) ?? [])
}

function fits(step: Step, free: number, slots: number): boolean {
  return Math.min(step.slots, slots) <= free
}

function notRun(step: Step, as: 'failed' | 'skipped', why: string): StepResult {
  const counts = { passed: 0, failed: 0, skipped: 0, [as]: 1 }
  return { step: step.name, seconds: 0, notes: [why], output: '', ...counts }
}
