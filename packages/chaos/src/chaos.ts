import {
  emit,
  seededRandom,
  systemClock,
  systemRandom,
  type Clock,
  type EventListener,
  type Random,
} from '@quorate/core'
import { ChaosClosedError } from './errors.ts'
import type { ChaosEvent } from './events.ts'
import { validateFaults, type PartitionOptions } from './faults.ts'
import type { Link, LinkOptions } from './link.ts'
import type { NemesisFault } from './nemesis/faults.ts'
import { startNemesis, type NemesisRun, type NemesisRunOptions } from './nemesis/nemesis.ts'
import { planNemesis, type PlanOptions } from './nemesis/plan.ts'
import { parseSchedule } from './nemesis/schedule-text.ts'
import type { Schedule } from './nemesis/schedule.ts'
import { killProcess, pauseProcess, resumeProcess, type ProcessOptions } from './process.ts'
import { stateOf } from './process-tree.ts'
import { TcpLink } from './tcp-link.ts'

/** Options of {@link createChaos}. */
export interface ChaosOptions {
  /** Seed of all chance in here; equal seeds draw equal numbers. Default: a random one, see {@link Chaos.seed}. */
  readonly seed?: number | string | undefined
  /** Default: the machine's clock. */
  readonly clock?: Clock | undefined
  /** Replaces the generator that `seed` would make. */
  readonly random?: Random | undefined
  readonly onEvent?: EventListener<ChaosEvent> | undefined
}

/** Options of {@link Chaos.nemesis}. */
export interface NemesisOptions extends NemesisRunOptions, PlanOptions {
  /** Default: drawn from the seed of the chaos, another one for each nemesis. */
  readonly seed?: number | string | undefined
}

/** A process under control; disposing it resumes the process if it was paused here. */
export interface ChaosProcess extends AsyncDisposable {
  readonly pid: number
  readonly state: 'running' | 'paused' | 'killed'
  pause(): Promise<void>
  resume(): Promise<void>
  kill(): Promise<void>
}

/** Everything that can be broken, and the one place that mends it: {@link createChaos}. */
export interface Chaos extends AsyncDisposable {
  /** Print it, and hand it in again to repeat. */
  readonly seed: number | string
  readonly links: readonly Link[]
  /**
   * Opens a port that leads to a target, with faults on the way.
   *
   * @throws LinkListenError if the port cannot be had.
   * @throws ChaosClosedError after the end of this chaos.
   * @throws RangeError, TypeError for a fault that makes no sense.
   */
  link(options: LinkOptions): Promise<Link>
  /**
   * Cuts all links between two regions, those made later included. `direction: 'to'` stops only what
   * flows from the first to the second region, on links of either orientation.
   */
  cut(from: string, to: string, partition?: PartitionOptions): Promise<void>
  /** Undoes the cut of two regions, in whichever order they are named. */
  heal(from: string, to: string): Promise<void>
  /** Undoes everything: all cuts, all faults of all links, all pauses. */
  heal(): Promise<void>
  /**
   * Breaks what a topology holds, at random times and places of the seed, and heals it again. The promise
   * resolves when all is over; the work under test goes on meanwhile.
   *
   * @throws NotHealedError if something it broke could not be mended in time.
   * @throws `signal.reason` when aborted, once all is healed.
   * @throws ChaosClosedError after the end of this chaos; RangeError, TypeError at once for options that make no
   *   sense.
   */
  nemesis(faults: readonly NemesisFault[], options: NemesisOptions): NemesisRun
  /**
   * The same for a schedule, as {@link planNemesis} makes it or as {@link formatSchedule} printed it.
   *
   * @throws SyntaxError if the text is no schedule, TypeError if it names somebody who is not in the topology.
   */
  nemesis(schedule: Schedule | string, options: NemesisRunOptions): NemesisRun
  /** Takes a process, and with `tree` its children, under control. */
  process(pid: number, options?: ProcessOptions): ChaosProcess
  /** Heals everything, then closes all links. New links, cuts and processes are refused from then on. */
  [Symbol.asyncDispose](): Promise<void>
}

