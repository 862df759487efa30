import type { Operation } from '../operation.ts'

/** An operation that changes a number by `by`. */
export interface Change {
  readonly operation: Operation
  readonly by: number
}

/** Between which values a number can be. */
export interface Range {
  readonly low: number
  readonly high: number
}

/**
 * What a reader may see of a sum: every change that had been acknowledged before the read began counts, every
 * other one that began before the read ended may count. Changes that failed never do.
 */
export class RangeOfSum {
  /** Sums of acknowledged changes by their end, and of all possible changes by their start. */
  readonly #acknowledged: Prefix
  readonly #ups: Prefix
  readonly #downs: Prefix
  readonly #acknowledgedUps: Prefix
  readonly #acknowledgedDowns: Prefix
  readonly #from: number

  constructor(from: number, changes: readonly Change[]) {
    const possible = changes.filter(({ operation }) => operation.status !== 'fail')
    const acknowledged = possible.filter(({ operation }) => operation.status === 'ok')
    const [up, down] = [(by: number) => Math.max(by, 0), (by: number) => Math.min(by, 0)]
    const same = (by: number): number => by
    this.#from = from
    this.#acknowledged = new Prefix(acknowledged, (operation) => operation.end, same)
    this.#acknowledgedUps = new Prefix(acknowledged, (operation) => operation.end, up)
    this.#acknowledgedDowns = new Prefix(acknowledged, (operation) => operation.end, down)
    this.#ups = new Prefix(possible, (operation) => operation.start, up)
    this.#downs = new Prefix(possible, (operation) => operation.start, down)
  }

  /** For a read that lasts from `start` to `end`. */
  during(start: number, end: number): Range {
    const certain = this.#from + this.#acknowledged.before(start)
    return {
      low: certain + this.#downs.before(end) - this.#acknowledgedDowns.before(start),
      high: certain + this.#ups.before(end) - this.#acknowledgedUps.before(start),
    }
  }
}

class Prefix {
  readonly #places: Float64Array
  readonly #sums: Float64Array

  constructor(
    changes: readonly Change[],
    placeOf: (operation: Operation) => number,
    part: (by: number) => number,
  ) {
    const sorted = changes.toSorted((a, b) => placeOf(a.operation) - placeOf(b.operation))
    this.#places = Float64Array.from(sorted, ({ operation }) => placeOf(operation))
    this.#sums = new Float64Array(sorted.length + 1)
    let [sum, i] = [0, 0]
    for (const { by } of sorted) this.#sums[++i] = sum += part(by)
  }

  /** Sum of all at places below this one. */
  before(place: number): number {
    let [low, high] = [0, this.#places.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.#places[middle] as number) < place) low = middle + 1
      else high = middle
    }
    return this.#sums[low] as number
  }
}
