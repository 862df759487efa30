import { ByteReader, ByteWriter } from './bytes.ts'
import { checkDot, type Dot, isCounter, type Ordering } from './dot.ts'
import { DecodeError, entriesOf, typeOf, wrongType } from './errors.ts'
import { show } from './inspect.ts'

const FORMAT = 1
const WHAT = 'version vector'

/**
 * How many events of each node a history holds (Parker et al. 1983). A value: it never changes, and
 * its methods return new vectors.
 *
 * Inside, ids in order beside their counters. Vectors of one lineage share the array of ids, so most
 * comparisons never look at a string (10 entries: see `bench/vector-clock`).
 *
 * @example
 * ```ts
 * const a = VersionVector.of({ node1: 2, node2: 1 })
 * const b = VersionVector.of({ node1: 1, node2: 2 })
 * a.compare(b) // 'concurrent'
 * a.merge(b).toJSON() // { node1: 2, node2: 2 }
 * ```
 */
export class VersionVector implements Iterable<readonly [node: string, counter: number]> {
  /** @internal */
  protected static readonly isShown: boolean = /* @__PURE__ */ show(VersionVector, 'VersionVector')

  /** The history that holds nothing. */
  static get empty(): VersionVector {
    return new VersionVector([], [])
  }

  /** Sorted by UTF-16 units. Replaced by an equal array when one is met, so that the two are shared. */
  #nodes: readonly string[]
  readonly #counters: readonly number[]

  private constructor(nodes: readonly string[], counters: readonly number[]) {
    this.#nodes = nodes
    this.#counters = counters
  }

  /**
   * A vector from counters by node, as an object or as entries; zeros are left out.
   *
   * @throws TypeError for an empty or ill-formed node id, or if `counters` is no object.
   * @throws RangeError for a counter that is not a whole number from 0 to 2^53 − 1.
   */
  static of(
    counters: Readonly<Record<string, number>> | Iterable<readonly [node: string, counter: number]>,
  ): VersionVector {
    if (typeof counters !== 'object' || counters === null) {
      throw new TypeError(
        `counters must be an object of counters by node, or entries, got ${typeOf(counters)}`,
      )
    }
    if (Symbol.iterator in counters) return VersionVector.of(Object.fromEntries(counters))
    const nodes = Object.keys(counters)
      .filter((node) => counters[node] !== 0)
      .toSorted()
    return new VersionVector(
      nodes,
      nodes.map((node) => checkDot(node, counters[node] as number)),
    )
  }

  /**
   * The vector that `toJSON()` wrote.
   *
   * @throws DecodeError if `json` is anything else than an object of node ids and counters.
   */
  static fromJSON(json: unknown): VersionVector {
    const entries = entriesOf(json, WHAT)
    try {
      return VersionVector.of(Object.fromEntries(entries) as Record<string, number>)
    } catch (error) {
      throw new DecodeError(WHAT, (error as Error).message)
    }
  }

  /**
   * The vector that `encode()` wrote.
   *
   * @throws DecodeError on anything else. Equal vectors have equal bytes: no second spelling is accepted.
   */
  static decode(bytes: Uint8Array): VersionVector {
    const reader = new ByteReader(bytes, WHAT)
    reader.format(FORMAT)
    const nodes: string[] = []
    const counters: number[] = []
    for (let left = reader.count(); left > 0; left--) {
      const node = reader.nodeAfter(nodes.at(-1) ?? '')
      const counter = reader.uint()
      if (counter === 0) reader.fail('a counter is 0')
      nodes.push(node)
      counters.push(counter)
    }
    reader.end()
    return new VersionVector(nodes, counters)
  }

  /** How many nodes have an event in it. */
  get size(): number {
    return this.#nodes.length
  }

