/** One thing that is waited for. */
interface Entry {
  readonly deadline: Deadline | undefined
  readonly stop: (reason: unknown) => void
}

/** Until when, by the monotonic clock, and what is said then. */
export interface Deadline {
  readonly atMs: number
  readonly error: () => Error
}

/** How one thing is waited for. */
export interface UntilOptions {
  readonly signal?: AbortSignal | undefined
  readonly deadline?: Deadline | undefined
  /** Called when the wait ended before the attempt did. */
  readonly abandon?: (() => void) | undefined
}

/**
 * What runs on one server. A server that has gone does not say so: those who wait for it are told here, by
 * whoever finds out. One registration for each, and no timer and no signal: they are most of what a routed
 * read costs.
 */
export class UnderWay {
  readonly #entries = new Set<Entry>()

  /**
   * Waits for `attempt`, but not beyond the signal, its deadline, or {@link giveUp}.
   *
   * @throws what `attempt` throws; `signal.reason`; the reason given to `giveUp()`; the deadline's error.
   */
  until<T>(attempt: Promise<T>, options: UntilOptions = {}): Promise<T> {
    const { signal, deadline, abandon } = options
    return new Promise<T>((resolve, reject) => {
      const forget = (): void => {
        this.#entries.delete(entry)
        signal?.removeEventListener('abort', aborted)
      }
      const stop = (reason: unknown): void => {
        forget()
        reject(reason)
        abandon?.()
      }
      const aborted = (): void => stop(signal?.reason)
      const entry: Entry = { deadline, stop }
      if (signal?.aborted === true) {
        attempt.catch(() => {}) // nobody waits for it
        reject(signal.reason)
        abandon?.()
        return
      }
      this.#entries.add(entry)
      signal?.addEventListener('abort', aborted, { once: true })
      attempt.then(
        (value) => {
          forget()
          resolve(value)
        },
        (error: unknown) => {
          forget()
          reject(error)
        },
      )
    })
  }

  /** Ends all waits. */
  giveUp(reason: unknown): void {
    for (const { stop } of this.#entries) stop(reason)
  }

  /** Ends the waits whose deadline has passed. */
  giveUpLate(nowMs: number): void {
    for (const { deadline, stop } of this.#entries) {
      if (deadline !== undefined && deadline.atMs <= nowMs) stop(deadline.error())
    }
  }
}
