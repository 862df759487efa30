// What the same edits cost without any merging: a gap buffer, a Set, a number, a Map.
import type { CartCopy, CounterCopy, MapCopy, Peer, SetCopy, TextCopy } from './peer.ts'

abstract class Floor {
  batch(edits: () => void): void {
    edits()
  }

  flush(): never {
    throw new Error('It cannot be sent')
  }

  receive(): never {
    throw new Error('It cannot be merged')
  }

  mergeState(): never {
    throw new Error('It cannot be merged')
  }

  encode(): never {
    throw new Error('It has no bytes')
  }
}

/** UTF-16 units with the free room where the last edit was. */
class GapBuffer extends Floor implements TextCopy {
  #units = new Uint16Array(1024)
  #from = 0
  #to = 1024

  insert(index: number, text: string): void {
    if (this.#to - this.#from < text.length) this.#grow(text.length)
    this.#moveTo(index)
    for (let i = 0; i < text.length; i++) this.#units[this.#from++] = text.charCodeAt(i)
  }

  remove(index: number, count: number): void {
    this.#moveTo(index)
    this.#to += count
  }

  text(): string {
    const decoder = new TextDecoder('utf-16le')
    return (
      decoder.decode(this.#units.subarray(0, this.#from)) + decoder.decode(this.#units.subarray(this.#to))
    )
  }

  #moveTo(index: number): void {
    const by = index - this.#from
    if (by < 0) this.#units.copyWithin(this.#to + by, index, this.#from)
    else if (by > 0) this.#units.copyWithin(this.#from, this.#to, this.#to + by)
    this.#from += by
    this.#to += by
  }

  #grow(room: number): void {
    const units = new Uint16Array((this.#units.length + room) * 2)
    const rest = this.#units.subarray(this.#to)
    units.set(this.#units.subarray(0, this.#from))
    units.set(rest, units.length - rest.length)
    this.#units = units
    this.#to = units.length - rest.length
  }
}

class NativeSet extends Floor implements SetCopy {
  readonly #set = new Set<string>()

  add(key: string): void {
    this.#set.add(key)
  }

  remove(key: string): void {
    this.#set.delete(key)
  }

  clear(): void {
    this.#set.clear()
  }

  size(): number {
    return this.#set.size
  }

  has(key: string): boolean {
    return this.#set.has(key)
  }

  version(): undefined {
    return undefined
  }

  missing(): never {
    throw new Error('It cannot tell what is missing')
  }
}

class NativeNumber extends Floor implements CounterCopy {
  #value = 0

  increment(): void {
    this.#value++
  }

  value(): number {
    return this.#value
  }
}

class NativeMap extends Floor implements MapCopy, CartCopy {
  readonly #map = new Map<string, number>()

  set(key: string, value: number): void {
    this.#map.set(key, value)
  }

  get(key: string): number | undefined {
    return this.#map.get(key)
  }

  addItem(sku: string, quantity: number): void {
    this.#map.set(sku, this.quantity(sku) + quantity)
  }

  quantity(sku: string): number {
    return this.#map.get(sku) ?? 0
  }
}

function load(): never {
  throw new Error('It has no bytes')
}

export const peer: Peer = {
  text: { create: () => new GapBuffer(), load },
  set: { create: () => new NativeSet(), load },
  counter: { create: () => new NativeNumber(), load },
  map: { create: () => new NativeMap(), load },
  cart: { create: () => new NativeMap(), load },
}
