import type { VersionVector } from '@quorate/vector-clock'
import { CausalContext } from '@quorate/vector-clock/causal-context'
import { DotIndex } from './dot-index.ts'
import { DotStore } from './dot-store.ts'
import {
  above,
  addRuns,
  type Content,
  type Fragment,
  type Key,
  lastDots,
  type Live,
  runsWithout,
  type StoreRules,
} from './fragment.ts'
import { RemovalLog } from './removal-log.ts'

/** Below this many entries a look at each is as fast as an index. */
const SMALL = 64

/** Some 100 kB at most. */
const LOG_MIN = 1024

/**
 * A store for states that may be large: a small delta costs little, be it made or merged. It remembers removals, so
 * that its deltas tell of those that a peer has not seen; and it finds entries by event. That index is made with
 * the first small delta: a replica that gets none does not pay for it.
 */
export class IndexedDotStore<K extends Key, P> extends DotStore<K, P> {
  /** Number of entries. */
  #live = 0
  #index: DotIndex<Live<K, P>> | undefined
  readonly #logMin: number
  readonly #log = new RemovalLog()

  /** @param logMin how much the log of removals may hold in a small state; in a large one as much as there are entries. */
  constructor(rules: StoreRules<P>, logMin: number = LOG_MIN) {
    super(rules)
    this.#logMin = logMin
  }

  override edit(
    replica: string,
    removed: readonly Live<K, P>[],
    puts: readonly Content<K, P>[],
  ): Fragment<K, P> {
    const edit = super.edit(replica, removed, puts)
    if (removed.length > 0) {
      const last = { node: replica, counter: this.context.last(replica) }
      const runs = removed.map(({ node, counter }) => ({ node, from: counter, to: counter }))
      const removal = last.counter - puts.length
      runs.push({ node: replica, from: removal, to: removal })
      this.#log.add([last], runs, this.#bound)
    }
    return edit
  }

  override copy(other: this): void {
    super.copy(other)
    this.#log.copy(other.#log)
  }

  /** What a replica at this version lacks: what it has not seen, and what was removed by what it has not seen. */
  override since(version: VersionVector): Fragment<K, P> {
    const removals = this.#log.since(version)
    // The log does not reach back so far.
    if (removals === undefined) return super.since(version)
    const news = above(this.context, (node) => version.get(node))
    const context = new CausalContext()
    if (news.size === 0) return { context, entries: [] }
    addRuns(context, removals)
    context.merge(news)
    return { context, entries: this.within(news) }
  }

  protected override within(context: CausalContext): Live<K, P>[] {
    if (this.#live < SMALL || context.size * 4 > this.#live) return super.within(context)
    const index = (this.#index ??= new DotIndex(this.all()))
    const found: Live<K, P>[] = []
    for (const { node, from, to } of context.runs()) {
      for (let counter = from; counter <= to; counter++) {
        const entry = index.get(node, counter)
        if (entry !== undefined) found.push(entry)
      }
    }
    return found
  }

  protected override insert(entry: Live<K, P>): void {
    super.insert(entry)
    this.#index?.add(entry)
    this.#live++
  }

  protected override unlink(entry: Live<K, P>): void {
    super.unlink(entry)
    this.#index?.delete(entry)
    this.#live--
  }

  /** Remembers what came if it removed something. */
  protected override noted(fragment: Fragment<K, P>): void {
    const { context, entries } = fragment
    if (context.size === entries.length) return
    // As a rule a whole state: the log would drop what it removed at once.
    if (entries.length > this.#bound) this.#log.reset(lastDots(this.context))
    else this.#log.add(lastDots(context), [...runsWithout(context, entries)], this.#bound)
  }

  protected override renamed(): void {
    this.#log.reset(lastDots(this.context))
  }

  get #bound(): number {
    return Math.max(this.#logMin, this.#live)
  }
}
