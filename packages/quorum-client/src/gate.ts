/** Lets at most `limit` tasks of one name run at once; the others wait their turn. */
export class Gate {
  readonly #limit: number
  readonly #running = new Map<string, number>()
  readonly #waiting = new Map<string, (() => void)[]>()

  constructor(limit: number) {
    this.#limit = limit
  }

  async run<A>(name: string, task: () => Promise<A>): Promise<A> {
    const running = this.#running.get(name) ?? 0
    if (running < this.#limit) this.#running.set(name, running + 1)
    else await this.#turn(name)
    try {
      return await task()
    } finally {
      // The place goes to the next in line, or is free again.
      const next = this.#waiting.get(name)?.shift()
      if (next === undefined) this.#running.set(name, (this.#running.get(name) ?? 1) - 1)
      else next()
    }
  }

  #turn(name: string): Promise<void> {
    return new Promise((resolve) => {
      const list = this.#waiting.get(name)
      if (list === undefined) this.#waiting.set(name, [resolve])
      else list.push(resolve)
    })
  }
}
