import { CausalContext, type Dot, type VersionVector } from '@quorate/vector-clock'

/** From here on a list is searched by index. */
const LONG = 8

/** An element with the event that put it there. */
export interface Entry<K> extends Dot {
  readonly key: K
  /** What the type makes of it: 0 in a set, a quantity in a cart. */
  readonly payload: number
}

/** A state or a part of one. An event in `context` with no entry has been removed. */
export interface Fragment<K> {
  readonly context: CausalContext
  readonly entries: readonly Entry<K>[]
}

/** An entry in a store; those of one key form a list. */
export interface Live<K> extends Entry<K> {
  payload: number
  next: Live<K> | undefined
  previous: Live<K> | undefined
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
 */
export class DotStore<K> {
  readonly context: CausalContext = new CausalContext()
  /** The first entry of each key. */
  readonly entries: Map<K, Live<K>> = new Map()
  /** Number of entries. */
  live = 0
  #join = 0
  #lookup: { readonly key: K; readonly join: number; readonly byEvent: Map<string, Live<K>> } | undefined

  /** Puts an entry beside those of its key, or in their place. */
  put(replica: string, key: K, payload: number, replace: boolean): Fragment<K> {
    const { context } = this.remove(replica, replace ? [key] : [])
    const { counter } = this.context.next(replica)
    context.addRun(replica, counter, counter)
    return { context, entries: [this.insert(key, replica, counter, payload)] }
  }

  /** Removes all entries of the keys that are there. */
  remove(replica: string, keys: Iterable<K>): Fragment<K> {
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
   * never heard of it.
   *
   * @returns true if anything was new here.
   */
  join({ context, entries }: Fragment<K>): boolean {
    const join = ++this.#join
    let changed = false
    for (const { key, node, counter, payload } of entries) {
      const mine = this.#find(key, node, counter, join)
      if (mine !== undefined) {
        mine.seenIn = join
        // Never, unless two writers share a name: then at least all replicas pick the same one.
        if (payload > mine.payload) {
          mine.payload = payload
          changed = true
        }
      } else if (!this.context.has({ node, counter })) {
        this.insert(key, node, counter, payload).seenIn = join
        changed = true
      }
    }
    changed = this.dropCovered(context, join) || changed
    this.#lookup = undefined
    if (this.context.includes(context)) return changed
    this.context.merge(context)
    return true
  }

  /** The whole state. */
  fragment(): Fragment<K> {
    const entries: Entry<K>[] = []
    for (const head of this.entries.values()) {
      for (let entry: Live<K> | undefined = head; entry !== undefined; entry = entry.next) entries.push(entry)
    }
    return { context: this.context, entries }
  }

  /**
   * What a replica at this version lacks: the entries it has not seen, and in the context all but
   * those it rightly still has.
   */
  since(version: VersionVector): Fragment<K> {
    const context = new CausalContext()
    if ([...this.context.runs()].every((run) => version.includes({ node: run.node, counter: run.to }))) {
      return { context, entries: [] }
    }
    const kept = new Map<string, number[]>()
    const entries: Entry<K>[] = []
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

  /** Removes the entries that the other state knew and no longer has. */
  protected dropCovered(context: CausalContext, join: number): boolean {
    const before = this.live
    for (const head of this.entries.values()) {
      for (let entry: Live<K> | undefined = head; entry !== undefined; entry = entry.next) {
        if (entry.seenIn !== join && context.has(entry)) this.unlink(entry)
      }
    }
    return this.live < before
  }

  protected insert(key: K, node: string, counter: number, payload: number): Live<K> {
    const next = this.entries.get(key)
    const entry: Live<K> = { key, node, counter, payload, next, previous: undefined, seenIn: 0 }
    if (next !== undefined) next.previous = entry
    this.entries.set(key, entry)
    this.live++
    return entry
  }

  /** Takes an entry out. Its `next` stays, so that whoever walks the list can go on. */
  protected unlink(entry: Live<K>): void {
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
  #find(key: K, node: string, counter: number, join: number): Live<K> | undefined {
    let entry = this.entries.get(key)
    for (let i = 0; i < LONG && entry !== undefined; i++, entry = entry.next) {
      if (entry.counter === counter && entry.node === node) return entry
    }
    if (entry === undefined) return undefined
    if (this.#lookup?.key !== key || this.#lookup.join !== join) {
      const byEvent = new Map<string, Live<K>>()
      for (entry = this.entries.get(key); entry !== undefined; entry = entry.next) {
        byEvent.set(`${entry.counter} ${entry.node}`, entry)
      }
      this.#lookup = { key, join, byEvent }
    }
    return this.#lookup.byEvent.get(`${counter} ${node}`)
  }
}
