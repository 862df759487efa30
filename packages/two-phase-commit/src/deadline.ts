import { type Clock, waitOrAbort } from '@quorate/core'

const OVER = 'over'

/** Ends waits at a time, or when somebody's signal says so. One timer for all of them. */
export class Deadline implements Disposable {
  readonly #controller = new AbortController()
  readonly #done = new AbortController()
  readonly #outer: AbortSignal | undefined
  readonly #follow = (): void => this.#controller.abort(this.#outer?.reason)

  /** @param error what is thrown when the time is over. */
  constructor(clock: Clock, ms: number, error: () => Error, outer?: AbortSignal) {
    this.#outer = outer
    if (outer?.aborted === true) this.#follow()
    else outer?.addEventListener('abort', this.#follow, { once: true })
    if (ms === Infinity) return
    clock.sleep(ms, { signal: this.#done.signal }).then(
      () => this.#controller.abort(error()),
      () => {},
    )
  }

  get signal(): AbortSignal {
    return this.#controller.signal
  }

  /** @param onLate gets what comes after the end. */
  wait<T>(promise: Promise<T>, onLate?: (value: T) => void): Promise<T> {
    return waitOrAbort(promise, this.#controller.signal, onLate)
  }

  [Symbol.dispose](): void {
    this.#done.abort(OVER) // without a reason it makes an error with a stack, each time
    this.#outer?.removeEventListener('abort', this.#follow)
  }
}
