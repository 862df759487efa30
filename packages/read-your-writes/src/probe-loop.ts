import { waitOrAbort, type Clock } from '@quorate/core'
import { deadline } from './deadline.ts'
import { connectTo, giveBack, prepared, type Checkout } from './postgres/checkout.ts'
import type { PgPool, PgPoolClient } from './postgres/port.ts'

/** Options of {@link ProbeLoop}. */
export interface ProbeLoopOptions {
  readonly pool: PgPool
  readonly clock: Clock
  readonly deadlineMs: number
  /** How long until the next probe; asked each time. */
  readonly intervalMs: () => number
  /** Asks the server and draws its conclusions. The time is that before the question was sent. */
  readonly probe: (checkout: Checkout, askedAtMs: number) => Promise<void>
  readonly failed: (error: unknown) => void
  /** After {@link ProbeLoop.stop}: may anybody still have to be told that the server has gone? */
  readonly isNeeded: () => boolean
}

/**
 * Asks one server again and again, on one connection that it keeps: when the pool is exhausted by work,
 * that must not look like a dead server.
 */
export class ProbeLoop {
  readonly #options: ProbeLoopOptions
  readonly #stopping = new AbortController()
  #nap = new AbortController()
  /** Goes on from probe to probe: one more with each of them would pile up in the pool of a server that is silent. */
  #connecting: Promise<PgPoolClient> | undefined
  #checkout: Checkout | undefined
  #finished: Promise<void> | undefined

  constructor(options: ProbeLoopOptions) {
    this.#options = options
  }

  start(): void {
    this.#finished ??= this.#run()
  }

  /** Probes now instead of at the end of the interval. */
  hurry(): void {
    this.#nap.abort()
  }

  /**
   * Resolves when nothing runs any more and the connection is back in its pool; or at once, if it is needed: then it
   * ends by itself.
   */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#nap.abort()
    if (!this.#options.isNeeded()) await this.#finished
  }

  async #run(): Promise<void> {
    while (!this.#isOver()) {
      await this.#probeOnce()
      await this.#sleep()
    }
    this.#checkout?.release()
    void this.#connecting?.then(giveBack).catch(() => {})
  }

  #isOver(): boolean {
    return this.#stopping.signal.aborted && !this.#options.isNeeded()
  }

  async #probeOnce(): Promise<void> {
    const { clock, deadlineMs, probe, failed } = this.#options
    using limit = deadline(clock, deadlineMs, 'The probe')
    try {
      this.#checkout ??= await this.#connect(this.#orStopping(limit.signal))
      const askedAtMs = clock.monotonic()
      await waitOrAbort(probe(this.#checkout, askedAtMs), limit.signal)
    } catch (error) {
      this.#checkout?.release(true)
      this.#checkout = undefined
      if (!this.#isOver()) failed(error)
    }
  }

  #orStopping(signal: AbortSignal): AbortSignal {
    const stopping = this.#stopping.signal
    return stopping.aborted ? signal : AbortSignal.any([signal, stopping])
  }

  async #connect(signal: AbortSignal): Promise<Checkout> {
    this.#connecting ??= connectTo(this.#options.pool)
    let client: PgPoolClient
    try {
      client = await waitOrAbort(this.#connecting, signal)
    } catch (error) {
      if (!signal.aborted) this.#connecting = undefined
      throw error
    }
    this.#connecting = undefined
    return prepared(client, signal)
  }

  async #sleep(): Promise<void> {
    if (this.#isOver()) return
    this.#nap = new AbortController()
    await this.#options.clock
      .sleep(this.#options.intervalMs(), { signal: this.#nap.signal, ref: false })
      .catch(() => {})
  }
}
