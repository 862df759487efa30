import type { CausalContext } from '@quorate/vector-clock'
import { DotStore, type Live } from './dot-store.ts'
import type { Key } from './fragment.ts'

/** Below this many entries a look at each is as fast as an index. */
const SMALL = 64

/**
 * A store that finds entries by event, so that a small delta costs little in a large state. The index
 * is made with the first such delta: a replica that gets none does not pay for it.
 */
export class IndexedDotStore<K extends Key, P> extends DotStore<K, P> {
  #index: Map<string, Map<number, Live<K, P>>> | undefined;

  protected override *within(context: CausalContext): IterableIterator<Live<K, P>> {
    if (this.live < SMALL || context.size * 4 > this.live) {
      yield* super.within(context)
      return
    }
    const index = (this.#index ??= this.#build())
    for (const { node, from, to } of context.runs()) {
      const entries = index.get(node)
      if (entries === undefined) continue
      for (let counter = from; counter <= to; counter++) {
        const entry = entries.get(counter)
        if (entry !== undefined) yield entry
      }
    }
  }

  protected override insert(key: K, node: string, counter: number, payload: P): Live<K, P> {
    const entry = super.insert(key, node, counter, payload)
    if (this.#index !== undefined) put(this.#index, entry)
    return entry
  }

  protected override unlink(entry: Live<K, P>): void {
    super.unlink(entry)
    this.#index?.get(entry.node)?.delete(entry.counter)
  }

  #build(): Map<string, Map<number, Live<K, P>>> {
    const index = new Map<string, Map<number, Live<K, P>>>()
    for (const head of this.entries.values()) {
      for (let entry: Live<K, P> | undefined = head; entry !== undefined; entry = entry.next)
        put(index, entry)
    }
    return index
  }
}

function put<K, P>(index: Map<string, Map<number, Live<K, P>>>, entry: Live<K, P>): void {
  const entries = index.get(entry.node)
  if (entries === undefined) index.set(entry.node, new Map([[entry.counter, entry]]))
  else entries.set(entry.counter, entry)
}
