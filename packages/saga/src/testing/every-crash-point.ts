import { checkNames, type Clock, VirtualClock } from '@quorate/core'
import { createSagaEngine } from '../engine.ts'
import type { SagaEngine } from '../engine-api.ts'
import { type MemorySagaStore, memorySagaStore, type MemoryTx } from '../memory/memory-store.ts'
import type { AnySaga, SagaStep } from '../saga.ts'
import type { SagaStore } from '../store.ts'
import type { SagaResult, SagaView } from '../view.ts'

/** What one crash is tried on; made anew for each, so that nothing is left of the one before. */
export interface CrashCase {
  readonly saga: AnySaga<MemoryTx>
  readonly input: unknown
  /** Sent once the saga has been started. */
  readonly signals?: readonly { readonly name: string; readonly payload?: unknown }[] | undefined
  /** Looks at the world after the end, and throws if it is wrong. */
  readonly check?: ((end: CrashPoint) => void | Promise<void>) | undefined
}

/** One crash and what came of it. */
export interface CrashPoint {
  /** From 1; the last one is a run without a crash. */
  readonly point: number
  /** What the engine was doing, for example `after write 3` or `before run charge`. */
  readonly at: string
  readonly result: SagaResult
  readonly view: SagaView
  /** What the `.tx` steps have committed. */
  readonly data: ReadonlyMap<string, unknown>
}

export interface CrashReport {
  readonly points: readonly CrashPoint[]
  readonly completed: number
  readonly compensated: number
}

/** Options of {@link everyCrashPoint}. */
export interface EveryCrashPointOptions {
  /** Accept sagas that end in `needs-attention` too. Default `false`. */
  readonly allowNeedsAttention?: boolean | undefined
  /** Crashes at most. Default 10,000. */
  readonly maxPoints?: number | undefined
}

const ID = 'saga'
const LEASE_MS = 1_000
/** Virtual time after which a saga that has not ended never will. */
const MAX_WAIT_MS = 400 * 86_400_000

/**
 * Runs a saga again and again, and kills its engine at each point in turn: before and after every write
 * to the store and every call of `run` and `compensate`. A second engine then takes over. Everything is
 * in memory on a virtual clock, so waits of days take no time.
 *
 * @param makeCase the saga, its input and a check of the outcome. Steps may await anything that
 *   settles without real time, and `clock.sleep`.
 * @throws Error naming the point, if a saga ends neither completed nor compensated, if a step runs
 *   after compensation began, if compensations are out of order, or if `check` throws.
 * @throws TypeError for an unknown option.
 *
 * @example
 * ```ts
 * const report = await everyCrashPoint(() => ({ saga: checkout(fakeShop()), input: { orderId: 'o-1' } }))
 * report.points.length // crashes that were survived
 * ```
 */
export async function everyCrashPoint(
  makeCase: (context: { readonly clock: Clock }) => CrashCase | Promise<CrashCase>,
  options: EveryCrashPointOptions = {},
): Promise<CrashReport> {
  checkNames('try every crash point', options, ['allowNeedsAttention', 'maxPoints'])
  const { allowNeedsAttention = false, maxPoints = 10_000 } = options
  const points: CrashPoint[] = []
  for (let point = 1; point <= maxPoints; point++) {
    const world = new World(point)
    const crashCase = await makeCase({ clock: world.clock })
    const end = await world.run(crashCase)
    try {
      world.judge(end, allowNeedsAttention)
      await crashCase.check?.(end)
    } catch (cause) {
      throw new Error(
        `Crash ${point} (${end.at}): ${cause instanceof Error ? cause.message : String(cause)}`,
        { cause },
      )
    }
    points.push(end)
    if (!world.crashed) break
  }
  const count = (status: string): number => points.filter(({ result }) => result.status === status).length
  return { points, completed: count('completed'), compensated: count('compensated') }
}

/** One run with one crash. */
class World {
  readonly clock: VirtualClock = new VirtualClock()
  crashed = false
  readonly #point: number
  readonly #store: MemorySagaStore
  readonly #calls: { readonly kind: 'run' | 'compensate'; readonly step: string }[] = []
  #reached = 0
  #at = 'no crash'
  #onCrash: () => void = () => {}

  constructor(point: number) {
    this.#point = point
    this.#store = memorySagaStore({ clock: this.clock })
  }

