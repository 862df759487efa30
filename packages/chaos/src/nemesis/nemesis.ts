import { emit, type Clock, type EventListener } from '@quorate/core'
import { NotHealedError, type Unhealed } from '../errors.ts'
import type { ChaosEvent } from '../events.ts'
import { effectsOf, type Effect } from './effects.ts'
import { describeFault, endMs, type Schedule, type ScheduledFault } from './schedule.ts'
import { formatSchedule } from './schedule-text.ts'
import type { Topology } from './topology.ts'

/** Where faults are written down; `createHistory()` of `@quorate/checker` is one. */
export interface FaultHistory {
  fault(facts: { name: string; targets: readonly string[]; detail?: string | undefined }): { end(): void }
}

/** Options of {@link Chaos.nemesis} for a schedule that is given. */
export interface NemesisRunOptions {
  /** Whom it acts on. */
  readonly topology: Topology
  /** Gets every fault, with its beginning and end. */
  readonly history?: FaultHistory | undefined
  /** Gives up: all is healed, then the promise rejects with `signal.reason`. To end it early in order: `stop()`. */
  readonly signal?: AbortSignal | undefined
  /** How long one fault may take to be caused, and to be healed, retries included, ms. Default 30,000. */
  readonly healWithinMs?: number | undefined
}

/** A fault that could not be caused, and has been taken back as far as it had come. */
export interface FailedFault {
  readonly fault: ScheduledFault
  readonly error: unknown
}

/** What a nemesis did. */
export interface NemesisReport {
  readonly schedule: Schedule
  /** The schedule on one line: hand it to `chaos.nemesis()` to do the same again. */
  readonly text: string
  /** Faults that were caused, in the order they began. All have been healed. */
  readonly caused: readonly ScheduledFault[]
  readonly failed: readonly FailedFault[]
  /** Faults that never began, because the nemesis was stopped or had run out of time. */
  readonly skipped: readonly ScheduledFault[]
  readonly elapsedMs: number
}

/**
 * A nemesis at work: a promise of its report, with what it takes to end it early. (An `async` function that
 * returns one waits for its end, as for any promise.)
 */
export interface NemesisRun extends Promise<NemesisReport>, AsyncDisposable {
  readonly schedule: Schedule
  /** Heals all that is broken now and causes nothing more. Resolves, in bounded time, with what was done. */
  stop(): Promise<NemesisReport>
}

/** What a run gets from its chaos. */
export interface NemesisContext {
  /** Tells this run from others of the chaos. */
  readonly id: string
  readonly clock: Clock
  readonly onEvent: EventListener<ChaosEvent> | undefined
}

const DEFAULT_HEAL_MS = 30_000
const RETRY_MS = 100

/** Starts a schedule. */
export function startNemesis(
  schedule: Schedule,
  options: NemesisRunOptions,
  context: NemesisContext,
): NemesisRun {
  const runner = new Nemesis(schedule, options, context)
  const done = runner.run()
  done.catch(() => {}) // it may fail long before its owner asks how it went
  const stop = (): Promise<NemesisReport> => {
    runner.stop()
    return done
  }
  return Object.assign(done, {
    schedule: runner.schedule,
    stop,
    // An abort is no news to who disposes.
    [Symbol.asyncDispose]: async (): Promise<void> => {
      await stop().catch((error: unknown) => {
        if (error instanceof NotHealedError) throw error
      })
    },
  })
}

/**
 * Each fault: waiting ─ its time has come, and those that end before it are healed ─▶ causing ─▶ holding
 * ─ its time is over ─▶ healing ─▶ healed. Stopping leads from waiting to skipped, and from holding to
 * healing at once.
 */
class Nemesis {
  readonly schedule: Schedule
  readonly #options: NemesisRunOptions
  readonly #context: NemesisContext
  readonly #healWithinMs: number
  readonly #stopping = new AbortController()
  readonly #caused: ScheduledFault[] = []
  readonly #failed: FailedFault[] = []
  readonly #skipped: ScheduledFault[] = []
  readonly #unhealed: Unhealed[] = []
  #startedMs = 0

  constructor(schedule: Schedule, options: NemesisRunOptions, context: NemesisContext) {
    const { healWithinMs = DEFAULT_HEAL_MS } = options
    if (!(healWithinMs > 0)) {
      throw new RangeError(`Cannot start nemesis: healWithinMs must be above 0, got ${healWithinMs}`)
    }
    const faults = schedule.faults.toSorted((a, b) => a.atMs - b.atMs)
    this.schedule = { forMs: schedule.forMs, faults }
    this.#options = options
    this.#context = context
    this.#healWithinMs = healWithinMs
    const names = options.topology.nodes.map(({ name }) => name)
    const twice = names.find((name, at) => names.indexOf(name) !== at)
    if (twice !== undefined) {
      throw new TypeError(`Cannot start nemesis: each node must have a name of its own, got ${twice} twice`)
    }
    // A replay that names nobody would pass for a quiet run.
    for (const { action } of faults) effectsOf(action, options.topology, '', context.clock)
  }

  stop(): void {
    this.#stopping.abort()
  }

