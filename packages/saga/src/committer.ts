import { type Clock, emit, type EventListener, fullJitterMs, type Random } from '@quorate/core'
import { SagaFencedError, SagaStoreError } from './errors.ts'
import type { SagaEvent } from './events.ts'
import type { Lease } from './lease.ts'
import { type SagaStore, type SagaWrite, StoreFault, type WriteReply } from './store.ts'

interface Pending {
  readonly write: SagaWrite
  /** The lease under which the saga was loaded; a start takes whichever there is. */
  readonly worker: string | undefined
  readonly resolve: (reply: WriteReply) => void
  readonly reject: (error: unknown) => void
}

/** Writes in one statement at most: keeps its arrays, and what a failed one has to repeat, small. */
const MAX_BATCH = 512
/**
 * Group commit without a timer: a flush goes out at once when none is in flight, and takes all that
 * came in the meantime when one is. A saga goes on only after the commit of its own write.
 */
export class Committer {
  readonly #store: SagaStore<unknown>
  readonly #lease: Lease
  readonly #clock: Clock
  readonly #random: Random
  readonly #onEvent: EventListener<SagaEvent> | undefined
  readonly #closed: AbortSignal
  #queue: Pending[] = []
  #isFlushing = false

  constructor(options: {
    store: SagaStore<unknown>
    lease: Lease
    clock: Clock
    random: Random
    onEvent: EventListener<SagaEvent> | undefined
    closed: AbortSignal
  }) {
    this.#store = options.store
    this.#lease = options.lease
    this.#clock = options.clock
    this.#random = options.random
    this.#onEvent = options.onEvent
    this.#closed = options.closed
  }

  /**
   * Resolves once the write is durable; waits as long as the store is away.
   *
   * @throws SagaFencedError if the lease was taken away: nothing was written.
   * @throws SagaStoreError if the store refuses a start for good.
   */
  commit(write: SagaWrite, worker?: string): Promise<WriteReply> {
    return new Promise((resolve, reject) => {
      if (this.#closed.aborted) {
        reject(this.#closed.reason)
        return
      }
      this.#queue.push({ write, worker, resolve, reject })
      if (!this.#isFlushing) void this.#flush()
    })
  }

  async #flush(): Promise<void> {
    this.#isFlushing = true
    await this.#store.gather()
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, MAX_BATCH)
      try {
        await this.#send(batch, 0)
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
      await this.#store.gather()
    }
    this.#isFlushing = false
  }

  async #send(batch: readonly Pending[], faults: number): Promise<void> {
    const worker = await this.#lease.worker()
    const current: Pending[] = []
    for (const pending of batch) {
      if (pending.worker === undefined || pending.worker === worker) current.push(pending)
      else pending.reject(new SagaFencedError())
    }
    if (current.length === 0) return
    const startMs = this.#clock.monotonic()
    try {
      const replies = await this.#store.write(
        worker,
        current.map(({ write }) => write),
      )
      emit<SagaEvent>(this.#onEvent, () => ({
        type: 'committed',
        writes: current.length,
        durationMs: this.#clock.monotonic() - startMs,
      }))
      current.forEach(({ write, resolve }, index) => {
        const reply = replies[index] ?? 'written'
        // The first try may have got through, so this one changed nothing and cannot know: look.
        resolve(faults > 0 && write.row?.release === true && reply === 'written' ? 'kept' : reply)
      })
    } catch (error) {
      await this.#recover(current, worker, faults, error)
    }
  }

  /** Repeats a batch after a fault, under a new lease after the loss of one, and halves a refused one. */
  async #recover(
    batch: readonly Pending[],
    worker: string | undefined,
    faults: number,
    error: unknown,
  ): Promise<void> {
    if (error instanceof SagaFencedError) {
      this.#lease.lost(worker)
      return this.#send(batch, faults)
    }
    const fault = error instanceof StoreFault
    if (!fault && batch.length > 1) {
      const middle = batch.length >> 1
      await this.#send(batch.slice(0, middle), faults)
      return this.#send(batch.slice(middle), faults)
    }
    const [only] = batch
    if (!fault && only?.write.start !== undefined) {
      // An earlier try whose acknowledgement was lost may have got through.
      const outcome = faults > 0 ? 'unknown' : 'not-applied'
      only.reject(new SagaStoreError(`start saga ${only.write.id}`, error, outcome))
      return
    }
    const again = this.#sendLater(batch, faults, error)
    // A write that alone is refused must not hold up the others.
    if (fault) return again
    again.catch((reason: unknown) => only?.reject(reason))
  }

  async #sendLater(batch: readonly Pending[], faults: number, error: unknown): Promise<void> {
    const retryInMs = fullJitterMs(faults, this.#random, { baseMs: 20, maxMs: 2_000 })
    emit<SagaEvent>(this.#onEvent, () => ({ type: 'store-fault', action: 'commit', error, retryInMs }))
    await this.#clock.sleep(retryInMs, { signal: this.#closed })
    return this.#send(batch, faults + 1)
  }
}
