import type { Site } from './site.ts'

/** Consecutive deletions of one replica whose targets follow each other, up or (backspace) down. */
export class Deletion {
  /** Of the first of the deletions. Each is an event of its own. */
  readonly counter: number
  length: number
  readonly site: Site
  /** The character that the first one deletes. */
  readonly target: number
  /** From one target to the next: 1 or −1; 1 if there is only one. */
  step: number

  constructor(counter: number, length: number, site: Site, target: number, step: number) {
    this.counter = counter
    this.length = length
    this.site = site
    this.target = target
    this.step = step
  }

  /** The lowest of its targets. */
  get low(): number {
    return this.step > 0 ? this.target : this.target - this.length + 1
  }
}

/** The deletions of one replica, in order. */
export class DeletionLog {
  /** `undefined` until somebody asks for the first ones. */
  #runs: Deletion[] | undefined = []
  #first: () => Deletion[] = () => []

  /** Notes the deletions that follow those noted so far. */
  add(counter: number, length: number, site: Site, target: number, step: number): void {
    const runs = this.#runs ?? this.#open()
    const last = runs[runs.length - 1]
    if (last !== undefined && last.site === site && last.counter + last.length === counter) {
      const stride = target - (last.target + last.step * (last.length - 1))
      const fits = last.length === 1 ? stride === 1 || stride === -1 : stride === last.step
      if (fits) {
        // As if they had come one by one, so that the log does not depend on how they came.
        const taken = length === 1 || step === stride ? length : 1
        last.step = stride
        last.length += taken
        if (taken < length) this.add(counter + taken, length - taken, site, target + step, step)
        return
      }
    }
    runs.push(new Deletion(counter, length, site, target, length === 1 ? 1 : step))
  }

  /** Starts an empty log with runs none of which goes on from the one before, to be made when they are asked for. */
  start(first: () => Deletion[]): void {
    this.#runs = undefined
    this.#first = first
  }

  /** Runs with an event after `counter`, in order. */
  *runs(counter = 0): IterableIterator<Deletion> {
    const runs = this.#runs ?? this.#open()
    for (let i = this.#indexOf(counter + 1); i < runs.length; i++) yield runs[i] as Deletion
  }

  /** The run with an event; `undefined` if the event is none of these. */
  find(counter: number): Deletion | undefined {
    const run = (this.#runs ?? this.#open())[this.#indexOf(counter)]
    return run !== undefined && run.counter <= counter ? run : undefined
  }

  #open(): Deletion[] {
    const runs = this.#first()
    this.#first = () => []
    this.#runs = runs
    return runs
  }

  /** The first run that ends at or after `counter`. */
  #indexOf(counter: number): number {
    const runs = this.#runs ?? this.#open()
    let low = 0
    let high = runs.length
    while (low < high) {
      const middle = (low + high) >>> 1
      const run = runs[middle] as Deletion
      if (run.counter + run.length <= counter) low = middle + 1
      else high = middle
    }
    return low
  }
}
