import type { CausalContext } from '@quorate/vector-clock'
import { DotStore, type Live } from './dot-store.ts'

/** Below this many entries a look at each is as fast as an index. */
const SMALL = 64

/**
 * A store that finds entries by event, so that a small delta costs little in a large state. The index
 * is made with the first such delta: a replica that gets none does not pay for it.
 */
export class IndexedDotStore<K> extends DotStore<K> {
  #index: Map<string, Map<number, Live<K>>> | undefined

  protected override dropCovered(context: CausalContext, join: number): boolean {
    if (this.live < SMALL || context.size * 4 > this.live) return super.dropCovered(context, join)
    const before = this.live
    const index = (this.#index ??= this.#build())
    for (const { node, from, to } of context.runs()) {
      const entries = index.get(node)
      if (entries === undefined) continue
      for (let counter = from; counter <= to; counter++) {
        const entry = entries.get(counter)
        if (entry !== undefined && entry.seenIn !== join) this.unlink(entry)
      }
    }
    return this.live < before
  }

  protected override insert(key: K, node: string, counter: number, payload: number): Live<K> {
    const entry = super.insert(key, node, counter, payload)
    if (this.#index !== undefined) put(this.#index, entry)
    return entry
  }

  protected override unlink(entry: Live<K>): void {
    super.unlink(entry)
    this.#index?.get(entry.node)?.delete(entry.counter)
  }

  #build(): Map<string, Map<number, Live<K>>> {
    const index = new Map<string, Map<number, Live<K>>>()
    for (const head of this.entries.values()) {
      for (let entry: Live<K> | undefined = head; entry !== undefined; entry = entry.next) put(index, entry)
    }
    return index
  }
}

function put<K>(index: Map<string, Map<number, Live<K>>>, entry: Live<K>): void {
  const entries = index.get(entry.node)
  if (entries === undefined) index.set(entry.node, new Map([[entry.counter, entry]]))
  else entries.set(entry.counter, entry)
}