/**
 * Faults in this process's own hands: no daemon, no root.
 *
 * @example
 * ```ts
 * await using chaos = createChaos({ seed: 42 })
 * const link = await chaos.link({ from: 'us', to: 'eu', target: { port: 5432 } })
 * await link.latency({ ms: 40, jitterMs: 5 })
 * await link.partition({ direction: 'to', mode: 'drop' })
 * await link.heal()
 * ```
 */
export function createChaos(options: ChaosOptions = {}): Chaos {
  const seed = options.seed ?? Math.floor(systemRandom() * 0x100000000)
  return new InProcessChaos(seed, options)
}

interface RegionCut {
  readonly from: string
  readonly to: string
  readonly partition: PartitionOptions
}

class InProcessChaos implements Chaos {
  readonly seed: number | string
  readonly #clock: Clock
  readonly #random: Random | undefined
  readonly #onEvent: EventListener<ChaosEvent> | undefined
  readonly #links = new Set<TcpLink>()
  readonly #cuts = new Map<string, RegionCut>()
  readonly #processes = new Set<ControlledProcess>()
  readonly #nemeses = new Set<NemesisRun>()
  #made = 0
  #nemesesMade = 0
  #closed = false

  constructor(seed: number | string, { clock = systemClock, random, onEvent }: ChaosOptions) {
    this.seed = seed
    this.#clock = clock
    this.#random = random
    this.#onEvent = onEvent
  }

