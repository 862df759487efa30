// Automerge (Rust in WebAssembly): a batch is one change, `getLastLocalChange` is what is sent. A set is the keys of a
// map, a cart a map of counters.
import * as A from '@automerge/automerge'
import type { CartCopy, Copy, CounterCopy, Maker, MapCopy, Peer, SetCopy, TextCopy } from './peer.ts'

interface Shape extends Record<string, unknown> {
  text: string
  count: A.Counter
  map: Record<string, number>
  cart: Record<string, A.Counter>
}

/** All replicas begin with one document, as its documentation advises: the objects in it are made once. */
const BASE = A.save(
  A.from<Shape>({ text: '', count: new A.Counter(), map: {}, cart: {} }, { actor: actor(0) }),
)

function actor(replica: number): string {
  return replica.toString(16).padStart(32, '0')
}

abstract class AutomergeCopy implements Copy {
  protected doc: A.Doc<Shape>
  #draft: Shape | undefined

  constructor(bytes: Uint8Array, replica: number) {
    this.doc = A.load<Shape>(bytes, { actor: actor(replica) })
  }

  /** One edit: a change of its own, or a part of the batch that is open. */
  protected edit(apply: (draft: Shape) => void): void {
    if (this.#draft === undefined) this.doc = A.change(this.doc, apply)
    else apply(this.#draft)
  }

  batch(edits: () => void): void {
    this.doc = A.change(this.doc, (draft) => {
      this.#draft = draft
      edits()
      this.#draft = undefined
    })
  }

  flush(): Uint8Array {
    const change = A.getLastLocalChange(this.doc)
    if (change === undefined) throw new Error('There is no change to send')
    return change
  }

  receive(bytes: Uint8Array): void {
    ;[this.doc] = A.applyChanges(this.doc, [bytes])
  }

  mergeState(bytes: Uint8Array): void {
    this.doc = A.merge(this.doc, A.load<Shape>(bytes))
  }

  encode(): Uint8Array {
    return A.save(this.doc)
  }
}

class AutomergeText extends AutomergeCopy implements TextCopy {
  insert(index: number, text: string): void {
    this.edit((draft) => A.splice(draft, ['text'], index, 0, text))
  }

  remove(index: number, count: number): void {
    this.edit((draft) => A.splice(draft, ['text'], index, count))
  }

  text(): string {
    return this.doc.text
  }
}

class AutomergeMap extends AutomergeCopy implements SetCopy, MapCopy {
  add(key: string): void {
    this.set(key, 1)
  }

  set(key: string, value: number): void {
    this.edit((draft) => void (draft.map[key] = value))
  }

  get(key: string): number | undefined {
    return this.doc.map[key]
  }

  remove(key: string): void {
    this.edit((draft) => void delete draft.map[key])
  }

  clear(): void {
    const keys = Object.keys(this.doc.map)
    this.batch(() => {
      for (const key of keys) this.remove(key)
    })
  }

  size(): number {
    return Object.keys(this.doc.map).length
  }

  has(key: string): boolean {
    return key in this.doc.map
  }

  version(): A.Heads {
    return A.getHeads(this.doc)
  }

  missing(version: unknown): number {
    return A.saveSince(this.doc, version as A.Heads).length
  }
}

class AutomergeCounter extends AutomergeCopy implements CounterCopy {
  increment(): void {
    this.edit((draft) => void draft.count.increment(1))
  }

  value(): number {
    return Number(this.doc.count)
  }
}

class AutomergeCart extends AutomergeCopy implements CartCopy {
  addItem(sku: string, quantity: number): void {
    this.edit((draft) => {
      const counter = draft.cart[sku]
      if (counter === undefined) draft.cart[sku] = new A.Counter(quantity)
      else counter.increment(quantity)
    })
  }

  quantity(sku: string): number {
    return Number(this.doc.cart[sku] ?? 0)
  }
}

function makerOf<C>(Type: new (bytes: Uint8Array, replica: number) => C): Maker<C> {
  return {
    create: (replica) => new Type(BASE, replica),
    load: (bytes, replica) => new Type(bytes, replica),
  }
}

export const peer: Peer = {
  text: makerOf(AutomergeText),
  set: makerOf(AutomergeMap),
  counter: makerOf(AutomergeCounter),
  map: makerOf(AutomergeMap),
  cart: makerOf(AutomergeCart),
}
