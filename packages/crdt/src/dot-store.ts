import { CausalContext, type Dot, type VersionVector } from '@quorate/vector-clock'
import type { CrdtType } from './crdt.ts'
import { DuplicateReplicaError } from './errors.ts'
import type { Entry, Fragment, Key } from './fragment.ts'

/** From here on a list is searched by index. */
const LONG = 8

/** An entry in a store; those of one key form a list. */
export interface Live<K, P> extends Entry<K, P> {
  next: Live<K, P> | undefined
  previous: Live<K, P> | undefined
  /** The last join that found it in the other state too. */
  seenIn: number
}

/** What a store must know of its type. */
export interface StoreRules<P> {
  readonly type: CrdtType
  /** True if two payloads are one. One event with two is the mark of two writers with one name. */
  samePayload(a: P, b: P): boolean
}

/**
 * Elements under causal control (Almeida, Shoker, Baquero 2018, section 7): an entry is there while
 * its event is known and nobody has removed it. No tombstones: that an event is in the context and
 * not in the entries *is* the memory of its removal.
 *
 * Every removal is an event of its own, apart from the add that may come with it. So the version tells
 * two states apart also when they differ by removals only; and whoever hears that an add is gone, and so
 * counts it as seen, still lacks the removal that came before that add, and asks for it.
 */
export class DotStore<K extends Key, P> {
  readonly context: CausalContext = new CausalContext()
  /** The first entry of each key. */
  readonly entries: Map<K, Live<K, P>> = new Map()
  /** Number of entries. */
  live = 0
  readonly #rules: StoreRules<P>
  #join = 0
  #lookup: { readonly key: K; readonly join: number; readonly byEvent: Map<string, Live<K, P>> } | undefined

  /** @param rules what a type's format says of it. */
  constructor(rules: StoreRules<P>) {
    this.#rules = rules
  }

  /** Puts an entry beside those of its key, or in their place. */
  put(replica: string, key: K, payload: P, replace: boolean): Fragment<K, P> {
    const { context } = this.remove(replica, replace ? [key] : [])
    const { counter } = this.context.next(replica)
    context.addRun(replica, counter, counter)
    return { context, entries: [this.insert(key, replica, counter, payload)] }
  }

  /** Removes all entries of the keys that are there. */
  remove(replica: string, keys: Iterable<K>): Fragment<K, P> {
    const context = new CausalContext()
    const before = this.live
    for (const key of keys) {
      for (let entry = this.entries.get(key); entry !== undefined; entry = entry.next) {
        context.add(entry)
        this.unlink(entry)
      }
    }
    if (this.live < before) context.add(this.context.next(replica))
    return { context, entries: [] }
  }

