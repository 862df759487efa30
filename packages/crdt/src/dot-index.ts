import type { Dot } from '@quorate/vector-clock'

/** Things by their event. Two levels, as a text made of each event would cost more than all the rest. */
export class DotIndex<E extends Dot> implements Iterable<E> {
  readonly #nodes = new Map<string, Map<number, E>>()

  constructor(entries: Iterable<E>) {
    for (const entry of entries) this.add(entry)
  }

  add(entry: E): void {
    const node = this.#nodes.get(entry.node)
    if (node === undefined) this.#nodes.set(entry.node, new Map([[entry.counter, entry]]))
    else node.set(entry.counter, entry)
  }

  get(node: string, counter: number): E | undefined {
    return this.#nodes.get(node)?.get(counter)
  }

  delete({ node, counter }: Dot): void {
    this.#nodes.get(node)?.delete(counter)
  }

  *[Symbol.iterator](): IterableIterator<E> {
    for (const node of this.#nodes.values()) yield* node.values()
  }
}
