/**
 * Exactly which events were seen, gaps included.
 * @packageDocumentation
 */
import { ByteReader, ByteWriter } from './bytes.ts'
import { checkDot, type Dot, isCounter, isNode } from './dot.ts'
import { badEntry, entriesOf, wrongType } from './errors.ts'
import { show } from './inspect.ts'
import { contains, insert, union } from './runs.ts'
import { VersionVector } from './version-vector.ts'

const FORMAT = 1
const WHAT = 'causal context'
/** Numbers in a list of runs up to which it is put in run by run: a move of all costs a 50th of a copy. */
const FEW = 32

/** Consecutive events of one node, both ends included. */
export interface DotRun {
  readonly node: string
  readonly from: number
  readonly to: number
}

/**
 * Exactly which events a replica has seen: a version vector and the dots above its gaps (Almeida,
 * Shoker, Baquero 2018), kept as runs per node, which compacts itself and has one form only.
 *
 * A container that grows, as a `Set` does, not a value as {@link VersionVector} is.
 *
 * @example
 * ```ts
 * const seen = new CausalContext()
 * seen.add({ node: 'a', counter: 2 })
 * seen.vector.get('a') // 0: the first has not come yet
 * seen.has({ node: 'a', counter: 2 }) // true
 * ```
 */
export class CausalContext {
  /** @internal */
  protected static readonly isShown: boolean = /* @__PURE__ */ show(CausalContext, 'CausalContext')

  /** Per node `[from, to, from, to, …]`, ascending, never touching. */
  readonly #runs = new Map<string, number[]>()

  /** @param dots events seen so far. */
  constructor(dots: Iterable<Dot> = []) {
    for (const dot of dots) this.add(dot)
  }

  /**
   * The context that `toJSON()` wrote.
   *
   * @throws DecodeError if `json` is not an object of node ids and runs in order.
   */
  static fromJSON(json: unknown): CausalContext {
    const context = new CausalContext()
    for (const [node, runs] of entriesOf(json, WHAT)) {
      const list = flatten(runs)
      if (!isNode(node) || list.length === 0) badEntry(WHAT, node)
      context.#runs.set(node, list)
    }
    return context
  }

  /**
   * The context that `encode()` wrote.
   *
   * @throws DecodeError on anything else.
   */
  static decode(bytes: Uint8Array): CausalContext {
    const reader = new ByteReader(bytes, WHAT)
    reader.format(FORMAT)
    const context = CausalContext.readFrom(reader)
    reader.end()
    return context
  }

  /**
   * Reads what {@link writeTo} wrote, as a part of something larger.
   *
   * @experimental
   */
  static readFrom(reader: ByteReader): CausalContext {
    const context = new CausalContext()
    let node = ''
    for (let left = reader.count(); left > 0; left--) {
      const head = reader.uint()
      node = reader.nodeAfter(node, Math.floor(head / 2))
      const list: number[] = []
      let low = 1
      for (let runs = head % 2 === 0 ? 1 : reader.count() + 2; runs > 0; runs--) {
        const from = low + reader.uint()
        const to = from + reader.uint()
        if (!isCounter(to)) reader.fail('a number passes 2^53')
        list.push(from, to)
        low = to + 2
      }
      context.#runs.set(node, list)
    }
    return context
  }

  /** True if the event was seen. */
  has(dot: Dot): boolean {
    const list = this.#runs.get(dot.node)
    return list !== undefined && contains(list, dot.counter, dot.counter)
  }

  /** Marks an event as seen. */
  add(dot: Dot): void {
    this.addRun(dot.node, dot.counter, dot.counter)
  }

  /**
   * Marks consecutive events as seen, both ends included.
   *
   * @throws TypeError or RangeError for a wrong node id or counter, or `to` below `from`.
   */
  addRun(node: string, from: number, to: number): void {
    checkDot(node, from)
    if (!isCounter(to) || to < from) {
      throw new RangeError(`A run must not end before its start, got ${from} to ${to}`)
    }
    const list = this.#runs.get(node)
    if (list === undefined) this.#runs.set(node, [from, to])
    else insert(list, from, to)
  }

  /** The lowest counter of a node that was seen; 0 if there is none. */
  first(node: string): number {
    return this.#runs.get(node)?.[0] ?? 0
  }

  /** The highest counter of a node that was seen, gaps or not; 0 if there is none. */
  last(node: string): number {
    return this.#runs.get(node)?.at(-1) ?? 0
  }

  /**
   * Makes a new event of `node`, after all of its events seen here, and marks it as seen.
   *
   * @throws TypeError for an empty or ill-formed node id.
   * @throws RangeError when the node's counter is used up (2^53 − 1).
   */
  next(node: string): Dot {
    return { node, counter: this.take(node, 1) }
  }