  /** The counter of a node; 0 if it has no event. */
  get(node: string): number {
    const index = indexOf(this.#nodes, node)
    return index < 0 ? 0 : (this.#counters[index] as number)
  }

  /** True if this history holds the event. */
  includes(dot: Dot): boolean {
    return dot.counter <= this.get(dot.node)
  }

  /**
   * This history and one more event of `node`.
   *
   * @throws TypeError for an empty or ill-formed node id.
   * @throws RangeError when the node's counter is used up (2^53 − 1).
   */
  increment(node: string): VersionVector {
    const index = indexOf(this.#nodes, node)
    if (index < 0) {
      checkDot(node, 1)
      return new VersionVector(this.#nodes.toSpliced(~index, 0, node), this.#counters.toSpliced(~index, 0, 1))
    }
    const counter = (this.#counters[index] as number) + 1
    if (!isCounter(counter)) checkDot(node, counter)
    return new VersionVector(this.#nodes, this.#counters.with(index, counter))
  }

  /**
   * How this history relates to the other.
   *
   * @throws TypeError if the other is not a vector: JSON is made one by `fromJSON()`. One of another copy of this
   *   package will do, here and in `dominates()` and `merge()`.
   */
  compare(other: VersionVector): Ordering {
    const that = VersionVector.#own(other)
    if (this.#nodes !== that.#nodes) return this.#walk(that)
    const mine = this.#counters
    const theirs = that.#counters
    let less = false
    let more = false
    for (let i = 0; i < mine.length; i++) {
      const difference = (mine[i] as number) - (theirs[i] as number)
      if (difference < 0) less = true
      else if (difference > 0) more = true
    }
    return ordering(less, more)
  }

  /** True if this history holds every event of the other: `compare` says `after` or `equal`. @throws as it does. */
  dominates(other: VersionVector): boolean {
    const order = this.compare(other)
    return order === 'after' || order === 'equal'
  }

  /** The events of both. Returns one of the two themselves if it holds the other. @throws as `compare()` does. */
  merge(other: VersionVector): VersionVector {
    const that = VersionVector.#own(other)
    const order = this.compare(that)
    if (order !== 'concurrent') return order === 'before' ? that : this
    const nodes: string[] = []
    const counters: number[] = []
    if (this.#nodes !== that.#nodes) {
      this.#walk(that, nodes, counters)
      return new VersionVector(nodes, counters)
    }
    for (let i = 0; i < this.#counters.length; i++) {
      counters.push(Math.max(this.#counters[i] as number, that.#counters[i] as number))
    }
    return new VersionVector(this.#nodes, counters)
  }

  /** The entries, in order of their node ids. */
  *[Symbol.iterator](): IterableIterator<readonly [node: string, counter: number]> {
    for (let i = 0; i < this.#nodes.length; i++) yield [this.#nodes[i] as string, this.#counters[i] as number]
  }

  /** `{ node: counter }`, ids in order (but ids that look like array indices first, as in any object). */
  toJSON(): Record<string, number> {
    return Object.fromEntries(this)
  }

  /** Its JSON, for logs and messages. */
  toString(): string {
    return JSON.stringify(this)
  }

  /** Compact bytes: format 1, number of entries, then each id and counter, in order of the ids. */
  encode(): Uint8Array<ArrayBuffer> {
    const writer = new ByteWriter()
    writer.byte(FORMAT)
    writer.uint(this.size)
    for (let i = 0; i < this.size; i++) {
      writer.text(this.#nodes[i] as string)
      writer.uint(this.#counters[i] as number)
    }
    return writer.finish()
  }

  /** The vector itself, or the same one as this copy of the package makes it. */
  static #own(other: VersionVector): VersionVector {
    return #nodes in checkVersion('other', other) ? other : VersionVector.of(other)
  }

  /**
   * Meets each id of the two once, in order, and puts it and its larger counter into the lists, if given.
   * Two that turn out to have the same ids share one array from then on, and no string is looked at again.
   */
  #walk(other: VersionVector, nodes?: string[], counters?: number[]): Ordering {
    const a = this.#nodes
    const b = other.#nodes
    let same = true
    let less = false
    let more = false
    for (let i = 0, j = 0; i < a.length || j < b.length;) {
      const both = a[i] === b[j]
      const mine = both || j === b.length || (a[i] as string) < (b[j] as string)
      const x = mine ? (this.#counters[i] as number) : 0
      const y = both || !mine ? (other.#counters[j] as number) : 0
      nodes?.push((mine ? a[i] : b[j]) as string)
      counters?.push(Math.max(x, y))
      if (x < y) less = true
      else if (x > y) more = true
      if (both || mine) i++
      if (both || !mine) j++
      same &&= both
    }
    if (same) other.#nodes = a
    return ordering(less, more)
  }
}

/**
 * The vector. @throws TypeError if it is none. Not `instanceof`: it may be of another copy of the package.
 *
 * @internal
 */
export const checkVersion = (what: string, version: VersionVector): VersionVector =>
  typeof version?.dominates === 'function' ? version : wrongType(what, 'VersionVector', version)

const ordering = (less: boolean, more: boolean): Ordering =>
  less ? (more ? 'concurrent' : 'before') : more ? 'after' : 'equal'

/** Binary search: the index of `node`, or below 0 `~` the index where it would be. */
function indexOf(nodes: readonly string[], node: string): number {
  let low = 0
  let high = nodes.length - 1
  while (low <= high) {
    const middle = (low + high) >>> 1
    const there = nodes[middle] as string
    if (there === node) return middle
    if (there < node) low = middle + 1
    else high = middle - 1
  }
  return ~low
}
