import type { Dot, VersionVector } from '@quorate/vector-clock'
import { CausalContext } from '@quorate/vector-clock/causal-context'
import { DotIndex } from './dot-index.ts'
import { DuplicateReplicaError } from './errors.ts'
import {
  above,
  addRuns,
  type Content,
  Edit,
  type Entry,
  type Fragment,
  type Key,
  lastDots,
  type Live,
  makeEntry,
  runsWithout,
  type StoreRules,
} from './fragment.ts'

/** Is shown what a merge would put in and take away, and throws to refuse all of it. */
export type Admit<K, P> = (news: readonly Entry<K, P>[], removed: readonly Live<K, P>[]) => void

const NONE: readonly never[] = []

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
  readonly #rules: StoreRules<P>
  /** The writer, from its first edit on this copy. */
  #writer: string | undefined
  /** Writers to be forgotten: their last event, and what all must have seen of what was known when nothing was left. */
  readonly #marks = new Map<string, { readonly last: number; pending: readonly Dot[] }>()
  /** The last event of writers whose names are gone. Replicas that have not done so bring them back. */
  readonly #forgotten = new Map<string, number>()

  /** @param rules what a type's format says of it. */
  constructor(rules: StoreRules<P>) {
    this.#rules = rules
  }

  /** Puts an entry beside those of its key, or in their place. */
  put(replica: string, key: K, payload: P, replace: boolean): Fragment<K, P> {
    return this.edit(replica, replace ? this.list(key) : NONE, [{ key, payload }])
  }

  /** Removes all entries of the keys that are there. */
  remove(replica: string, keys: Iterable<K>): Fragment<K, P> {
    return this.edit(
      replica,
      [...keys].flatMap((key) => this.list(key)),
      [],
    )
  }

  /** One edit: takes entries away and puts others in. */
  edit(replica: string, removed: readonly Live<K, P>[], puts: readonly Content<K, P>[]): Fragment<K, P> {
    const removal = removed.length > 0 ? 1 : 0
    const count = removal + puts.length
    if (count === 0) return new Edit(replica, 1, 0, removed, NONE)
    const from = this.context.take(replica, count)
    this.#writer = replica
    const entries = puts.map(({ key, payload }, i) => makeEntry(key, replica, from + removal + i, payload))
    // In this order a key that stays keeps its place, and who goes through the keys meanwhile does not meet it again.
    for (const entry of entries) this.insert(entry)
    for (const entry of removed) this.unlink(entry)
    return new Edit(replica, from, from + count - 1, removed, entries)
  }

  /** The entries of a key. */
  list(key: K): readonly Live<K, P>[] {
    const first = this.entries.get(key)
    if (first === undefined) return NONE
    const list = [first]
    for (let { next } = first; next !== undefined; { next } = next) list.push(next)
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
   * @param replica who asks, for the message of an error.
   * @param isOurs true if nobody else holds the entries, as when they were read for this: they become those of the
   *   store, without a copy.
   * @returns true if anything was new here.
   * @throws DuplicateReplicaError if one event has two contents, or if the other state has edits of the writer
   *   of this one that are not its own.
   */
  join(source: Fragment<K, P>, admit?: Admit<K, P>, replica?: string, isOurs = false): boolean {
    const fragment = this.#known(source)
    const { context, entries } = fragment
    // What this copy has made is a run up to its last event, so only what is above that can be another's.
    const writer = this.#writer
    if (writer !== undefined && context.last(writer) > this.context.last(writer)) this.#refuse(writer, writer)
    // If each event of the other state is an entry, it has removed none.
    const removes = context.size > entries.length
    const kept = new Set<Live<K, P>>()
    const news: Entry<K, P>[] = []
    let index: DotIndex<Live<K, P>> | undefined
    for (const entry of entries) {
      if (!this.context.has(entry)) {
        news.push(entry)
        continue
      }
      let mine = this.entries.get(entry.key)
      // Most keys have one entry. The rest are not looked for along their lists, which a sender may make long.
      if (mine?.counter !== entry.counter || mine.node !== entry.node) {
        mine = (index ??= new DotIndex(this.within(context))).get(entry.node, entry.counter)
        if (mine === undefined) continue
      }
      if (mine.key !== entry.key || !this.#rules.samePayload(mine.payload, entry.payload)) {
        this.#refuse(entry.node, replica)
      }
      if (removes) kept.add(mine)
    }
    const removed = removes ? this.within(context).filter((entry) => !kept.has(entry)) : NONE
    admit?.(news, removed)
    for (const entry of removed) this.unlink(entry)
    for (const entry of news) this.insert(isOurs ? (entry as Live<K, P>) : copyOf(entry))
    if (news.length === 0 && this.context.includes(context)) return removed.length > 0
    this.context.merge(context)
    this.noted(fragment)
    this.#recall(context)
    return true
  }

  /** Takes over all that another store holds, to be edited apart from it; this one must be empty. */
  copy(other: this): void {
    for (const entry of other.all()) this.insert(copyOf(entry))
    this.context.merge(other.context)
    for (const [gone, last] of other.#forgotten) this.#forgotten.set(gone, last)
  }

  /** The whole state, as it is now. */
  fragment(): Fragment<K, P> {
    return { context: this.context.clone(), entries: [...this.all()] }
  }

  /**
   * What a replica at this version lacks: what it has not seen, and all that was ever removed. Who merges it without being
   * at this version hears of removals whose events only a replica at this version has: until those events come, it shows
   * less than others with its own version, and what it is asked for does not tell them why.
   */
  since(version: VersionVector): Fragment<K, P> {
    const context = new CausalContext()
    const entries: Entry<K, P>[] = []
    if (lastDots(this.context).every((dot) => version.includes(dot))) return { context, entries }
    const seen: Dot[] = []
    for (const entry of this.all()) (version.includes(entry) ? seen : entries).push(entry)
    addRuns(context, runsWithout(this.context, seen))
    return { context, entries }
  }

  /**
   * Takes over, as an edit of `replica`, all that another writer has left. It must have stopped for good, and what
   * it made have come here; and only one replica may do it, or a quantity is there twice.
   */
  retire(replica: string, gone: string): Fragment<K, P> {
    const left = this.#leftBy(gone)
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
      if (this.context.vector.get(gone) < last || this.#leftBy(gone).length > 0) return false
      mark = { last, pending: lastDots(this.context) }
      this.#marks.set(gone, mark)
    }
    // What was stable once is so for ever, also if later versions lack a name that others have dropped.
    mark.pending = mark.pending.filter((dot) => this.context.last(dot.node) > 0 && !stable.includes(dot))
    if (mark.pending.length > 0) return false
    this.#marks.delete(gone)
    this.#forgotten.set(gone, last)
    this.context.delete(gone)
    this.renamed()
    return true
  }

  /** The entries whose event is in the context. */
  protected within(context: CausalContext): Live<K, P>[] {
    const found: Live<K, P>[] = []
    for (const entry of this.all()) if (context.has(entry)) found.push(entry)
    return found
  }

  /** Puts an entry in: the one place, for those who keep something beside the entries. */
  protected insert(entry: Live<K, P>): void {
    const first = this.entries.get(entry.key)
    if (first === undefined) {
      this.entries.set(entry.key, entry)
      return
    }
    // Behind the first: that costs no second look into the map.
    entry.previous = first
    entry.next = first.next
    if (first.next !== undefined) first.next.previous = entry
    first.next = entry
  }

  /** Takes an entry out: the one place, too. */
  protected unlink({ key, next, previous }: Live<K, P>): void {
    if (next !== undefined) next.previous = previous
    if (previous !== undefined) previous.next = next
    else if (next === undefined) this.entries.delete(key)
    else this.entries.set(key, next)
  }

  /** Is told of each fragment that brought something, for those who remember it. */
  protected noted(_fragment: Fragment<K, P>): void {}

  /** Is told when a name left the context or came back into it. */
  protected renamed(): void {}

  #leftBy(gone: string): Live<K, P>[] {
    return [...this.all()].filter(({ node }) => node === gone)
  }

  /** What came without the writers that were forgotten here, but for what they have made since. */
  #known(fragment: Fragment<K, P>): Fragment<K, P> {
    const forgotten = this.#forgotten
    if (![...forgotten.keys()].some((gone) => fragment.context.last(gone) > 0)) return fragment
    const context = above(fragment.context, (node) => forgotten.get(node) ?? 0)
    return { context, entries: fragment.entries.filter((entry) => context.has(entry)) }
  }

  /**
   * A writer that was forgotten has made more: what was its last event here was not, or it came back. So its name is
   * needed again, with all that had been seen of it, or it would lack its first events for ever.
   */
  #recall(context: CausalContext): void {
    for (const [gone, last] of this.#forgotten) {
      if (context.last(gone) === 0) continue
      this.context.addRun(gone, 1, last)
      this.#forgotten.delete(gone)
      this.renamed()
    }
  }

  #refuse(node: string, replica: string | undefined): never {
    throw new DuplicateReplicaError(this.#rules.type, node, node === replica)
  }
}

const copyOf = <K, P>({ key, node, counter, payload }: Entry<K, P>): Live<K, P> =>
  makeEntry(key, node, counter, payload)