  /**
   * Makes `count` new events of `node` as {@link next} does, all or none.
   *
   * @returns the counter of the first.
   */
  take(node: string, count: number): number {
    const list = this.#runs.get(node)
    const last = list === undefined ? 0 : (list[list.length - 1] as number)
    if (last === 0 || last + count > Number.MAX_SAFE_INTEGER) this.addRun(node, last + 1, last + count)
    else (list as number[])[(list as number[]).length - 1] = last + count
    return last + 1
  }

  /** Forgets all events of a node, as if none had been seen. True if there were any. */
  delete(node: string): boolean {
    return this.#runs.delete(node)
  }

  /** Marks all that another context has seen. @throws TypeError if it is no context. */
  merge(other: CausalContext): void {
    for (const [node, theirs] of check(other).#runs) {
      const mine = this.#runs.get(node)
      // A copy of a long list for each small delta would be felt; so would many moves within one, also if they are
      // few beside its length.
      if (mine !== undefined && theirs.length <= FEW && theirs.length * 8 < mine.length) {
        for (let i = 0; i < theirs.length; i += 2) insert(mine, theirs[i] as number, theirs[i + 1] as number)
      } else this.#runs.set(node, union(mine ?? [], theirs))
    }
  }

  /** True if everything the other has seen is seen here. @throws TypeError if it is no context. */
  includes(other: CausalContext): boolean {
    for (const [node, theirs] of check(other).#runs) {
      const mine = this.#runs.get(node) ?? []
      for (let i = 0; i < theirs.length; i += 2) {
        if (!contains(mine, theirs[i] as number, theirs[i + 1] as number)) return false
      }
    }
    return true
  }

  /** The events seen with none missing before them, node by node. What to tell a peer that may send more. */
  get vector(): VersionVector {
    const counters: [string, number][] = []
    for (const [node, list] of this.#runs) if (list[0] === 1) counters.push([node, list[1] as number])
    return VersionVector.of(counters)
  }

  /** True if an event was seen before one that its node made earlier: something is still under way. */
  get hasGaps(): boolean {
    for (const list of this.#runs.values()) if (list.length > 2 || list[0] !== 1) return true
    return false
  }

  /** How many events were seen. */
  get size(): number {
    let size = 0
    for (const list of this.#runs.values()) {
      for (let i = 0; i < list.length; i += 2) size += (list[i + 1] as number) - (list[i] as number) + 1
    }
    return size
  }

  /** The ids of all nodes with an event, sorted. */
  get nodes(): string[] {
    return [...this.#runs.keys()].toSorted()
  }

  /** All runs, by node id, then ascending. A run may be long: do not count through it. */
  *runs(): IterableIterator<DotRun> {
    for (const node of this.nodes) {
      const list = this.#runs.get(node) as number[]
      for (let i = 0; i < list.length; i += 2) {
        yield { node, from: list[i] as number, to: list[i + 1] as number }
      }
    }
  }

  /** A copy that grows on its own. */
  clone(): CausalContext {
    const copy = new CausalContext()
    copy.merge(this)
    return copy
  }

  /** `{ node: [[from, to], …] }`, ids and runs in order. */
  toJSON(): Record<string, [from: number, to: number][]> {
    const json = new Map<string, [number, number][]>(this.nodes.map((node) => [node, []]))
    for (const { node, from, to } of this.runs()) json.get(node)?.push([from, to])
    return Object.fromEntries(json)
  }

  /** Its JSON, for logs and messages. */
  toString(): string {
    return JSON.stringify(this)
  }

  /** Compact bytes, one form per content. */
  encode(): Uint8Array<ArrayBuffer> {
    const writer = new ByteWriter()
    writer.byte(FORMAT)
    this.writeTo(writer)
    return writer.finish()
  }

  /**
   * Writes the number of nodes, then per node the length of its id × 2 (+ 1 if it has more than one run), its id,
   * its number of runs − 2 if there is more than one, and for each run the distance from the lowest place it could
   * start at and its length − 1.
   *
   * @experimental
   */
  writeTo(writer: ByteWriter): void {
    writer.uint(this.#runs.size)
    for (const node of this.nodes) {
      const list = this.#runs.get(node) as number[]
      const isMore = list.length > 2
      writer.text(node, 2, isMore ? 1 : 0)
      if (isMore) writer.uint(list.length / 2 - 2)
      let low = 1
      for (let i = 0; i < list.length; i += 2) {
        const from = list[i] as number
        const to = list[i + 1] as number
        writer.uint(from - low)
        writer.uint(to - from)
        low = to + 2
      }
    }
  }
}

const check = (other: CausalContext): CausalContext =>
  other instanceof CausalContext ? other : wrongType('other', 'CausalContext', other)

/** The flat list of `[[from, to], …]`, or an empty one if that is not what `json` is. */
function flatten(json: unknown): number[] {
  const list: number[] = []
  let low = 1
  for (const run of Array.isArray(json) ? json : []) {
    const [from, to, more]: unknown[] = Array.isArray(run) ? run : []
    if (!isCounter(from) || !isCounter(to) || from < low || to < from || more !== undefined) return []
    list.push(from, to)
    low = to + 2
  }
  return list
}
