import { ByteReader, ByteWriter } from '../bytes.ts'
import { checkDot, checkNode, type Dot, isCounter, isNode, type Ordering } from '../dot.ts'
import { badEntry, DecodeError, entriesOf, wrongType } from '../errors.ts'
import { show } from '../inspect.ts'
import { checkVersion, VersionVector } from '../version-vector.ts'
import { DvvContextError } from './errors.ts'

const FORMAT = 1
const WHAT = 'dotted version vector set'

/** A value and the write that put it there. */
export interface Sibling<T> {
  readonly dot: Dot
  readonly value: T
}

/**
 * What one server wrote: `counter` writes in all, of which the last `values.length` are still there, newest first.
 * So the dot of a value is its place, and need not be kept.
 */
interface Entry<T> {
  readonly node: string
  readonly counter: number
  readonly values: readonly T[]
}

/**
 * The values of one key of a store, and what each of them replaced (Preguiça, Baquero, Almeida, Fonte, Gonçalves
 * 2012; the compact sets of Gonçalves's `dvvset`). A read returns all values and a context; a write with that
 * context replaces what its writer has read, and nothing else. Only servers count, so the context has as many
 * entries as servers wrote the key, however many clients there are; and two clients that write through one server
 * without having seen each other leave two siblings, where a version vector would lose one or invent more.
 *
 * A context is taken at its word, but for what the server that takes the write knows better: how many writes it has
 * made itself (`DvvContextError`). An invented entry of another server removes writes of that server which nobody
 * has read, also those to come up to its counter, and 2^53 − 1 ends its writes of this key for good. So if clients
 * are not trusted, sign each context together with its key, and take back only what the signature fits.
 *
 * A value: it never changes, its methods return new sets. Siblings grow when clients write without reading: watch
 * `size`.
 *
 * @example
 * ```ts
 * let cart = DvvSet.empty<string>()
 * cart = cart.write('server-1', 'milk')
 * const read = cart.context // goes to a client with the values
 * cart = cart.write('server-1', 'bread') // by another client, that has read nothing
 * cart = cart.write('server-1', 'milk, eggs', read)
 * cart.values // ['milk, eggs', 'bread']
 * ```
 */
export class DvvSet<T> {
  /** @internal */
  protected static readonly isShown: boolean = /* @__PURE__ */ show(DvvSet, 'DvvSet')

  readonly #entries: readonly Entry<T>[]
  #context: VersionVector | undefined

  private constructor(entries: readonly Entry<T>[]) {
    this.#entries = entries
  }

  /** No value, and none that ever was. */
  static empty<T>(): DvvSet<T> {
    return new DvvSet<T>([])
  }

  /**
   * The set that `toJSON()` wrote.
   *
   * @param readValue checks a value and makes it what it was; what it throws is the `cause` of a DecodeError.
   *   Default: takes it as it is.
   * @throws DecodeError if `json` is anything else.
   */
  static fromJSON<T>(json: unknown, readValue: (value: unknown) => T = (value) => value as T): DvvSet<T> {
    const entries = entriesOf(json, WHAT).map(([node, entry]): Entry<T> => {
      const [counter, values, more]: unknown[] = Array.isArray(entry) ? entry : []
      if (!isNode(node) || !isCounter(counter) || more !== undefined) return badEntry(WHAT, node)
      if (!Array.isArray(values) || values.length > counter) return badEntry(WHAT, node)
      return { node, counter, values: values.map((value: unknown) => read(readValue, value)) }
    })
    return new DvvSet(entries.toSorted((a, b) => (a.node < b.node ? -1 : 1)))
  }

