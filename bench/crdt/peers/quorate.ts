// Ours, as published. Every edit returns a delta, asked for or not; a batch is merged deltas.
import {
  createCart,
  createLwwMap,
  createOrSet,
  createPnCounter,
  decodeCart,
  decodeLwwMap,
  decodeOrSet,
  decodePnCounter,
  type Crdt,
  type CrdtType,
  type Delta,
} from '@quorate/crdt'
import { createText, decodeText } from '@quorate/crdt/text'
import type { VersionVector } from '@quorate/vector-clock'
import type { CartCopy, Copy, CounterCopy, Maker, MapCopy, Peer, SetCopy, TextCopy } from './peer.ts'

/** A replica's name is the program's; the documentation has names like this one. */
const nameOf = (replica: number): string => `eu-${replica}`

abstract class OurCopy<T extends CrdtType, C extends Crdt<T, unknown>> implements Copy {
  protected readonly crdt: C
  readonly #updates: boolean
  #delta: { readonly sum: Delta<T> } | undefined

  constructor(crdt: C, updates: boolean) {
    this.crdt = crdt
    this.#updates = updates
  }

  protected took(delta: Delta<T>): void {
    this.#delta = { sum: this.#updates && this.#delta !== undefined ? this.#delta.sum.merge(delta) : delta }
  }

  batch(edits: () => void): void {
    edits()
  }

  flush(): Uint8Array {
    if (this.#delta === undefined) throw new Error('There is no delta to send')
    const bytes = this.#delta.sum.encode()
    this.#delta = undefined
    return bytes
  }

  receive(bytes: Uint8Array): void {
    this.crdt.merge(bytes)
  }

  mergeState(bytes: Uint8Array): void {
    this.crdt.merge(bytes)
  }

  encode(): Uint8Array {
    return this.crdt.encode()
  }

  version(): VersionVector {
    return this.crdt.version
  }

  missing(version: unknown): number {
    const delta = this.crdt.deltaSince(version as VersionVector)
    return delta.isEmpty ? 0 : delta.encode().length
  }
}

class OurText extends OurCopy<'text', ReturnType<typeof createText>> implements TextCopy {
  insert(index: number, text: string): void {
    this.took(this.crdt.insert(index, text))
  }

  remove(index: number, count: number): void {
    this.took(this.crdt.delete(index, count))
  }

  text(): string {
    return this.crdt.toString()
  }
}

class OurSet extends OurCopy<'or-set', ReturnType<typeof createOrSet<string>>> implements SetCopy {
  add(key: string): void {
    this.took(this.crdt.add(key))
  }

  remove(key: string): void {
    this.took(this.crdt.remove(key))
  }

  clear(): void {
    this.took(this.crdt.clear())
  }

  size(): number {
    return this.crdt.size
  }

  has(key: string): boolean {
    return this.crdt.has(key)
  }
}

class OurCounter extends OurCopy<'pn-counter', ReturnType<typeof createPnCounter>> implements CounterCopy {
  increment(): void {
    this.took(this.crdt.increment())
  }

  value(): number {
    return this.crdt.value
  }
}

class OurMap extends OurCopy<'lww-map', ReturnType<typeof createLwwMap<number>>> implements MapCopy {
  set(key: string, value: number): void {
    this.took(this.crdt.set(key, value))
  }

  get(key: string): number | undefined {
    return this.crdt.get(key)
  }
}

class OurCart extends OurCopy<'cart', ReturnType<typeof createCart>> implements CartCopy {
  addItem(sku: string, quantity: number): void {
    this.took(this.crdt.add(sku, quantity))
  }

  quantity(sku: string): number {
    return this.crdt.quantity(sku)
  }
}

function makerOf<Made, C>(
  Type: new (crdt: Made, updates: boolean) => C,
  create: (options: { replica: string }) => Made,
  decode: (bytes: Uint8Array, options: { replica: string }) => Made,
): Maker<C> {
  return {
    create: (replica, updates) => new Type(create({ replica: nameOf(replica) }), updates),
    load: (bytes, replica) => new Type(decode(bytes, { replica: nameOf(replica) }), false),
  }
}

export const peer: Peer = {
  text: makerOf(OurText, createText, decodeText),
  set: makerOf(OurSet, createOrSet<string>, decodeOrSet<string>),
  counter: makerOf(OurCounter, createPnCounter, decodePnCounter),
  map: makerOf(OurMap, createLwwMap<number>, decodeLwwMap<number>),
  cart: makerOf(OurCart, createCart, decodeCart),
}
