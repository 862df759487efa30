import type { Clock } from '@quorate/core'
import { sweeperOf } from './sweeper.ts'

/**
 * Ends waits at a time, or when somebody's signal says so. Most end before: so it has no timer of its own, and a signal
 * only if somebody asks for one.
 */
export class Deadline implements Disposable {
  readonly #clock: Clock
  readonly #error: () => Error
  readonly #outer: AbortSignal | undefined
  readonly #follow: (() => void) | undefined
  readonly #waits = new Set<(reason: unknown) => void>()
  #controller: AbortController | undefined
  #isOver = false
  #reason: unknown
  /** By the monotonic clock. */
  readonly atMs: number

  /** @param error what is thrown when the time is over. */
  constructor(clock: Clock, ms: number, error: () => Error, outer?: AbortSignal) {
    this.#clock = clock
    this.#error = error
    this.#outer = outer
    this.atMs = ms === Infinity ? Infinity : clock.monotonic() + ms
    if (outer !== undefined) {
      this.#follow = () => this.#end(outer.reason)
      if (outer.aborted) {
        this.#follow()
        return
      }
      outer.addEventListener('abort', this.#follow, { once: true })
    }
    if (ms !== Infinity) sweeperOf(clock).add(this)
  }

  get isOver(): boolean {
    return this.#isOver
  }

  /** What is thrown, once it is over. */
  get reason(): unknown {
    return this.#reason
  }

  /** For others. */
  get signal(): AbortSignal {
    if (this.#controller === undefined) {
      this.#controller = new AbortController()
      if (this.#isOver) this.#controller.abort(this.#reason)
    }
    return this.#controller.signal
  }

  throwIfOver(): void {
    if (this.#isOver) throw this.#reason
  }

  /** @param listener called once with the reason, unless what this returns is called before. */
  onOver(listener: (reason: unknown) => void): () => void {
    this.add(listener)
    return () => void this.remove(listener)
  }

  /** As {@link onOver}, for who keeps the listener to {@link remove} it. */
  add(listener: (reason: unknown) => void): void {
    if (this.#isOver) listener(this.#reason)
    else this.#waits.add(listener)
  }

  /** @returns whether it was still waiting. */
  remove(listener: (reason: unknown) => void): boolean {
    return this.#waits.delete(listener)
  }

  /** @param onLate gets what comes after the end. What it throws is ignored. */
  wait<T>(promise: Promise<T>, onLate?: (value: T) => void): Promise<T> {
    return new Promise((resolve, reject) => {
      this.add(reject)
      promise.then(
        (value) => {
          if (this.remove(reject)) resolve(value)
          else if (onLate !== undefined) ignoringErrors(onLate, value) // nobody is left to tell
        },
        (error: unknown) => {
          if (this.remove(reject)) reject(error)
        },
      )
    })
  }

  /** The time has come. */
  passed(): void {
    this.#end(this.#error())
  }

  [Symbol.dispose](): void {
    this.#leave()
  }

  #end(reason: unknown): void {
    if (this.#isOver) return
    this.#isOver = true
    this.#reason = reason
    this.#leave()
    const waits = [...this.#waits]
    this.#waits.clear()
    for (const wait of waits) wait(reason)
    this.#controller?.abort(reason)
  }

  #leave(): void {
    if (this.atMs !== Infinity) sweeperOf(this.#clock).remove(this)
    if (this.#follow !== undefined) this.#outer?.removeEventListener('abort', this.#follow)
  }
}

function ignoringErrors<T>(call: (value: T) => void, value: T): void {
  try {
    call(value)
  } catch {}
}
