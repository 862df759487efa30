// Yjs: one transaction for a batch; 'update' events, in its default format, for what is sent; its second format, which
// is smaller for whole documents, for what is stored. A set is the keys of a Y.Map. It has no counters.
import * as Y from 'yjs'
import type { Copy, Maker, MapCopy, Peer, SetCopy, TextCopy } from './peer.ts'

/** Ids as long as those it draws itself, 32 bits. */
const FIRST_ID = 2 ** 31

abstract class YCopy implements Copy {
  protected readonly doc: Y.Doc = new Y.Doc()
  #updates: Uint8Array[] = []

  constructor(replica: number, updates: boolean) {
    this.doc.clientID = FIRST_ID + replica
    if (updates) this.doc.on('update', (update: Uint8Array) => void this.#updates.push(update))
  }

  batch(edits: () => void): void {
    this.doc.transact(edits)
  }

  flush(): Uint8Array {
    const [first, ...more] = this.#updates
    this.#updates = []
    if (first === undefined) return new Uint8Array()
    return more.length === 0 ? first : Y.mergeUpdates([first, ...more])
  }

  receive(bytes: Uint8Array): void {
    Y.applyUpdate(this.doc, bytes)
    this.#updates.length = 0
  }

  mergeState(bytes: Uint8Array): void {
    Y.applyUpdateV2(this.doc, bytes)
    this.#updates.length = 0
  }

  encode(): Uint8Array {
    return Y.encodeStateAsUpdateV2(this.doc)
  }
}

class YTextCopy extends YCopy implements TextCopy {
  readonly #text = this.doc.getText('text')

  insert(index: number, text: string): void {
    this.#text.insert(index, text)
  }

  remove(index: number, count: number): void {
    this.#text.delete(index, count)
  }

  text(): string {
    return this.#text.toJSON() // the same as toString
  }
}

class YMapCopy extends YCopy implements SetCopy, MapCopy {
  readonly #map = this.doc.getMap<number>('map')

  add(key: string): void {
    this.#map.set(key, 1)
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
    return this.#map.has(key)
  }

  set(key: string, value: number): void {
    this.#map.set(key, value)
  }

  get(key: string): number | undefined {
    return this.#map.get(key)
  }

  version(): Uint8Array {
    return Y.encodeStateVector(this.doc)
  }

  missing(version: Uint8Array): number {
    return Y.encodeStateAsUpdate(this.doc, version).length
  }
}

function makerOf<C extends YCopy>(Type: new (replica: number, updates: boolean) => C): Maker<C> {
  return {
    create: (replica, updates) => new Type(replica, updates),
    load: (bytes, replica) => {
      const copy = new Type(replica, false)
      copy.mergeState(bytes)
      return copy
    },
  }
}

export const peer: Peer = { text: makerOf(YTextCopy), set: makerOf(YMapCopy), map: makerOf(YMapCopy) }
