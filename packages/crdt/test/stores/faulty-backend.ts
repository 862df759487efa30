import { type Backend, BackendError } from '../../src/store/backend.ts'
import { memoryBackend } from '../../src/memory/index.ts'

/** How often what goes wrong, from 0 to 1. */
export interface Faults {
  /** The command never reaches the database, or reaches it and the answer is lost, or it reaches it much later. */
  readonly lost: number
  /** The database refuses and says so. */
  readonly refused: number
  /** A driver that sends a command a second time, whose answer is the one that counts. */
  readonly resent: number
}

/** A database in memory behind a bad network, which can lose its end as an asynchronous fail-over does. */
export class FaultyBackend implements Backend {
  readonly canAppend = true
  readonly #random: () => number
  faults: Faults
  #memory: Backend = memoryBackend({ now: () => 0 })
  /** All that changed it, so that it can be made again as it was. */
  #log: Array<(memory: Backend) => Promise<unknown>> = []
  #late: Array<() => Promise<unknown>> = []

  constructor(random: () => number, faults: Faults) {
    this.#random = random
    this.faults = faults
  }

  read: Backend['read'] = (key, have, options) =>
    this.#send(() => this.#memory.read(key, have, options), true)

  commit: Backend['commit'] = (key, change) => {
    const commit = (memory: Backend): ReturnType<Backend['commit']> => memory.commit(key, change)
    return this.#send(() => this.#change(commit))
  }

  compact: NonNullable<Backend['compact']> = (key, at, state) =>
    this.#send(() => this.#change(async (memory) => memory.compact?.(key, at, state)))

  remove: Backend['remove'] = (key) => this.#send(() => this.#change((memory) => memory.remove(key)))

  /** Forgets the last changes; what is on its way goes to what remains. */
  async loseLast(count: number): Promise<void> {
    const kept = this.#log.slice(0, Math.max(0, this.#log.length - count))
    const memory = memoryBackend({ now: () => 0 })
    for (const change of kept) await change(memory)
    this.#log = kept
    this.#memory = memory
  }

  /** What is on its way arrives. */
  async settle(): Promise<void> {
    for (const late of this.#late.splice(0)) await late()
  }

  #change<T>(change: (memory: Backend) => Promise<T>): Promise<T> {
    this.#log.push(change)
    return change(this.#memory)
  }

  async #send<T>(command: () => Promise<T>, isRead = false): Promise<T> {
    for (let turns = Math.floor(this.#random() * 6); turns > 0; turns--) await Promise.resolve()
    if (this.#late.length > 0 && this.#random() < 0.3) await this.#late.shift()?.()
    if (this.#random() < this.faults.refused) throw new BackendError('not-applied', new Error('refused'))
    if (this.#random() < this.faults.lost) {
      const luck = this.#random()
      if (luck < 0.4) await command()
      else if (luck < 0.7 && !isRead) this.#late.push(command)
      throw new Error('connection lost')
    }
    if (!isRead && this.#random() < this.faults.resent) await command()
    const answer = await command()
    for (let turns = Math.floor(this.#random() * 6); turns > 0; turns--) await Promise.resolve()
    return answer
  }
}
