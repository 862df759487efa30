import type { Random } from '@quorate/core'
import { SimDisk } from './disk.ts'
import { type Engine, type SimEvent, type Target, WAKE } from './engine.ts'
import type { Env, Envelope, NodeId } from './env.ts'
import { NodeEnv } from './node-env.ts'
import type { Program } from './scenario.ts'

/** 2024-01-01: what wall clocks show when a run begins. */
const EPOCH_MS = 1_704_067_200_000

/** A sleep of a second then takes eleven days, and ends. */
const LEAST_RATE = 1e-6

/** What a node needs of the world around it. */
export interface NodeHost {
  readonly engine: Engine
  readonly nodes: readonly NodeId[]
  readonly clients: readonly NodeId[]
  /** A stream of chance of this run. */
  stream(name: `disk/${string}` | `node/${string}`): Random
  send(from: SimNode, to: NodeId, message: unknown): void
  log(node: SimNode, text: string, data: unknown): void
  /** A program has returned; the node can do operations. */
  onReady(node: SimNode): void
  onCrash(node: SimNode): void
}

/** Somebody who waits for a message. */
export interface Receiver {
  readonly give: (envelope: Envelope) => void
}

export const START = 1
export const RESUME = 2

/** One node: its lives, its clocks, its inbox and its disk. */
export class SimNode implements Target {
  readonly id: NodeId
  readonly index: number
  readonly isClient: boolean
  readonly host: NodeHost
  readonly disk: SimDisk
  life = 0
  isUp = false
  restarts = 0
  slowDiskMs = 0
  /** What the program returned; of this life. */
  api: unknown
  env: Env | undefined
  handler: ((message: never, from: NodeId) => unknown) | undefined
  readonly receivers: Receiver[] = []
  /** Tasks that have not ended, by name. */
  readonly tasks: string[] = []
  readonly #program: Program<unknown>
  #random: Random | undefined
  #diskRandom: Random | undefined
  readonly #inbox: Envelope[] = []
  #held: SimEvent[] = []
  #pauses = 0
  #downs = 0
  #skewMs = 0
  #ppm = 0
  /** Local time stood at `#localUs` when true time stood at `#sinceUs`. */
  #localUs: number
  #sinceUs = 0
  /** How far the wall clock has drifted; corrected when the drift ends. */
  #wallUs = 0

