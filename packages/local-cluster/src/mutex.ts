/** One after the other, in the order they came. */
export class Mutex {
  #last: Promise<unknown> = Promise.resolve()
  #pending = 0

  /** Something runs or waits to run. */
  get isBusy(): boolean {
    return this.#pending > 0
  }

  run<T>(task: () => Promise<T>): Promise<T> {
    this.#pending++
    const result = this.#last.then(task, task).finally(() => this.#pending--)
    this.#last = result.catch(() => {})
    return result
  }
}
