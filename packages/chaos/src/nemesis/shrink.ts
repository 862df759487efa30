import { formatSchedule } from './schedule-text.ts'
import { endMs, type Schedule, type ScheduledFault } from './schedule.ts'

/** Options of {@link shrinkSchedule}. */
export interface ShrinkOptions {
  /** Most calls of `stillFails`. Default 200. */
  readonly maxRuns?: number | undefined
  /** Gives up; the best so far is the answer. */
  readonly signal?: AbortSignal | undefined
}

/** What {@link shrinkSchedule} found. */
export interface Shrunk {
  /** Fails still. */
  readonly schedule: Schedule
  /** No fault of it can be left out. `false` if `maxRuns` or the signal ended the search before that was known. */
  readonly isMinimal: boolean
  /** Calls of `stillFails`. */
  readonly runs: number
}

/** No fault is made shorter than this, ms. */
const SHORTEST_MS = 50

/**
 * The smallest part of a schedule that still makes a test fail: delta debugging (Zeller and Hildebrandt,
 * 2002) leaves out faults until none can be spared, then those that are left are made shorter and moved
 * together. A test that fails by chance is best run a few times inside `stillFails`.
 *
 * @param stillFails runs the test under a schedule.
 * @throws RangeError if the whole schedule does not fail.
 */
export async function shrinkSchedule(
  schedule: Schedule,
  stillFails: (schedule: Schedule) => boolean | Promise<boolean>,
  { maxRuns = 200, signal }: ShrinkOptions = {},
): Promise<Shrunk> {
  const trial = new Trial(stillFails, maxRuns, signal)
  if (!(await trial.fails(schedule))) {
    throw new RangeError(
      'Cannot shrink schedule: stillFails must be true for the whole of it, got false; ' +
        'if the test fails by chance only, run it several times inside stillFails',
    )
  }
  let best = await leaveOut(schedule, trial)
  // Where a fault is shorter, or at another time, another one may have become superfluous.
  for (const make of [shorter, leaveOut, together, leaveOut]) best = await make(best, trial)
  return { schedule: best, isMinimal: !trial.isOver, runs: trial.runs }
}

/** Counts and remembers. When the runs are used up, nothing fails any more, so that nothing changes. */
class Trial {
  runs = 0
  isOver = false
  readonly #stillFails: (schedule: Schedule) => boolean | Promise<boolean>
  readonly #maxRuns: number
  readonly #signal: AbortSignal | undefined
  readonly #known = new Map<string, boolean>()

  constructor(
    stillFails: (schedule: Schedule) => boolean | Promise<boolean>,
    maxRuns: number,
    signal: AbortSignal | undefined,
  ) {
    if (!(maxRuns >= 1))
      throw new RangeError(`Cannot shrink schedule: maxRuns must be at least 1, got ${maxRuns}`)
    this.#stillFails = stillFails
    this.#maxRuns = maxRuns
    this.#signal = signal
  }

  async fails(schedule: Schedule): Promise<boolean> {
    const text = formatSchedule(schedule)
    const known = this.#known.get(text)
    if (known !== undefined) return known
    this.isOver ||= this.runs >= this.#maxRuns || this.#signal?.aborted === true
    if (this.isOver) return false
    this.runs++
    const answer = await this.#stillFails(schedule)
    this.#known.set(text, answer)
    return answer
  }
}

/** ddmin: parts, then complements, ever finer; ends when no single fault can be left out. */
async function leaveOut(schedule: Schedule, trial: Trial): Promise<Schedule> {
  let faults = schedule.faults
  const fails = (some: readonly ScheduledFault[]): Promise<boolean> =>
    trial.fails({ ...schedule, faults: some })
  if (faults.length > 0 && (await fails([]))) return { ...schedule, faults: [] }
  for (let parts = 2; faults.length >= 2;) {
    const smaller = await smallerOf(faults, parts, fails)
    if (smaller !== undefined) {
      parts = smaller.isPart ? 2 : Math.max(2, parts - 1)
      faults = smaller.faults
    } else if (parts < faults.length) parts = Math.min(faults.length, parts * 2)
    else break
  }
  return { ...schedule, faults }
}

async function smallerOf(
  faults: readonly ScheduledFault[],
  parts: number,
  fails: (some: readonly ScheduledFault[]) => Promise<boolean>,
): Promise<{ faults: readonly ScheduledFault[]; isPart: boolean } | undefined> {
  const partOf = (_: unknown, index: number): number => Math.floor((index * parts) / faults.length)
  const numbers = Array.from({ length: parts }, (_, part) => part)
  for (const part of numbers) {
    const some = faults.filter((fault, index) => partOf(fault, index) === part)
    if (await fails(some)) return { faults: some, isPart: true }
  }
  if (parts === 2) return undefined // the complements are the parts
  for (const part of numbers) {
    const rest = faults.filter((fault, index) => partOf(fault, index) !== part)
    if (await fails(rest)) return { faults: rest, isPart: false }
  }
  return undefined
}

/** Halves how long each fault lasts as long as that still fails. */
async function shorter(schedule: Schedule, trial: Trial): Promise<Schedule> {
  let best = schedule
  for (const index of schedule.faults.keys()) {
    for (;;) {
      const fault = best.faults[index] as ScheduledFault
      const lastsMs = Math.max(SHORTEST_MS, Math.floor(fault.lastsMs / 2))
      if (lastsMs >= fault.lastsMs) break
      const next = { ...best, faults: best.faults.with(index, { ...fault, lastsMs }) }
      if (!(await trial.fails(next))) break
      best = next
    }
  }
  return best
}

/** Leaves out waits in which nothing is broken: after the last fault, before each. */
async function together(schedule: Schedule, trial: Trial): Promise<Schedule> {
  let best = schedule
  const attempt = async (next: Schedule): Promise<void> => {
    if (await trial.fails(next)) best = next
  }
  await attempt({ ...best, forMs: Math.max(0, ...best.faults.map(endMs)) })
  for (const index of schedule.faults.keys()) {
    const { faults, forMs } = best
    const { atMs } = faults[index] as ScheduledFault
    const idleMs = atMs - Math.max(0, ...faults.slice(0, index).map(endMs)) - SHORTEST_MS
    if (idleMs <= 0) continue
    const earlier = (fault: ScheduledFault, at: number): ScheduledFault =>
      at < index ? fault : { ...fault, atMs: fault.atMs - idleMs }
    await attempt({ forMs: forMs - idleMs, faults: faults.map(earlier) })
  }
  return best
}