  constructor(host: NodeHost, id: NodeId, index: number, isClient: boolean, program: Program<unknown>) {
    this.host = host
    this.id = id
    this.index = index
    this.isClient = isClient
    this.#program = program
    this.disk = new SimDisk(() => (this.#diskRandom ??= host.stream(`disk/${id}`)))
    this.#localUs = this.#bootUs()
  }

  get isPaused(): boolean {
    return this.#pauses > 0
  }

  /** The node's own chance goes on through restarts: a restarted node does not draw the same numbers again. */
  get random(): Random {
    return (this.#random ??= this.host.stream(`node/${this.id}`))
  }

  hold(event: SimEvent): void {
    this.#held.push(event)
  }

  /** Time of this node's clocks by true time. Drifts add up, but no clock stands still or runs backwards. */
  get rate(): number {
    return Math.max(LEAST_RATE, 1 + this.#ppm / 1_000_000)
  }

  nowMs(): number {
    const drifted = this.#ppm === 0 ? 0 : (this.host.engine.nowUs - this.#sinceUs) * (this.rate - 1)
    // Whole, as `Date.now()` is: two stamps of one millisecond are equal.
    return Math.floor(EPOCH_MS + (this.host.engine.nowUs + this.#wallUs + drifted) / 1_000 + this.#skewMs)
  }

  monotonicMs(): number {
    return this.localUs / 1_000
  }

  get localUs(): number {
    return this.#localUs + (this.host.engine.nowUs - this.#sinceUs) * this.rate
  }

  skew(byMs: number): void {
    this.#skewMs += byMs
  }

  drift(ppm: number): void {
    const { nowUs } = this.host.engine
    this.#wallUs += (nowUs - this.#sinceUs) * (this.rate - 1)
    this.#localUs += (nowUs - this.#sinceUs) * this.rate
    this.#sinceUs = nowUs
    this.#ppm += ppm
    if (this.#ppm === 0) this.#wallUs = 0
    this.#retime()
  }

  /** A sleep ends when this node's clock says so, also if the clock changed its pace meanwhile. */
  #retime(): void {
    const { heap, nowUs } = this.host.engine
    for (const event of heap.items) {
      if (event.kind === WAKE && event.target === this)
        event.atUs = nowUs + Math.max(0, Math.ceil(((event.second as number) - this.#localUs) / this.rate))
    }
    heap.reorder()
  }

  pause(): void {
    this.#pauses++
  }

  resume(): void {
    if (--this.#pauses > 0) return
    const held = this.#held
    this.#held = []
    for (const event of held) this.host.engine.replan(event)
  }

  crash(mixed: boolean): void {
    if (this.#downs++ > 0) return
    this.life++
    this.isUp = false
    this.handler = undefined
    this.env = undefined
    this.api = undefined
    this.receivers.length = 0
    this.#inbox.length = 0
    this.#held = []
    this.tasks.length = 0
    this.disk.crash(mixed)
    this.host.onCrash(this)
  }

  restart(): void {
    if (--this.#downs > 0) return
    this.restarts++
    // A machine counts its monotonic time from its own start.
    this.#localUs = this.#bootUs() - (this.host.engine.nowUs - this.#sinceUs) * this.rate
    this.planStart()
  }

  planStart(): void {
    this.host.engine.plan(this.host.engine.nowUs, START, this, this.#start)
  }

  #bootUs(): number {
    return (((this.index + 1) * 1_000_003 * (this.restarts + 1)) % 10_000_000) * 1_000
  }

  readonly #start = (): boolean => {
    const { life } = this
    this.isUp = true
    const env = new NodeEnv(this)
    this.env = env
    this.guard('the program', () =>
      whenReturned(this.#program(env), (api) => {
        if (life !== this.life) return
        this.api = api
        this.host.onReady(this)
      }),
    )
    return true
  }

  /** A message has arrived. */
  accept(message: unknown, from: NodeId): void {
    const { handler } = this
    if (handler !== undefined) this.handle(handler, message, from)
    else {
      const receiver = this.receivers.shift()
      if (receiver === undefined) this.#inbox.push({ from, message })
      else receiver.give({ from, message })
    }
  }

  setHandler(handler: (message: never, from: NodeId) => unknown): void {
    this.handler = handler
    for (const { message, from } of this.#inbox.splice(0)) this.handle(handler, message, from)
  }

  /** The oldest message that nobody has taken. */
  take(): Envelope | undefined {
    return this.#inbox.shift()
  }

  handle(handler: (message: never, from: NodeId) => unknown, message: unknown, from: NodeId): void {
    const { life } = this
    try {
      const returned = handler(message as never, from)
      if (isThenable(returned))
        returned.then(undefined, (error: unknown) => this.#report('a message handler', error, life))
    } catch (error) {
      this.#report('a message handler', error, life)
    }
  }

  /** Runs code of the node; what it throws, now or later, fails the run. */
  guard(what: string, code: () => unknown, ended?: () => void): void {
    const { life } = this
    try {
      const returned = code()
      if (isThenable(returned))
        returned.then(
          () => ended?.(),
          (error: unknown) => this.#report(what, error, life),
        )
      else ended?.()
    } catch (error) {
      this.#report(what, error, life)
    }
  }

  #report(what: string, cause: unknown, life: number): void {
    if (life !== this.life) return
    const message = `${this.id}: ${what} threw ${cause instanceof Error ? `${cause.name}: ${cause.message}` : String(cause)}`
    this.host.engine.fail({ kind: 'error', message, cause })
  }
}

export function isThenable(value: unknown): value is PromiseLike<unknown> {
  return (
    typeof value === 'object' && value !== null && typeof (value as { then?: unknown }).then === 'function'
  )
}

/** Calls `use` with the value, at once if it is no promise. */
export function whenReturned<T>(
  value: T | PromiseLike<T>,
  use: (value: T) => void,
): PromiseLike<void> | undefined {
  if (isThenable(value)) return value.then((settled) => use(settled))
  use(value)
  return undefined
}
