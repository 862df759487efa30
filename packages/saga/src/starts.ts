import { emit, type EventListener } from '@quorate/core'
import type { Committer } from './committer.ts'
import { SagaConflictError, SagaFencedError, SagaNotFoundError } from './errors.ts'
import type { SagaEvent } from './events.ts'
import { decode, sameJson } from './json.ts'
import type { Lease } from './lease.ts'
import type { Run, RunEnd } from './runner.ts'
import type { Runs } from './runs.ts'
import type { AnySaga } from './saga.ts'
import type { SagaStore } from './store.ts'

interface StartsOptions {
  readonly store: SagaStore<unknown>
  readonly lease: Lease
  readonly committer: Committer
  readonly runs: Runs
  readonly onEvent: EventListener<SagaEvent> | undefined
  /** @throws once the engine stops. */
  readonly assertWorking: (action: string) => void
  /** Goes on with sagas that are ours by the store. */
  readonly adopt: (ids: readonly string[]) => Promise<void>
}

/** What came of a start; `local` if this engine runs the saga. */
export interface Started {
  readonly existed: boolean
  readonly local?: Promise<RunEnd>
}

/** Starts sagas: in this engine if it has room, else for whichever has. */
export class Starts {
  readonly #options: StartsOptions
  /** Starts whose first commit is under way, so that one engine never inserts an id twice. */
  readonly #underWay = new Map<string, Promise<unknown>>()

  constructor(options: StartsOptions) {
    this.#options = options
  }

  /** Starts a saga after those of the same id that are under way. `input` is JSON text. */
  start(saga: AnySaga, id: string, input: string): Promise<Started> {
    const begin = (): Promise<Started> => this.#begin(saga, id, input)
    const started = (this.#underWay.get(id) ?? Promise.resolve()).then(begin, begin)
    this.#underWay.set(id, started)
    const forget = (): void => {
      if (this.#underWay.get(id) === started) this.#underWay.delete(id)
    }
    started.then(forget, forget)
    return started
  }

  /** Resolves when those under way have their answer. */
  async idle(): Promise<void> {
    await Promise.all([...this.#underWay.values()].map((start) => start.catch(() => {})))
  }

  async #begin(saga: AnySaga, id: string, input: string): Promise<Started> {
    const { lease, runs, onEvent, assertWorking } = this.#options
    const worker = await lease.worker()
    assertWorking(`start saga ${saga.name}`)
    if (worker === undefined || runs.room <= 0 || runs.has(id)) return this.#enqueue(saga, id, input)
    const run = runs.add(worker, saga, { id, input: decode(input) })
    let begun: Awaited<ReturnType<Run['begin']>>
    try {
      begun = await run.begin(input)
    } catch (error) {
      runs.forget(run)
      // The lease went while the start was on its way: nothing was written, and there is a new one.
      if (error instanceof SagaFencedError) return this.#begin(saga, id, input)
      throw error
    }
    if (begun.reply === 'exists') {
      runs.forget(run)
      await this.#assertSame(saga, id, input)
      return { existed: true }
    }
    emit<SagaEvent>(onEvent, () => ({ type: 'saga-started', saga: saga.name, id }))
    return { existed: false, local: runs.launch(run, begun.proceed) }
  }

  /** Starts a saga that whoever has room claims. */
  async #enqueue(saga: AnySaga, id: string, input: string): Promise<Started> {
    const { committer, onEvent } = this.#options
    const { name, version } = saga
    const start = { name, version, input, owned: false }
    const reply = await committer.commit({ id, seq: 0, records: '[]', start })
    if (reply === 'exists') await this.#assertSame(saga, id, input)
    else emit<SagaEvent>(onEvent, () => ({ type: 'saga-started', saga: name, id }))
    return { existed: reply === 'exists' }
  }

  async #assertSame(saga: AnySaga, id: string, input: string): Promise<void> {
    const { store, adopt } = this.#options
    const [existing] = await store.load([id])
    if (existing === undefined) throw new SagaNotFoundError(id, 'start it')
    const differs = existing.name !== saga.name ? 'saga' : 'input'
    if (existing.name !== saga.name || !sameJson(existing.input, decode(input))) {
      throw new SagaConflictError({ id, differs, saga: saga.name, existing: existing.name })
    }
    // Inserted by an earlier try of ours whose acknowledgement was lost: ours to run.
    await adopt([id])
  }
}
