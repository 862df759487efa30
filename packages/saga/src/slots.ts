import { waitOrAbort } from '@quorate/core'

/** So many at once, first come first served. */
export class Slots {
  #free: number
  readonly #waiting: (() => void)[] = []

  constructor(count: number) {
    this.#free = count
  }

  /** @returns how to give the slot back; giving it back twice does nothing. */
  async acquire(signal: AbortSignal): Promise<() => void> {
    if (this.#free > 0) this.#free--
    else {
      const turn = new Promise<void>((resolve) => this.#waiting.push(resolve))
      await waitOrAbort(turn, signal, () => this.#pass())
    }
    let held = true
    return () => {
      if (held) this.#pass()
      held = false
    }
  }

  #pass(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#free++
    else next()
  }
}
