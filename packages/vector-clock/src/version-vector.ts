import { ByteReader, ByteWriter } from './bytes.ts'
import { checkDot, type Dot, isCounter, isNode, type Ordering } from './dot.ts'
import { badEntry, entriesOf } from './errors.ts'

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
   * @throws TypeError for an empty or ill-formed node id.
   * @throws RangeError for a counter that is not a whole number from 0 to 2^53 − 1.
   */
  static of(
    counters: Readonly<Record<string, number>> | Iterable<readonly [node: string, counter: number]>,
  ): VersionVector {
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
    for (const [node, counter] of entriesOf(json, WHAT)) {
      if (!isNode(node) || !(counter === 0 || isCounter(counter))) badEntry(WHAT, node)
    }
    return VersionVector.of(json as Record<string, number>)
  }

  /**
   * The vector that `encode()` wrote.
   *
   * @throws DecodeError on anything else. Equal vectors have equal bytes: no second spelling is accepted.
   */
  static decode(bytes: Uint8Array): VersionVector {
    const reader = new ByteReader(bytes, WHAT)
    if (reader.byte() !== FORMAT) reader.fail('its format is unknown')
    const nodes: string[] = []
    const counters: number[] = []
    for (let left = reader.count(); left > 0; left--) {
      const node = reader.text()
      const counter = reader.uint()
      // Above '' for the first: that also keeps out the empty id.
      if (!(node > (nodes.at(-1) ?? ''))) reader.fail('its node ids are not in order')
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
      const at = -index - 1
      return new VersionVector(this.#nodes.toSpliced(at, 0, node), this.#counters.toSpliced(at, 0, 1))
    }
    const counter = (this.#counters[index] as number) + 1
    if (!isCounter(counter)) checkDot(node, counter)
    return new VersionVector(this.#nodes, this.#counters.with(index, counter))
  }

  /** How this history relates to the other. */
  compare(other: VersionVector): Ordering {
    let less = false
    let more = false
    if (this.#align(other)) {
      for (let i = 0; i < this.#counters.length; i++) {
        const difference = (this.#counters[i] as number) - (other.#counters[i] as number)
        if (difference < 0) less = true
        else if (difference > 0) more = true
      }
    } else {
      walk(this.#nodes, other.#nodes, (_node, i, j) => {
        less ||= (this.#counters[i] ?? 0) < (other.#counters[j] ?? 0)
        more ||= (this.#counters[i] ?? 0) > (other.#counters[j] ?? 0)
      })
    }
    if (less) return more ? 'concurrent' : 'before'
    return more ? 'after' : 'equal'
  }

  /** True if this history holds every event of the other: `compare` says `after` or `equal`. */
  dominates(other: VersionVector): boolean {
    const order = this.compare(other)
    return order === 'after' || order === 'equal'
  }

  /** The events of both. Returns one of the two themselves if it holds the other. */
  merge(other: VersionVector): VersionVector {
    const order = this.compare(other)
    if (order !== 'concurrent') return order === 'before' ? other : this
    if (this.#nodes === other.#nodes) {
      const counters = this.#counters.slice()
      for (let i = 0; i < counters.length; i++) {
        const theirs = other.#counters[i] as number
        if (theirs > (counters[i] as number)) counters[i] = theirs
      }
      return new VersionVector(this.#nodes, counters)
    }
    const nodes: string[] = []
    const counters: number[] = []
    walk(this.#nodes, other.#nodes, (node, i, j) => {
      nodes.push(node)
      counters.push(Math.max(this.#counters[i] ?? 0, other.#counters[j] ?? 0))
    })
    return new VersionVector(nodes, counters)
  }

  /** The entries, in order of their node ids. */
  *[Symbol.iterator](): IterableIterator<readonly [node: string, counter: number]> {
    for (let i = 0; i < this.#nodes.length; i++) yield [this.#nodes[i] as string, this.#counters[i] as number]
  }

  /** `{ node: counter }`, ids in order (but ids that look like array indices first, as in any object). */
  toJSON(): Record<string, number> {
    return Object.fromEntries(this)
  }

  /** Compact bytes: format 1, number of entries, then each id and counter, in order of the ids. */
  encode(): Uint8Array {
    const writer = new ByteWriter()
    writer.byte(FORMAT)
    writer.uint(this.size)
    for (const [node, counter] of this) {
      writer.text(node)
      writer.uint(counter)
    }
    return writer.finish()
  }

  /** True if both have the same node ids. From then on they share one array, and the answer is free. */
  #align(other: VersionVector): boolean {
    const mine = this.#nodes
    const theirs = other.#nodes
    if (mine === theirs) return true
    if (mine.length !== theirs.length) return false
    for (let i = 0; i < mine.length; i++) if (mine[i] !== theirs[i]) return false
    other.#nodes = mine
    return true
  }
}

/** Binary search: the index of `node`, or −1 minus the place where it belongs. */
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
  return -low - 1
}

/** Visits each id of two sorted lists once; an index is −1 where the list does not have the id. */
function walk(
  a: readonly string[],
  b: readonly string[],
  visit: (node: string, i: number, j: number) => void,
): void {
  let i = 0
  let j = 0
  while (i < a.length || j < b.length) {
    const mine = a[i]
    const theirs = b[j]
    if (mine === theirs) visit(mine as string, i++, j++)
    else if (theirs === undefined || (mine as string) < theirs) visit(mine as string, i++, -1)
    else visit(theirs, -1, j++)
  }
}