  async run({ saga, input, signals = [] }: CrashCase): Promise<CrashPoint> {
    const crash = new Promise<void>((resolve) => {
      this.#onCrash = resolve
    })
    const options = { leaseMs: LEASE_MS, pollMs: LEASE_MS, random: () => 0.5 }
    const doomed = this.#wrap(saga)
    const first = createSagaEngine({
      ...options,
      clock: this.#mortalClock(),
      store: this.#mortalStore(),
      sagas: [doomed],
    })
    const heir = this.#record(saga)
    const client = createSagaEngine({
      ...options,
      clock: this.clock,
      store: this.#store,
      sagas: [heir],
      concurrency: 0,
    })
    let second: SagaEngine | undefined
    void crash.then(() => {
      second = createSagaEngine({ ...options, clock: this.clock, store: this.#store, sagas: [heir] })
    })
    try {
      await this.#drive(Promise.race([first.start(doomed, input as never, { id: ID }), crash]))
      await this.#drive(client.start(heir, input as never, { id: ID }))
      for (const { name, payload } of signals) await this.#drive(client.signal(ID, name, payload))
      const result = await this.#drive(client.handle(ID).result({ deadlineMs: Infinity }))
      const view = await client.get(ID)
      if (view === undefined) throw new Error('The saga is gone')
      return { point: this.#point, at: this.#at, result, view, data: this.#store.data }
    } finally {
      await this.#drive(Promise.all([client.stop(), second?.stop(), this.crashed ? undefined : first.stop()]))
    }
  }

  /** What must hold whatever the saga does. */
  judge({ result, view }: CrashPoint, allowNeedsAttention: boolean): void {
    if (result.status === 'needs-attention' && !allowNeedsAttention) {
      throw new Error(`the saga needs attention: ${result.failure.message}`)
    }
    const turned = this.#calls.findIndex(({ kind }) => kind === 'compensate')
    if (turned >= 0 && this.#calls.slice(turned).some(({ kind }) => kind === 'run')) {
      throw new Error('a step ran after compensation began')
    }
    const started: string[] = []
    const undone: string[] = []
    for (const record of view.log) {
      if ((record.type === 'started' || record.type === 'done') && !started.includes(record.step))
        started.push(record.step)
      if (record.type === 'undone') undone.push(record.step)
    }
    const expected = started.filter((step) => undone.includes(step)).toReversed()
    if (expected.join() !== undone.join()) {
      throw new Error(`undone in the order ${undone.join(', ')}; expected ${expected.join(', ')}`)
    }
  }

  /** Lets virtual time pass until the promise settles. */
  async #drive<T>(promise: Promise<T>): Promise<T> {
    const progress = { settled: false }
    const onSettled = (): void => {
      progress.settled = true
    }
    promise.then(onSettled, onSettled)
    const startMs = this.clock.monotonic()
    for (;;) {
      for (let turn = 0; turn < 200 && !progress.settled; turn++) await Promise.resolve()
      if (progress.settled) return promise
      const nextMs = this.clock.nextAtMs
      if (nextMs === undefined || nextMs - startMs > MAX_WAIT_MS) {
        throw new Error(
          `Crash ${this.#point} (${this.#at}): nothing is left to happen and the saga has not ended`,
        )
      }
      await this.clock.advance(Math.max(0, nextMs - this.clock.monotonic()))
    }
  }

  /** A point where the engine may die: everything it does afterwards never returns. */
  async #pass(at: string): Promise<void> {
    if (!this.crashed && ++this.#reached === this.#point) {
      this.crashed = true
      this.#at = at
      this.#onCrash()
    }
    if (this.crashed) await new Promise(() => {})
  }

  #mortalClock(): Clock {
    return {
      now: () => this.clock.now(),
      monotonic: () => this.clock.monotonic(),
      sleep: async (ms, options) => {
        await this.clock.sleep(ms, options)
        if (this.crashed) await new Promise(() => {})
      },
    }
  }

  #mortalStore(): SagaStore<MemoryTx> {
    const counts = new Map<string, number>()
    return new Proxy<SagaStore<MemoryTx>>(this.#store, {
      get: (target, name: keyof SagaStore<MemoryTx>) => {
        const method = target[name] as ((...args: unknown[]) => unknown) | undefined
        if (typeof method !== 'function') return method
        return async (...args: unknown[]) => {
          const isPoint = name === 'write' || name === 'transact' || name === 'claim'
          if (!isPoint) {
            if (this.crashed) await new Promise(() => {})
            return method.apply(target, args)
          }
          const count = (counts.get(name) ?? 0) + 1
          counts.set(name, count)
          await this.#pass(`before ${name} ${count}`)
          const reply = await method.apply(target, args)
          await this.#pass(`after ${name} ${count}`)
          return reply
        }
      },
    })
  }

  /** The saga of the engine that will die. */
  #wrap(saga: AnySaga<MemoryTx>): AnySaga<MemoryTx> {
    return this.#map(saga, (kind, step, call) => async (context) => {
      await this.#pass(`before ${kind} ${step}`)
      this.#calls.push({ kind, step })
      const result = await call(context)
      await this.#pass(`after ${kind} ${step}`)
      return result
    })
  }

  /** The saga of the engine that takes over. */
  #record(saga: AnySaga<MemoryTx>): AnySaga<MemoryTx> {
    return this.#map(saga, (kind, step, call) => (context) => {
      this.#calls.push({ kind, step })
      return call(context)
    })
  }

  #map(
    { name, version, steps }: AnySaga<MemoryTx>,
    wrap: (
      kind: 'run' | 'compensate',
      step: string,
      call: (context: never) => unknown,
    ) => (context: never) => unknown,
  ): AnySaga<MemoryTx> {
    return {
      name,
      version,
      steps: steps.map((step): SagaStep => ({
        ...step,
        run: step.run && wrap('run', step.name, step.run),
        compensate: step.compensate && wrap('compensate', step.name, step.compensate),
      })),
    }
  }
}
