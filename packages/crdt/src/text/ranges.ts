import { firstRange } from './op-set.ts'

/** Whole numbers, as ranges: made for sets that are few and long. */
export class Ranges {
  /** `[from, to, …]`, both included, in order, not touching. */
  readonly #flat: number[] = []

  /** The last of the numbers that follow one without a hole; `undefined` if the one is not there. */
  endOf(number: number): number | undefined {
    const at = firstRange(this.#flat, number)
    return (this.#flat[at] ?? Infinity) <= number ? this.#flat[at + 1] : undefined
  }

  /** Takes in all numbers from one to another. */
  add(from: number, to: number): void {
    const flat = this.#flat
    const at = firstRange(flat, from - 1)
    let end = at
    let [low, high] = [from, to]
    for (; (flat[end] ?? Infinity) <= to + 1; end += 2) {
      low = Math.min(low, flat[end] as number)
      high = Math.max(high, flat[end + 1] as number)
    }
    flat.splice(at, end - at, low, high)
  }

  /** Visits what there is between two numbers, as ranges. */
  within(from: number, to: number, visit: (from: number, to: number) => void): void {
    const flat = this.#flat
    for (let at = firstRange(flat, from); at < flat.length && (flat[at] as number) <= to; at += 2) {
      visit(Math.max(from, flat[at] as number), Math.min(to, flat[at + 1] as number))
    }
  }
}

/** Adds to the ranges of a name, which are made if there are none. */
export function addRange<K>(all: Map<K, Ranges>, key: K, from: number, to: number): void {
  let ranges = all.get(key)
  if (ranges === undefined) all.set(key, (ranges = new Ranges()))
  ranges.add(from, to)
}
