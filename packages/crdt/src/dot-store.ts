import { CausalContext, type Dot, type VersionVector } from '@quorate/vector-clock'
import { DuplicateReplicaError } from './errors.ts'
import {
  addRemoved,
  type Content,
  Edit,
  type Entry,
  eventOf,
  type Fragment,
  type Key,
  runsWithout,
  type StoreRules,
} from './fragment.ts'
import { lastDots, RemovalLog } from './removal-log.ts'

/** From here on a list is searched by index. */
const LONG = 8

/** Some 100 kB at most. */
const LOG_MIN = 1024

/** An entry in a store; those of one key form a list. */
export interface Live<K, P> extends Entry<K, P> {
  next: Live<K, P> | undefined
  previous: Live<K, P> | undefined
  /** The last join that found it in the other state too. */
  seenIn: number
}

/**
 * Elements under causal control (Almeida, Shoker, Baquero 2018, section 7): an entry is there while
 * its event is known and nobody has removed it. No tombstones: that an event is in the context and
 * not in the entries *is* the memory of its removal.
 *
 * Every removal is an event of its own, apart from the add that may come with it. So the version tells
 * two states apart also when they differ by removals only; and whoever hears that an add is gone, and so
 * counts it as seen, still lacks the removal that came before that add, and asks for it.
 *
 * For the same reason nothing is ever dropped without such an event, however clear it is that it has lost:
 * a type in which the last write wins keeps the others until the next write covers them, and does not show them.
 */
export class DotStore<K extends Key, P> {
  readonly context: CausalContext = new CausalContext()
  /** The first entry of each key. */
  readonly entries: Map<K, Live<K, P>> = new Map()
  /** Number of entries. */
  live = 0
  readonly #rules: StoreRules<P>
  readonly #logMin: number
  readonly #log = new RemovalLog<K, P>()
  /** The writer, from its first edit on this copy. */
  #writer: string | undefined
  /** Writers to be forgotten: their last event, and what all must have seen of what was known when nothing was left. */
  readonly #marks = new Map<string, { readonly last: number; pending: readonly Dot[] }>()
  /** The last event of writers whose names are gone. Replicas that have not done so bring them back. */
  readonly #forgotten = new Map<string, number>()
  #join = 0
  #lookup: { readonly key: K; readonly join: number; readonly byEvent: Map<string, Live<K, P>> } | undefined

  /**
   * @param rules what a type's format says of it.
   * @param logMin how much the log of removals may hold in a small state; in a large one as much as there are entries.
   */
  constructor(rules: StoreRules<P>, logMin: number = LOG_MIN) {
    this.#rules = rules
    this.#logMin = logMin
  }

  /** Puts an entry beside those of its key, or in their place. */
  put(replica: string, key: K, payload: P, replace: boolean): Fragment<K, P> {
    return this.edit(replica, replace ? this.list(key) : [], [{ key, payload }])
  }

  /** Removes all entries of the keys that are there. */
  remove(replica: string, keys: Iterable<K>): Fragment<K, P> {
    return this.edit(
      replica,
      [...keys].flatMap((key) => this.list(key)),
      [],
    )
  }

  /** One edit: takes entries away, then puts others in. */
  edit(replica: string, removed: readonly Live<K, P>[], puts: readonly Content<K, P>[]): Fragment<K, P> {
    const removal = removed.length > 0 ? 1 : 0
    const count = removal + puts.length
    if (count === 0) return new Edit<K, P>(replica, 1, 0, [], [])
    const from = this.context.take(replica, count)
    this.#writer = replica
    for (const entry of removed) this.unlink(entry)
    const entries: Live<K, P>[] = []
    for (let i = 0; i < puts.length; i++) {
      const { key, payload } = puts[i] as Content<K, P>
      entries.push(this.insert(key, replica, from + removal + i, payload))
    }
    const edit = new Edit(replica, from, from + count - 1, removed, entries)
    if (removal > 0) this.#log.add(edit, [edit], removed.length + 1, this.#bound)
    return edit
  }

