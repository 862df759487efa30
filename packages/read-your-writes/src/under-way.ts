/** Until when, by the monotonic clock, and what is said then. */
export interface Deadline {
  readonly atMs: number
  readonly error: () => Error
}

/** How one thing is waited for. */
export interface UntilOptions {
  readonly signal?: AbortSignal | undefined
  /** Looked at again and again, so it may change while this is waited for. */
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
  readonly #waits = new Set<Wait>()

  /**
   * Waits for `attempt`, but not beyond the signal, its deadline, or {@link giveUp}.
   *
   * @throws what `attempt` throws; `signal.reason`; the reason given to `giveUp()`; the deadline's error.
   */
  until<T>(attempt: Promise<T>, options: UntilOptions = {}): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const wait = new Wait(this.#waits, options, reject)
      if (wait.isOver) {
        attempt.catch(() => {}) // nobody waits for it
        return
      }
      attempt.then(
        (value) => {
          wait.end()
          resolve(value)
        },
        (error: unknown) => {
          wait.end()
          reject(error)
        },
      )
    })
  }

  /** Ends all waits. */
  giveUp(reason: unknown): void {
    for (const wait of this.#waits) wait.stop(reason)
  }

  /** Ends the waits whose deadline has passed. */
  giveUpLate(nowMs: number): void {
    for (const wait of this.#waits) {
      const { deadline } = wait.options
      if (deadline !== undefined && deadline.atMs <= nowMs) wait.stop(deadline.error())
    }
  }
}

/** One thing that is waited for; registered until it ends. */
class Wait {
  readonly options: UntilOptions
  isOver = false
  readonly #all: Set<Wait>
  readonly #reject: (reason: unknown) => void
  readonly #aborted: (() => void) | undefined

  constructor(all: Set<Wait>, options: UntilOptions, reject: (reason: unknown) => void) {
    this.options = options
    this.#all = all
    this.#reject = reject
    const { signal } = options
    if (signal === undefined) {
      all.add(this)
      return
    }
    this.#aborted = () => this.stop(signal.reason)
    if (signal.aborted) {
      this.#aborted()
    } else {
      all.add(this)
      signal.addEventListener('abort', this.#aborted, { once: true })
    }
  }

  end(): void {
    if (this.isOver) return
    this.isOver = true
    this.#all.delete(this)
    if (this.#aborted !== undefined) this.options.signal?.removeEventListener('abort', this.#aborted)
  }

  stop(reason: unknown): void {
    this.end()
    this.#reject(reason)
    this.options.abandon?.()
  }
}