  /**
   * The set that `encode()` wrote.
   *
   * @param readValue makes a value of its bytes; what it throws is the `cause` of a DecodeError.
   * @throws DecodeError on anything else.
   */
  static decode<T>(bytes: Uint8Array, readValue: (bytes: Uint8Array) => T): DvvSet<T> {
    const reader = new ByteReader(bytes, WHAT)
    reader.format(FORMAT)
    const entries: Entry<T>[] = []
    for (let left = reader.count(); left > 0; left--) {
      const node = reader.nodeAfter(entries.at(-1)?.node ?? '')
      const counter = reader.uint()
      const values: T[] = []
      const count = reader.count()
      if (counter === 0 || count > counter) reader.fail('it has more values than writes')
      while (values.length < count) values.push(read(readValue, reader.raw(reader.uint()).slice()))
      entries.push({ node, counter, values })
    }
    reader.end()
    return new DvvSet(entries)
  }

  /** All values that nobody has replaced: none, one, or those in conflict. By server, newest first. */
  get values(): T[] {
    return this.#entries.flatMap(({ values }) => values)
  }

  /** The values, each with the write that put it there. */
  get siblings(): Sibling<T>[] {
    return this.#entries.flatMap(({ node, counter, values }) =>
      values.map((value, index) => ({ dot: { node, counter: counter - index }, value })),
    )
  }

  /** How many values there are. */
  get size(): number {
    return this.#entries.reduce((sum, { values }) => sum + values.length, 0)
  }

  /** Every write this set has seen. Hand it out with the values, and take it back with the write that follows. */
  get context(): VersionVector {
    this.#context ??= VersionVector.of(this.#entries.map(({ node, counter }) => [node, counter] as const))
    return this.#context
  }

  /**
   * Which has seen more writes, whatever the values are. Always `merge()`, also if this says `before`: `remove()`
   * and `keepNewest()` are not writes, so a set may know of a removal that one with a longer history does not.
   *
   * @throws TypeError if the other is not a set.
   */
  compare(other: DvvSet<T>): Ordering {
    return this.context.compare(check(other).context)
  }

  /**
   * Puts a value in the place of those that its writer has read.
   *
   * @param node the server that takes the write: never a client, and never two processes under one name.
   * @param context as read with the values. Default: nothing was read, so nothing is replaced.
   * @throws TypeError for an empty or ill-formed node id, or a context that is not a vector, as JSON is not.
   * @throws DvvContextError if the context claims writes of `node` that this set has not seen.
   * @throws RangeError when the server's counter is used up (2^53 − 1).
   */
  write(node: string, value: T, context: VersionVector = VersionVector.empty): DvvSet<T> {
    const entries = this.remove(context, node).#entries
    const at = entries.findIndex((entry) => entry.node >= node)
    const index = at < 0 ? entries.length : at
    const old = entries[index]?.node === node ? entries[index] : undefined
    const counter = checkDot(node, (old?.counter ?? 0) + 1)
    const entry = { node, counter, values: [value, ...(old?.values ?? [])] }
    return new DvvSet(entries.toSpliced(index, old === undefined ? 0 : 1, entry))
  }

  /**
   * Takes away the values that somebody has read, and puts none in their place. Keep the set, also when it has no
   * value left: it is the memory of the removal.
   *
   * @param context as read with the values.
   * @param node the server that takes the removal, for which the context is checked as in `write()`. Default: it is
   *   not checked.
   * @throws TypeError for a context that is not a vector, or an empty or ill-formed node id.
   * @throws DvvContextError if the context claims writes of `node` that this set has not seen.
   */
  remove(context: VersionVector, node?: string): DvvSet<T> {
    checkVersion('context', context)
    if (node !== undefined) {
      const claimed = context.get(checkNode(node))
      const counter = this.#entries.find((entry) => entry.node === node)?.counter ?? 0
      if (claimed > counter) throw new DvvContextError(node, claimed, counter)
    }
    const seen = Array.from(context, ([id, counter]): Entry<T> => ({ node: id, counter, values: [] }))
    return seen.length === 0 ? this : new DvvSet(join(this.#entries, seen))
  }

  /**
   * What both servers know: a value stays unless one of them has replaced it. `sync` of the paper.
   *
   * @throws TypeError if the other is not a set.
   */
  merge(other: DvvSet<T>): DvvSet<T> {
    return new DvvSet(join(this.#entries, check(other).#entries))
  }

  /**
   * Puts one value in the place of all.
   *
   * @param decide makes it, of the values there are.
   */
  resolve(node: string, decide: (values: readonly T[]) => T): DvvSet<T> {
    return this.write(node, decide(this.values), this.context)
  }

  /** The greatest of the values, of each server its last; `undefined` if there is none. */
  newest(compare: (a: T, b: T) => number): T | undefined {
    return this.#newest(compare)?.values[0]
  }

  /**
   * Last write wins: the greatest of the values, of each server its last, stays where it is, the others go. No
   * write of its own, so servers that choose alike agree without telling each other.
   */
  keepNewest(compare: (a: T, b: T) => number): DvvSet<T> {
    const newest = this.#newest(compare)
    return new DvvSet(
      this.#entries.map((entry) => ({ ...entry, values: entry === newest ? entry.values.slice(0, 1) : [] })),
    )
  }

  /** The same history with other values. */
  map<U>(change: (value: T) => U): DvvSet<U> {
    return new DvvSet(this.#entries.map((entry) => ({ ...entry, values: entry.values.map(change) })))
  }

  /** `{ server: [writes, [newest, …]] }`. Values go through `JSON.stringify` as they are: `map()` them if need be. */
  toJSON(): Record<string, [counter: number, values: T[]]> {
    return Object.fromEntries(
      this.#entries.map(({ node, counter, values }) => [node, [counter, [...values]]]),
    )
  }

  /**
   * Format 1, number of servers, then each id, its writes, how many values are left, and these, newest first,
   * each after its length. Equal sets have equal bytes if equal values do.
   */
  encode(writeValue: (value: T) => Uint8Array): Uint8Array<ArrayBuffer> {
    const writer = new ByteWriter()
    writer.byte(FORMAT)
    writer.uint(this.#entries.length)
    for (const { node, counter, values } of this.#entries) {
      writer.text(node)
      writer.uint(counter)
      writer.uint(values.length)
      for (const value of values) {
        const bytes = writeValue(value)
        writer.uint(bytes.length)
        writer.raw(bytes)
      }
    }
    return writer.finish()
  }

  #newest(compare: (a: T, b: T) => number): Entry<T> | undefined {
    let newest: Entry<T> | undefined
    for (const entry of this.#entries) {
      if (entry.values.length === 0) continue
      if (newest === undefined || compare(entry.values[0] as T, newest.values[0] as T) > 0) newest = entry
    }
    return newest
  }
}

const check = <T>(other: DvvSet<T>): DvvSet<T> =>
  other instanceof DvvSet ? other : wrongType('other', 'DvvSet', other)

/** Both lists as one, in order of the ids. */
function join<T>(a: readonly Entry<T>[], b: readonly Entry<T>[]): Entry<T>[] {
  const out: Entry<T>[] = []
  let i = 0
  let j = 0
  while (i < a.length || j < b.length) {
    const mine = a[i]
    const theirs = b[j]
    if (mine !== undefined && mine.node === theirs?.node) {
      out.push(meet(mine, theirs))
      i++
      j++
    } else if (theirs === undefined || (mine !== undefined && mine.node < theirs.node)) {
      out.push(mine as Entry<T>)
      i++
    } else {
      out.push(theirs)
      j++
    }
  }
  return out
}

/** One server's writes as two sets know them: who has seen more has the newer ones, and each has dropped some. */
function meet<T>(a: Entry<T>, b: Entry<T>): Entry<T> {
  if (a.counter < b.counter) return meet(b, a)
  const dropped = Math.max(a.counter - a.values.length, b.counter - b.values.length)
  if (dropped === a.counter - a.values.length) return a
  return { ...a, values: a.values.slice(0, Math.max(0, a.counter - dropped)) }
}

/** @throws DecodeError if the application cannot read a value. */
function read<A, T>(readValue: (value: A) => T, value: A): T {
  try {
    return readValue(value)
  } catch (cause) {
    throw Object.assign(new DecodeError(WHAT, 'a value cannot be read'), { cause })
  }
}
