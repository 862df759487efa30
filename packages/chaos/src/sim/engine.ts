import type { AmbientUseError } from './errors.ts'
import { EventHeap, type Timed } from './heap.ts'
import type { Problem } from './history.ts'
import { drainedBefore, nextTurn } from './system-clock.ts'
import { enter, leave } from './traps.ts'

/** Whom an event is for. */
export interface Target {
  readonly index: number
  /** Counts starts and crashes: what was planned in an earlier life does not happen. */
  readonly life: number
  readonly isPaused: boolean
  /** Keeps it until the pause is over. */
  hold(event: SimEvent): void
}

/** Something that happens at a time. */
export interface SimEvent extends Timed {
  readonly kind: number
  readonly target: Target | undefined
  /** Of the target when this was planned; `ANY_LIFE` if it does not matter. */
  readonly life: number
  /** Does it. `false`: no simulated code ran, so there is nothing to drain. `undefined` once it is called off. */
  act: ((event: SimEvent) => boolean) | undefined
  readonly first: unknown
  readonly second: unknown
}

/** Kind of the end of a sleep; `second` is when, by `localUs` of the node, because that may change its pace. */
export const WAKE = 3

/** For {@link SimEvent.life}. */
export const ANY_LIFE = -1

/** Steps between two turns of the event loop, so that a long simulation leaves timers and signals alive: about 10 ms. */
const STEPS_PER_TURN = 8_192
let stepsInTurn = 0

/** What the engine asks when there is nothing left to do, or time is up. */
export interface EngineOptions {
  readonly maxEvents: number
  /** Nothing is planned any more. */
  readonly onIdle: () => Problem | undefined
  /** `deadlineUs` has passed. */
  readonly onLate: () => Problem | undefined
}

/**
 * Virtual time. Takes the earliest event, lets it act, waits until every microtask that came of it has run, takes
 * the next one. No event acts while code of another one could still go on.
 */
export class Engine {
  nowUs = 0
  events = 0
  /** The run ends well when this time is over. */
  endUs: number = Infinity
  /** The run ends badly when this time is over. */
  deadlineUs: number = Infinity
  problem: Problem | undefined
  readonly heap: EventHeap<SimEvent> = new EventHeap()
  readonly #options: EngineOptions
  readonly #drain: () => void
  #seq = 0
  #place = 0
  #hashLow = 0x811c9dc5
  #hashHigh = 0x9e3779b9
  #finished: () => void = () => {}

  constructor(options: EngineOptions) {
    this.#options = options
    this.#drain = drainedBefore(() => this.#step())
  }

  /** The next place on the time line, for starts and ends of operations. */
  nextPlace(): number {
    return this.#place++
  }

  plan(
    atUs: number,
    kind: number,
    target: Target | undefined,
    act: (event: SimEvent) => boolean,
    first?: unknown,
    second?: unknown,
    life: number = target === undefined ? ANY_LIFE : target.life,
  ): SimEvent {
    const event: SimEvent = { atUs, seq: this.#seq++, kind, target, life, act, first, second }
    this.heap.push(event)
    return event
  }

  /** Plans an event again that was held back, for now. */
  replan(event: SimEvent): void {
    event.atUs = this.nowUs
    event.seq = this.#seq++
    this.heap.push(event)
  }

  /** Only the first problem counts: the others may follow from it. */
  fail(problem: Problem): void {
    this.problem ??= problem
  }

  /** A problem that comes to light after the run, and may be why nothing went on. */
  explain(problem: Problem): void {
    const { kind } = this.problem ?? {}
    if (kind === undefined || kind === 'deadlock' || kind === 'liveness') this.problem = problem
  }

  /** Makes `value` part of the hash of this run. */
  mix(value: number): void {
    this.#hashLow = Math.imul(this.#hashLow ^ value, 0x01000193)
    this.#hashHigh = Math.imul(this.#hashHigh ^ (value + (this.#hashLow >>> 15)), 0x85ebca6b)
  }

  get hash(): string {
    const hex = (half: number): string => (half >>> 0).toString(16).padStart(8, '0')
    return hex(this.#hashHigh) + hex(this.#hashLow)
  }

  /** Runs until `endUs`, a problem, or nothing is left. */
  run(): Promise<void> {
    return new Promise((resolve) => {
      this.#finished = resolve
      // Chains of promises that belong to others end first; they are no simulated code.
      this.#drain()
    })
  }

  #step(): void {
    if (stepsInTurn++ >= STEPS_PER_TURN) {
      stepsInTurn = 0
      leave()
      nextTurn(this.#drain)
      return
    }
    enter(this.#onAmbientUse)
    try {
      if (this.problem === undefined && this.#next()) this.#drain()
      else this.#finish()
    } catch (cause) {
      this.fail({ kind: 'error', message: `The simulator failed: ${String(cause)}`, cause })
      this.#finish()
    }
  }

  readonly #onAmbientUse = (error: AmbientUseError): void => {
    this.fail({ kind: 'ambient', message: error.message, cause: error })
  }

  /** Acts until simulated code ran. `false`: the run is over. */
  #next(): boolean {
    for (;;) {
      const event = this.heap.pop()
      if (event !== undefined && isGone(event)) continue
      if (event === undefined || event.atUs > this.endUs) {
        if (this.endUs === Infinity) this.#failWith(this.#options.onIdle())
        else this.nowUs = this.endUs
        return false
      }
      if (event.atUs > this.deadlineUs) {
        this.heap.push(event) // for those who ask what is under way
        this.nowUs = this.deadlineUs
        this.#failWith(this.#options.onLate())
        return false
      }
      this.nowUs = event.atUs
      const { act, target } = event
      if (target?.isPaused === true) {
        target.hold(event)
        continue
      }
      if (++this.events > this.#options.maxEvents) {
        const message = `More than ${this.#options.maxEvents} events, at ${this.nowUs / 1_000} ms: code goes round in circles`
        this.fail({ kind: 'runaway', message })
        return false
      }
      this.mix(event.atUs)
      this.mix(event.kind + 16 * (target === undefined ? 0 : target.index + 1))
      if (act?.(event) === true) return true
      if (this.problem !== undefined) return false
    }
  }

  #failWith(problem: Problem | undefined): void {
    if (problem !== undefined) this.fail(problem)
  }

  #finish(): void {
    leave()
    this.heap.clear()
    this.#finished()
  }
}

/** Called off, or planned for a life that a crash has ended. It takes no time either. */
const isGone = ({ act, target, life }: SimEvent): boolean =>
  act === undefined || (target !== undefined && life !== ANY_LIFE && life !== target.life)
