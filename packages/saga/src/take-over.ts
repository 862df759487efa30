import { type Clock, emit, type EventListener } from '@quorate/core'
import { SagaFencedError } from './errors.ts'
import type { SagaEvent } from './events.ts'
import type { Lease } from './lease.ts'
import type { Registry } from './registry.ts'
import type { Runs } from './runs.ts'
import type { SagaStore, StoredSaga } from './store.ts'
import type { Watch } from './watch.ts'

interface TakeOverOptions {
  readonly store: SagaStore<unknown>
  readonly registry: Registry
  readonly lease: Lease
  readonly runs: Runs
  readonly watch: Watch
  readonly clock: Clock
  readonly pollMs: number
  readonly onEvent: EventListener<SagaEvent> | undefined
  /** Aborted once nothing new may be taken. */
  readonly draining: AbortSignal
  /** Aborted once nothing may be written. */
  readonly closed: AbortSignal
}

/** Sagas taken by one claim at most, so that engines that come up together share the work. */
const MAX_CLAIM = 100

/**
 * Takes sagas into memory that nobody runs: those that are due, those of engines that died, and those that are this
 * engine's by the store, because the reply that said so was lost.
 */
export class TakeOver {
  readonly #options: TakeOverOptions
  #kick = new AbortController()

  constructor(options: TakeOverOptions) {
    this.#options = options
  }

  /** Looks again at once: there may be something to claim, or the engine drains. */
  wake(): void {
    this.#kick.abort()
  }

  /** Claims what is due and looks for ends that others brought about, until the engine drains. */
  async work(): Promise<void> {
    const { store, lease, runs, watch, clock, pollMs, onEvent, draining, closed } = this.#options
    let faults = 0
    while (!draining.aborted) {
      const kick = (this.#kick = new AbortController())
      try {
        if ((faults > 0 || runs.hasStrays) && lease.held !== undefined) {
          runs.clearStrays()
          await this.adopt(await store.owned(lease.held))
        }
        const full = await this.#claim()
        await watch.poll()
        faults = 0
        if (!full) await store.idle(pollMs, kick.signal)
      } catch (error) {
        if (error instanceof SagaFencedError) lease.lost(lease.held)
        if (closed.aborted) return
        const retryInMs = Math.min(5_000, pollMs * 2 ** faults++)
        emit<SagaEvent>(onEvent, () => ({ type: 'store-fault', action: 'claim', error, retryInMs }))
        await clock.sleep(retryInMs, { signal: kick.signal }).catch(() => {})
      }
    }
  }

  /** Goes on with those that are ours by the store. */
  async adopt(ids: readonly string[]): Promise<void> {
    const { store, lease, runs } = this.#options
    const worker = lease.held
    const lost = ids.filter((id) => !runs.has(id))
    if (worker === undefined || lost.length === 0) return
    for (const saga of await store.load(lost, worker)) if (isOpen(saga)) this.#resume(worker, saga)
  }

  /** @returns whether there may be more to claim at once. */
  async #claim(): Promise<boolean> {
    const { store, registry, lease, runs, draining } = this.#options
    const room = Math.min(MAX_CLAIM, runs.room)
    if (room <= 0) return false
    const worker = await lease.worker()
    if (worker === undefined || draining.aborted) return false
    const claimed = await store.claim(worker, registry.names, room)
    if (worker !== lease.held) return true
    for (const saga of claimed) this.#resume(worker, saga)
    return claimed.length === room
  }

  #resume(worker: string, saga: StoredSaga): void {
    const { registry, runs, draining } = this.#options
    const definition = registry.pick(saga.name, saga.version)
    if (definition !== undefined && !draining.aborted) runs.resume(worker, definition, saga)
  }
}

const isOpen = ({ status }: StoredSaga): boolean => status === 'running' || status === 'compensating'