  /**
   * The union of what both know: an entry stays if both have it, or if one has it and the other has
   * never heard of it. Checks first: what throws changes nothing.
   *
   * @param admit is shown the entries that are new here, and throws to refuse all.
   * @returns true if anything was new here.
   * @throws DuplicateReplicaError if one event has two contents.
   */
  join(
    { context, entries }: Fragment<K, P>,
    admit: (news: readonly Entry<K, P>[]) => void = () => {},
  ): boolean {
    const join = ++this.#join
    const news: Entry<K, P>[] = []
    const dead: Entry<K, P>[] = []
    for (const entry of entries) {
      const mine = this.#find(entry, join)
      if (mine !== undefined) {
        if (!this.#rules.samePayload(mine.payload, entry.payload)) this.#refuse(entry)
        mine.seenIn = join
      } else if (this.context.has(entry)) dead.push(entry)
      else news.push(entry)
    }
    this.#lookup = undefined
    const covered = this.covered(context, join)
    this.#checkKeys(covered, dead)
    admit(news)
    for (const entry of covered) this.unlink(entry)
    for (const { key, node, counter, payload } of news) this.insert(key, node, counter, payload)
    if (this.context.includes(context)) return news.length + covered.length > 0
    this.context.merge(context)
    return true
  }

  /** The whole state. */
  fragment(): Fragment<K, P> {
    const entries: Entry<K, P>[] = []
    for (const head of this.entries.values()) {
      for (let entry: Live<K, P> | undefined = head; entry !== undefined; entry = entry.next)
        entries.push(entry)
    }
    return { context: this.context, entries }
  }

  /**
   * What a replica at this version lacks: the entries it has not seen, and in the context all but
   * those it rightly still has.
   */
  since(version: VersionVector): Fragment<K, P> {
    const context = new CausalContext()
    if ([...this.context.runs()].every((run) => version.includes({ node: run.node, counter: run.to }))) {
      return { context, entries: [] }
    }
    const kept = new Map<string, number[]>()
    const entries: Entry<K, P>[] = []
    for (const entry of this.fragment().entries) {
      if (!version.includes(entry)) entries.push(entry)
      else if (!kept.get(entry.node)?.push(entry.counter)) kept.set(entry.node, [entry.counter])
    }
    // Descending, so that the next one is at the end: each is passed once, however many runs there are.
    for (const list of kept.values()) list.sort((a, b) => b - a)
    for (const { node, from, to } of this.context.runs()) {
      const list = kept.get(node) ?? []
      let start = from
      for (let counter = list.at(-1); counter !== undefined && counter <= to; counter = list.at(-1)) {
        if (counter > start) context.addRun(node, start, counter - 1)
        start = counter + 1
        list.pop()
      }
      if (start <= to) context.addRun(node, start, to)
    }
    return { context, entries }
  }

  /** The entries that the other state knew and no longer has. */
  protected covered(context: CausalContext, join: number): Live<K, P>[] {
    const covered: Live<K, P>[] = []
    for (const head of this.entries.values()) {
      for (let entry: Live<K, P> | undefined = head; entry !== undefined; entry = entry.next) {
        if (entry.seenIn !== join && context.has(entry)) covered.push(entry)
      }
    }
    return covered
  }

  /** Puts an entry in: the one place, for those who keep something beside the entries. */
  protected insert(key: K, node: string, counter: number, payload: P): Live<K, P> {
    const next = this.entries.get(key)
    const entry: Live<K, P> = { key, node, counter, payload, next, previous: undefined, seenIn: 0 }
    if (next !== undefined) next.previous = entry
    this.entries.set(key, entry)
    this.live++
    return entry
  }

  /** Takes an entry out: the one place, too. Its `next` stays, so that whoever walks the list can go on. */
  protected unlink(entry: Live<K, P>): void {
    const { next, previous } = entry
    if (next !== undefined) next.previous = previous
    if (previous !== undefined) previous.next = next
    else if (next === undefined) this.entries.delete(entry.key)
    else this.entries.set(entry.key, next)
    this.live--
  }

  /**
   * The entry of an event. A long list gets an index for the join, as the entries of a key come one
   * after another: else a sender could make two lists of one key cost the product of their lengths.
   */
  #find({ key, node, counter }: Entry<K, P>, join: number): Live<K, P> | undefined {
    let entry = this.entries.get(key)
    for (let i = 0; i < LONG && entry !== undefined; i++, entry = entry.next) {
      if (entry.counter === counter && entry.node === node) return entry
    }
    if (entry === undefined) return undefined
    if (this.#lookup?.key !== key || this.#lookup.join !== join) {
      const byEvent = new Map<string, Live<K, P>>()
      for (entry = this.entries.get(key); entry !== undefined; entry = entry.next) {
        byEvent.set(eventOf(entry), entry)
      }
      this.#lookup = { key, join, byEvent }
    }
    return this.#lookup.byEvent.get(eventOf({ node, counter }))
  }

  /** @throws DuplicateReplicaError if what seems to be gone in the other state is there under another key. */
  #checkKeys(covered: readonly Dot[], dead: readonly Dot[]): void {
    if (covered.length === 0 || dead.length === 0) return
    const events = new Set(dead.map(eventOf))
    for (const entry of covered) if (events.has(eventOf(entry))) this.#refuse(entry)
  }

  #refuse({ node }: Dot): never {
    throw new DuplicateReplicaError(this.#rules.type, node)
  }
}

const eventOf = ({ node, counter }: Dot): string => `${counter} ${node}`