  /** The entries of a key. */
  list(key: K): Live<K, P>[] {
    const list: Live<K, P>[] = []
    for (let entry = this.entries.get(key); entry !== undefined; entry = entry.next) list.push(entry)
    return list
  }

  /** All entries, those of a key one after another. */
  *all(): IterableIterator<Live<K, P>> {
    for (const head of this.entries.values()) {
      for (let entry: Live<K, P> | undefined = head; entry !== undefined; entry = entry.next) yield entry
    }
  }

  /**
   * The union of what both know: an entry stays if both have it, or if one has it and the other has
   * never heard of it. Checks first: what throws changes nothing.
   *
   * @param admit is shown the entries that are new here, and throws to refuse all.
   * @returns true if anything was new here.
   * @throws DuplicateReplicaError if one event has two contents, or if the other state has edits of the writer
   *   of this one that are not its own.
   */
  join(source: Fragment<K, P>, admit?: (news: readonly Entry<K, P>[]) => void): boolean {
    const fragment = this.#known(source)
    const { context, entries } = fragment
    const join = ++this.#join
    const news: Entry<K, P>[] = []
    const gone: Entry<K, P>[] = []
    // What this copy has made is a run up to its last event, so only what is above that can be another's.
    const writer = this.#writer
    if (writer !== undefined && context.last(writer) > this.context.last(writer)) this.#refuse(writer)
    for (const entry of entries) {
      const mine = this.#find(entry, join)
      if (mine !== undefined) {
        if (!this.#rules.samePayload(mine.payload, entry.payload)) this.#refuse(entry.node)
        mine.seenIn = join
      } else if (this.context.has(entry)) gone.push(entry)
      else news.push(entry)
    }
    this.#lookup = undefined
    const removed = this.#removedBy(fragment, join, gone.length > 0)
    this.#checkKeys(removed, gone)
    admit?.(news)
    for (const entry of removed) this.unlink(entry)
    for (const { key, node, counter, payload } of news) this.insert(key, node, counter, payload)
    if (this.context.includes(context)) return news.length + removed.length > 0
    this.context.merge(context)
    this.#note(fragment)
    return true
  }

  /** Takes over all that another store holds, to be edited apart from it; this one must be empty. */
  copy(other: DotStore<K, P>): void {
    this.join(other.fragment())
    this.#log.copy(other.#log)
    for (const [gone, last] of other.#forgotten) this.#forgotten.set(gone, last)
  }

  /** The whole state, as it is now. */
  fragment(): Fragment<K, P> {
    return { context: this.context.clone(), entries: [...this.all()] }
  }

  /** What a replica at this version lacks: what it has not seen, and what was removed by what it has not seen. */
  since(version: VersionVector): Fragment<K, P> {
    const news = new CausalContext()
    for (const { node, from, to } of this.context.runs()) {
      const start = Math.max(from, version.get(node) + 1)
      if (start <= to) news.addRun(node, start, to)
    }
    if (news.size === 0) return { context: news, entries: [] }
    const context = new CausalContext()
    const removals = this.#log.since(version)
    if (removals !== undefined) addRemoved(context, removals)
    // The log does not reach back so far: all that was ever removed, so all but what is there.
    else
      for (const { node, from, to } of runsWithout(this.context, this.all())) context.addRun(node, from, to)
    context.merge(news)
    return { context, entries: [...this.within(news)] }
  }

  /**
   * Takes over, as an edit of `replica`, all that another writer has left. It must have stopped for good, and what
   * it made have come here; and only one replica may do it, or a quantity is there twice.
   */
  retire(replica: string, gone: string): Fragment<K, P> {
    const left = [...this.all()].filter(({ node }) => node === gone)
    return this.edit(replica, left, left)
  }

  /**
   * Drops the name of a writer that has nothing left.
   *
   * @param stable a version that all replicas have reached.
   * @returns false if it does not yet hold all that this replica knew when it found nothing left of the writer:
   *   a replica may be about that still has some of it, and would bring it back.
   */
  forget(gone: string, stable: VersionVector): boolean {
    const last = this.context.last(gone)
    if (last === 0) return true
    let mark = this.#marks.get(gone)
    if (mark?.last !== last) {
      this.#marks.delete(gone)
      // What is under way, and so still to come, might put an entry in.
      if (this.context.vector.get(gone) < last) return false
      for (const { node } of this.all()) if (node === gone) return false
      mark = { last, pending: lastDots(this.context) }
      this.#marks.set(gone, mark)
    }
    // What was stable once is so for ever, also if later versions lack a name that others have dropped.
    mark.pending = mark.pending.filter((dot) => this.context.last(dot.node) > 0 && !stable.includes(dot))
    if (mark.pending.length > 0) return false
    this.#marks.delete(gone)
    this.#forgotten.set(gone, last)
    this.context.delete(gone)
    this.#log.reset(lastDots(this.context))
    return true
  }

  /** The entries whose event is in the context. */
  protected *within(context: CausalContext): IterableIterator<Live<K, P>> {
    for (const entry of this.all()) if (context.has(entry)) yield entry
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

  /** Takes an entry out: the one place, too. */
  protected unlink({ key, next, previous }: Live<K, P>): void {
    if (next !== undefined) next.previous = previous
    if (previous !== undefined) previous.next = next
    else if (next === undefined) this.entries.delete(key)
    else this.entries.set(key, next)
    this.live--
  }

  /** What came without the writers that were forgotten here, but for what they have made since. */
  #known(fragment: Fragment<K, P>): Fragment<K, P> {
    if (![...this.#forgotten.keys()].some((gone) => fragment.context.last(gone) > 0)) return fragment
    const context = new CausalContext()
    for (const { node, from, to } of fragment.context.runs()) {
      const start = Math.max(from, (this.#forgotten.get(node) ?? 0) + 1)
      if (start <= to) context.addRun(node, start, to)
    }
    return { context, entries: fragment.entries.filter((entry) => context.has(entry)) }
  }

  get #bound(): number {
    return Math.max(this.#logMin, this.live)
  }

  /** The entries that the other state knew and no longer has. */
  #removedBy({ context, entries }: Fragment<K, P>, join: number, hasGone: boolean): Live<K, P>[] {
    const removed: Live<K, P>[] = []
    // Adds alone remove nothing. But one that is gone here may be here under another key.
    if (context.size > entries.length || hasGone) {
      for (const entry of this.within(context)) if (entry.seenIn !== join) removed.push(entry)
    }
    return removed
  }

  /** Remembers what came if it removed something. */
  #note(fragment: Fragment<K, P>): void {
    const { context, entries } = fragment
    if (context.size === entries.length) return
    let weight = entries.length
    for (const _ of context.runs()) weight++
    if (weight > this.#bound) this.#log.reset(lastDots(this.context))
    else this.#log.add(fragment, lastDots(context), weight, this.#bound)
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
      this.#lookup = { key, join, byEvent: new Map(this.list(key).map((one) => [eventOf(one), one])) }
    }
    return this.#lookup.byEvent.get(eventOf({ node, counter }))
  }

  /** @throws DuplicateReplicaError if what seems to be gone in the other state is there under another key. */
  #checkKeys(removed: readonly Dot[], gone: readonly Dot[]): void {
    if (removed.length === 0 || gone.length === 0) return
    const events = new Set(gone.map(eventOf))
    for (const entry of removed) if (events.has(eventOf(entry))) this.#refuse(entry.node)
  }

  #refuse(node: string): never {
    throw new DuplicateReplicaError(this.#rules.type, node)
  }
}