  get links(): readonly Link[] {
    return [...this.#links]
  }

  async link(options: LinkOptions): Promise<Link> {
    this.#mustBeOpen('make a link')
    const link = new TcpLink(options, {
      clock: this.#clock,
      // A stream of its own, so that traffic on one link does not change the chance on another.
      random: this.#random ?? seededRandom(`${this.seed}/link/${this.#made++}`),
      onEvent: this.#onEvent,
      closed: (closed) => this.#links.delete(closed),
    })
    this.#links.add(link)
    try {
      const cuts = new Map<string, PartitionOptions>()
      for (const [key, cut] of this.#cuts) {
        const partition = cutOf(cut, link)
        if (partition !== undefined) cuts.set(key, partition)
      }
      await link.open(cuts)
      if (this.#closed) {
        await link.close()
        this.#mustBeOpen('make a link')
      }
    } catch (error) {
      this.#links.delete(link)
      throw error
    }
    return link
  }

  async cut(from: string, to: string, partition: PartitionOptions = {}): Promise<void> {
    this.#mustBeOpen('cut regions')
    validateFaults({ partition })
    const cut = { from, to, partition }
    const key = keyOf(from, to)
    this.#cuts.set(key, cut)
    this.#emit((atMs) => ({ type: 'regions-cut', atMs, from, to, partition }))
    await Promise.all([...this.#links].map((link) => this.#applyCut(key, cut, link)))
  }

  async heal(from?: string, to?: string): Promise<void> {
    if (from !== undefined && to !== undefined) return this.#healRegions(from, to)
    await allOf([
      ...[...this.#cuts.values()].map((cut) => this.#healRegions(cut.from, cut.to)),
      ...[...this.#links].map((link) => link.heal()),
      ...[...this.#processes].map((process) => process.healed()),
    ])
  }

  nemesis(
    what: readonly NemesisFault[] | Schedule | string,
    options: NemesisOptions | NemesisRunOptions,
  ): NemesisRun {
    this.#mustBeOpen('start a nemesis')
    const id = String(this.#nemesesMade++)
    const context = { id, clock: this.#clock, onEvent: this.#onEvent }
    const run = startNemesis(this.#scheduleOf(what, options, id), options, context)
    this.#nemeses.add(run)
    const over = (): void => void this.#nemeses.delete(run)
    run.then(over, over)
    return run
  }

  #scheduleOf(
    what: readonly NemesisFault[] | Schedule | string,
    options: NemesisOptions | NemesisRunOptions,
    id: string,
  ): Schedule {
    if (typeof what === 'string') return parseSchedule(what)
    if ('forMs' in what) return what
    const { seed = `${this.seed}/nemesis/${id}`, ...plan } = options as NemesisOptions
    return planNemesis(options.topology, what, { ...plan, seed })
  }

  process(pid: number, options: ProcessOptions = {}): ChaosProcess {
    this.#mustBeOpen('take a process')
    const process = new ControlledProcess(
      pid,
      { clock: this.#clock, ...options },
      {
        report: (type, pids) => this.#emit((atMs) => ({ type, atMs, pids })),
        mustBeOpen: () => this.#mustBeOpen('pause a process'),
      },
    )
    this.#processes.add(process)
    return process
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true
    // What one part cannot mend must not keep the others broken.
    const failures: unknown[] = []
    const attempt = async (tasks: readonly Promise<unknown>[]): Promise<void> => {
      await allOf(tasks).catch((error: unknown) => failures.push(error))
    }
    await attempt([...this.#nemeses].map(async (run) => run[Symbol.asyncDispose]()))
    await attempt([this.heal()])
    await attempt([...this.#links].map((link) => link.close()))
    if (failures.length > 0) throw failures[0]
  }

  #mustBeOpen(action: string): void {
    if (this.#closed) throw new ChaosClosedError({ action, target: 'chaos' })
  }

  async #healRegions(from: string, to: string): Promise<void> {
    const key = keyOf(from, to)
    if (!this.#cuts.delete(key)) return
    this.#emit((atMs) => ({ type: 'regions-healed', atMs, from, to }))
    await Promise.all([...this.#links].map((link) => link.applyCut(key, undefined)))
  }

  async #applyCut(key: string, cut: RegionCut, link: TcpLink): Promise<void> {
    const partition = cutOf(cut, link)
    if (partition !== undefined) await link.applyCut(key, partition)
  }

  #emit(build: (atMs: number) => ChaosEvent): void {
    emit(this.#onEvent, () => build(this.#clock.now()))
  }
}

/** Waits for all, then fails as the first that failed. */
async function allOf(tasks: readonly Promise<unknown>[]): Promise<void> {
  for (const result of await Promise.allSettled(tasks)) {
    if (result.status === 'rejected') throw result.reason
  }
}

/** What a cut between regions means for one link; `undefined` if the link runs elsewhere. */
function cutOf(
  { from, to, partition }: RegionCut,
  link: { readonly from: string; readonly to: string },
): PartitionOptions | undefined {
  if (link.from === from && link.to === to) return partition
  if (link.from !== to || link.to !== from) return undefined
  const { direction = 'both' } = partition
  const turned = direction === 'both' ? 'both' : direction === 'to' ? 'from' : 'to'
  return { ...partition, direction: turned }
}

/** The same key whichever region is named first. */
const keyOf = (a: string, b: string): string => JSON.stringify([a, b].toSorted())

interface ProcessContext {
  report(type: 'process-paused' | 'process-resumed' | 'process-killed', pids: number[]): void
  /** Nobody would resume what is paused after the end of the chaos. */
  mustBeOpen(): void
}

class ControlledProcess implements ChaosProcess {
  readonly pid: number
  readonly #options: ProcessOptions
  readonly #context: ProcessContext
  #state: ChaosProcess['state'] = 'running'
  #last: Promise<unknown> = Promise.resolve()

  constructor(pid: number, options: ProcessOptions, context: ProcessContext) {
    this.pid = pid
    this.#options = options
    this.#context = context
  }

  get state(): ChaosProcess['state'] {
    return this.#state
  }

  async pause(): Promise<void> {
    this.#context.mustBeOpen()
    await this.#inTurn(async () => {
      const pids = await pauseProcess(this.pid, this.#options)
      this.#state = 'paused'
      this.#context.report('process-paused', pids)
    })
  }

  resume(): Promise<void> {
    return this.#inTurn(() => this.#resume())
  }

  async kill(): Promise<void> {
    const pids = await killProcess(this.pid, this.#options)
    this.#state = 'killed'
    this.#context.report('process-killed', pids)
  }

  /** Resumes it if it was paused here; one that has died meanwhile needs no healing. */
  healed(): Promise<void> {
    return this.#inTurn(async () => {
      if (this.#state !== 'paused') return
      if (stateOf(this.pid) === 'gone') this.#state = 'killed'
      else await this.#resume()
    })
  }

  async #resume(): Promise<void> {
    const pids = await resumeProcess(this.pid, this.#options)
    this.#state = 'running'
    this.#context.report('process-resumed', pids)
  }

  /** A heal in the middle of a pause would come too early for what is frozen after it. */
  #inTurn(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work)
    this.#last = done.catch(() => {})
    return done
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.healed()
  }
}
