import type { TypeFormat } from '../format.ts'

// A row is consecutive events of one replica: (how many − 1) × 8 + kind, then which characters it refers to. One is
// told as its distance from the last character of that replica that a row was about, as that is mostly near.
// Short rows refer to a character of the replica that the row before was about; the two that say `HERE` to
// that very character: typing goes on where something was deleted, and the other way round.

/** Characters, the first of them left child of the one referred to. */
export const LEFT_CHILD = 1
/** Characters, the first of them right child of the one referred to, with its right origin. */
export const RIGHT_CHILD = 2
/** Deletions, from the one referred to on down; a single one too. */
export const DELETE_DOWN = 4
/** Deletions, from the one referred to on up. */
export const DELETE_UP = 5
/** Taken from a kind: with no distance, as it is 0. */
export const HERE = -1
/** Followed by a kind of its own byte; its references are an index of a replica + 1, and the distance. */
export const LONG = 6
/** Long only. Characters, the first of them right child of the one referred to; a second reference is its right origin. */
export const RIGHT_CHILD_BEFORE = 0
/** So many events are not among these rows; none: here ends the list. The one row with no − 1. */
export const GAP = 7

/** Rows once they are read, `WIDTH` cells each: an object for each would be most of the time. Integers where they fit. */
export type Cells = Int32Array | Float64Array

export const WIDTH = 6
/** One of the kinds above, never `HERE` or `LONG`. */
export const KIND = 0
/** Index of the replica whose row it is; and the counter of its first event. */
export const OWN = 1
export const COUNTER = 2
export const LENGTH = 3
/** Index of the replica referred to, −1 for start and end; and the counter of the character, 0 then. */
export const INDEX = 4
export const TARGET = 5

/** How all bytes of text begin. */
export const FORMAT: TypeFormat<'text'> = { type: 'text', tag: 15 }

/** The most events of one replica: so that all numbers of a row stay exact. 100 edits a second for 89,000 years. */
export const MAX_EVENTS: number = 2 ** 48

/** Which characters rows were about last. Start and end have index −1 and are never near. */
export class Places {
  readonly #last: number[]
  /** Those of which that is not 0. */
  #known: number[] = []
  /** Index of the replica whose character the row before was about. */
  near = 0

  /** @param names how many replicas there are. */
  constructor(names: number) {
    this.#last = Array.from({ length: names }, () => 0)
  }

  /**
   * Begins the rows of a replica. What was known for the one before is forgotten, in no more time than it took to note:
   * replicas may be many.
   *
   * @param own its index.
   * @param first counter of its first event among the rows.
   */
  start(own: number, first: number): void {
    for (const index of this.#known) this.#last[index] = 0
    this.#known = []
    this.see(own, first - 1)
    this.near = own
  }

  last(index: number): number {
    return this.#last[index] as number
  }

  /** A row referred to a character. */
  see(index: number, counter: number): void {
    if (this.#last[index] === 0) this.#known.push(index)
    this.#last[index] = counter
  }

  /** A row was about a character. */
  set(index: number, counter: number): void {
    this.see(index, counter)
    this.near = index
  }

  /** How far a character is from the last one, zigzag: 0, 1, −1, 2, … as 0, 2, 1, 4, … */
  distance(index: number, counter: number): number {
    const distance = counter - (this.#last[index] as number)
    return distance < 0 ? -2 * distance - 1 : 2 * distance
  }

  /** The character at a distance. */
  at(index: number, distance: number): number {
    const from = this.#last[index] as number
    return distance % 2 === 0 ? from + distance / 2 : from - (distance + 1) / 2
  }
}
