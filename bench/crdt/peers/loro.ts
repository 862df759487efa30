// Loro (Rust in WebAssembly): a batch is one commit, local update events for what is sent, snapshots to store.
// A set is the keys of a LoroMap, a cart a map of counters.
import { LoroCounter, LoroDoc, VersionVector } from 'loro-crdt'
import type { CartCopy, Copy, CounterCopy, Maker, MapCopy, Peer, SetCopy, TextCopy } from './peer.ts'

/** Ids as long as those it draws itself, 64 bits. */
const FIRST_ID = 2n ** 63n

abstract class LoroCopy implements Copy {
  protected readonly doc: LoroDoc = new LoroDoc()
  readonly #updates: Uint8Array[] = []

  constructor(replica: number, updates: boolean) {
    this.doc.setPeerId(FIRST_ID + BigInt(replica))
    if (updates) this.doc.subscribeLocalUpdates((update) => void this.#updates.push(update))
  }

  batch(edits: () => void): void {
    edits()
    this.doc.commit()
  }

  flush(): Uint8Array {
    this.doc.commit()
    const [update, ...more] = this.#updates.splice(0)
    if (update === undefined || more.length > 0) throw new Error(`${more.length + 1} updates of one commit`)
    return update
  }

  receive(bytes: Uint8Array): void {
    this.doc.import(bytes)
  }

  mergeState(bytes: Uint8Array): void {
    this.doc.import(bytes)
  }

  encode(): Uint8Array {
    return this.doc.export({ mode: 'snapshot' })
  }
}

class LoroTextCopy extends LoroCopy implements TextCopy {
  readonly #text = this.doc.getText('text')

  insert(index: number, text: string): void {
    this.#text.insert(index, text)
  }

  remove(index: number, count: number): void {
    this.#text.delete(index, count)
  }

  text(): string {
    return this.#text.toString()
  }
}

class LoroMapCopy extends LoroCopy implements SetCopy, MapCopy {
  readonly #map = this.doc.getMap('map')

  add(key: string): void {
    this.#map.set(key, true)
  }

  remove(key: string): void {
    this.#map.delete(key)
  }

  clear(): void {
    this.#map.clear()
  }

  size(): number {
    return this.#map.size
  }

  has(key: string): boolean {
    return this.#map.get(key) !== undefined
  }

  set(key: string, value: number): void {
    this.#map.set(key, value)
  }

  get(key: string): number | undefined {
    return this.#map.get(key) as number | undefined
  }

  version(): VersionVector {
    this.doc.commit()
    return this.doc.version()
  }

  missing(version: unknown): number {
    this.doc.commit()
    const from = version as VersionVector
    if (this.doc.version().compare(from) === 0) return 0
    return this.doc.export({ mode: 'update', from }).length
  }
}

class LoroCounterCopy extends LoroCopy implements CounterCopy {
  readonly #counter = this.doc.getCounter('counter')

  increment(): void {
    this.#counter.increment(1)
  }

  value(): number {
    return this.#counter.value
  }
}

class LoroCartCopy extends LoroCopy implements CartCopy {
  readonly #map = this.doc.getMap('cart')

  addItem(sku: string, quantity: number): void {
    this.#map.getOrCreateContainer(sku, new LoroCounter()).increment(quantity)
  }

  quantity(sku: string): number {
    const counter: unknown = this.#map.get(sku)
    return counter === undefined ? 0 : (counter as LoroCounter).value
  }
}

function makerOf<C extends LoroCopy>(Type: new (replica: number, updates: boolean) => C): Maker<C> {
  return {
    create: (replica, updates) => new Type(replica, updates),
    load: (bytes, replica) => {
      const copy = new Type(replica, false)
      copy.receive(bytes)
      return copy
    },
  }
}

export const peer: Peer = {
  text: makerOf(LoroTextCopy),
  set: makerOf(LoroMapCopy),
  counter: makerOf(LoroCounterCopy),
  map: makerOf(LoroMapCopy),
  cart: makerOf(LoroCartCopy),
}