  async run(): Promise<NemesisReport> {
    const { signal } = this.#options
    const { clock } = this.#context
    const text = formatSchedule(this.schedule)
    const stop = (): void => this.stop()
    if (signal?.aborted === true) stop()
    signal?.addEventListener('abort', stop, { once: true })
    this.#startedMs = clock.monotonic()
    this.#emit((atMs) => ({ type: 'nemesis-started', atMs, schedule: text }))
    const ended: Promise<void>[] = []
    for (const [index, fault] of this.schedule.faults.entries()) {
      const before = ended.slice(0, index).filter((_, at) => {
        return endMs(this.schedule.faults[at] as ScheduledFault) <= fault.atMs
      })
      ended.push(this.#through(fault, `nemesis ${this.#context.id}/${index}`, Promise.all(before)))
    }
    await Promise.all(ended)
    await this.#sleepUntil(this.#startedMs + this.schedule.forMs)
    signal?.removeEventListener('abort', stop)
    const report = {
      schedule: this.schedule,
      text,
      caused: this.#caused,
      failed: this.#failed,
      skipped: this.#skipped,
      elapsedMs: clock.monotonic() - this.#startedMs,
    }
    this.#emit((atMs) => ({ type: 'nemesis-ended', atMs, caused: this.#caused.length }))
    if (this.#unhealed.length > 0) throw new NotHealedError({ unhealed: this.#unhealed, schedule: text })
    signal?.throwIfAborted()
    return report
  }

  /** One fault from its beginning to its end. Never rejects. */
  async #through(fault: ScheduledFault, layer: string, earlier: Promise<unknown>): Promise<void> {
    const { clock } = this.#context
    // What the plan kept apart stays apart, even if healing takes longer than planned.
    await earlier
    await this.#sleepUntil(this.#startedMs + fault.atMs)
    const isLate = clock.monotonic() - this.#startedMs >= this.schedule.forMs
    if (this.#stopping.signal.aborted || isLate) {
      this.#skipped.push(fault)
      return
    }
    const facts = describeFault(fault.action)
    const beganMs = clock.monotonic()
    this.#caused.push(fault)
    this.#emit((atMs) => ({ type: 'nemesis-fault', atMs, ...facts }))
    let effects: Effect[] = []
    let written: ReturnType<FaultHistory['fault']> | undefined
    try {
      written = this.#options.history?.fault(facts)
      effects = effectsOf(fault.action, this.#options.topology, layer, clock)
      await this.#cause(effects)
      await this.#sleepUntil(beganMs + fault.lastsMs)
    } catch (error) {
      this.#caused.splice(this.#caused.indexOf(fault), 1)
      this.#failed.push({ fault, error })
      this.#emit((atMs) => ({ type: 'nemesis-fault-failed', atMs, ...facts, error }))
    }
    if (!(await this.#heal(fault, effects))) return
    written?.end()
    this.#emit((atMs) => ({ type: 'nemesis-healed', atMs, ...facts }))
  }

  /** All effects, or an error; when it is thrown none is still on its way, unless its time was over. */
  async #cause(effects: readonly Effect[]): Promise<void> {
    const works = effects.map(({ do: act, undo }) => {
      let isLate = false
      const done = (async () => act())() // one that throws at once must not leave the others at work
      // What comes about after all ends at once.
      const work = done.then(() => (isLate ? undo() : undefined))
      return { work, giveUp: () => (isLate = true) }
    })
    try {
      await this.#inTime(Promise.allSettled(works.map(({ work }) => work)))
    } catch (error) {
      for (const { giveUp } of works) giveUp()
      throw error
    }
    await Promise.all(works.map(({ work }) => work))
  }

  /** Undoes all effects side by side, each again and again until it works. False if the time was over first. */
  async #heal(fault: ScheduledFault, effects: readonly Effect[]): Promise<boolean> {
    const { clock } = this.#context
    const deadlineMs = clock.monotonic() + this.#healWithinMs
    const heal = async ({ target, undo }: Effect): Promise<boolean> => {
      for (;;) {
        try {
          await this.#inTime(undo(), deadlineMs - clock.monotonic())
          return true
        } catch (error) {
          if (clock.monotonic() + RETRY_MS >= deadlineMs) {
            const { name, targets, detail } = describeFault(fault.action)
            this.#emit((atMs) => ({ type: 'nemesis-not-healed', atMs, name, targets, detail, error }))
            this.#unhealed.push({ fault, target, error })
            this.stop() // the rest of the plan counts on this node
            return false
          }
          await clock.sleep(RETRY_MS)
        }
      }
    }
    return (await Promise.all(effects.map(heal))).every(Boolean)
  }

  async #inTime(work: Promise<unknown>, ms: number = this.#healWithinMs): Promise<void> {
    const over = new AbortController()
    const late = this.#context.clock.sleep(ms, { signal: over.signal }).then(() => {
      throw new Error(`it was not done in ${Math.round(ms)} ms`)
    })
    late.catch(() => {})
    work.catch(() => {})
    try {
      await Promise.race([work, late])
    } finally {
      over.abort()
    }
  }

  /** Also wakes when the nemesis is stopped. */
  async #sleepUntil(untilMs: number): Promise<void> {
    const { clock } = this.#context
    await clock.sleep(untilMs - clock.monotonic(), { signal: this.#stopping.signal }).catch(() => {})
  }

  #emit(build: (atMs: number) => ChaosEvent): void {
    emit(this.#context.onEvent, () => build(this.#context.clock.now()))
  }
}
