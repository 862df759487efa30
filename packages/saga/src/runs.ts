import { emit } from '@quorate/core'
import { SagaFencedError } from './errors.ts'
import type { SagaEvent } from './events.ts'
import type { Definition, RunnerContext } from './run-context.ts'
import { Run, type RunEnd } from './runner.ts'
import type { StoredSaga } from './store.ts'

interface RunsOptions {
  /** Sagas at once. */
  readonly concurrency: number
  readonly context: RunnerContext
  readonly onSettled: (id: string, end: RunEnd & { type: 'settled' }) => void
  /** There may be something to take over at once: room, or a saga of ours that nobody runs. */
  readonly onRoom: () => void
}

/** The sagas in the memory of one engine, each under one id, and the promises of their ends. */
export class Runs {
  readonly #options: RunsOptions
  readonly #byId = new Map<string, Run>()
  readonly #ends = new Set<Promise<unknown>>()
  #hasStrays = false

  constructor(options: RunsOptions) {
    this.#options = options
  }

  /** How many more there may be. */
  get room(): number {
    return this.#options.concurrency - this.#byId.size
  }

  /** Sagas may be ours in the store that no run of ours goes on with: asked once, then taken care of. */
  get hasStrays(): boolean {
    return this.#hasStrays
  }

  /** The strays are being looked for. */
  clearStrays(): void {
    this.#hasStrays = false
  }

  has(id: string): boolean {
    return this.#byId.has(id)
  }

  /** A run under its id, not begun yet. */
  add(worker: string, definition: Definition, saga: { id: string; input: unknown }): Run {
    const run = new Run(this.#options.context, worker, definition, saga)
    this.#byId.set(run.id, run)
    return run
  }

  /** Goes on with a saga that was read back; if it is here still, tells its run that it was claimed again. */
  resume(worker: string, definition: Definition, saga: StoredSaga): void {
    const known = this.#byId.get(saga.id)
    if (known !== undefined) {
      known.reclaimed = true
      return
    }
    const run = this.add(worker, definition, saga)
    emit<SagaEvent>(this.#options.context.onEvent, () => ({
      type: 'saga-resumed',
      saga: saga.name,
      id: saga.id,
    }))
    void this.launch(run, () => run.resume(saga))
  }

  /** Drives a run until it leaves memory. Never rejects. */
  launch(run: Run, drive: () => Promise<RunEnd>): Promise<RunEnd> {
    const end = drive().then(
      (ended) => {
        this.forget(run)
        if (ended.type === 'settled') this.#options.onSettled(run.id, ended)
        return ended
      },
      (error: unknown): RunEnd => {
        this.forget(run)
        emit<SagaEvent>(this.#options.context.onEvent, () => ({
          type: 'store-fault',
          action: `run saga ${run.id}`,
          error,
          retryInMs: undefined,
        }))
        return { type: 'left' }
      },
    )
    this.#ends.add(end)
    void end.then(() => this.#ends.delete(end))
    return end
  }

  forget(run: Run): void {
    const wasFull = this.room <= 0
    if (this.#byId.get(run.id) === run) this.#byId.delete(run.id)
    // Claimed for this run while it was on its way out: the row is ours, and nobody runs it.
    if (run.reclaimed) this.#hasStrays = true
    if (wasFull || run.reclaimed) this.#options.onRoom()
  }

  /** The lease of this worker is lost: its runs write nothing more. */
  fence(worker: string): void {
    const reason = new SagaFencedError()
    const lost = [...this.#byId.values()].filter((run) => run.worker === worker)
    for (const run of lost) {
      this.#byId.delete(run.id)
      run.abandon(reason)
    }
    emit<SagaEvent>(this.#options.context.onEvent, () => ({ type: 'fenced', worker, sagas: lost.length }))
  }

  /** The engine stops without waiting for them. */
  abandon(reason: unknown): void {
    for (const run of this.#byId.values()) run.abandon(reason)
  }

  /** Resolves when no run is left. */
  async idle(): Promise<void> {
    while (this.#ends.size > 0) await Promise.all(this.#ends)
  }
}
