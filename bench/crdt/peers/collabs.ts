// Collabs: a batch is one transaction, 'Send' events for what is sent, `save` and `load` for the state.
import { CCounter, CLazyMap, CRuntime, CText, CValueMap, CValueSet, StringSerializer } from '@collabs/collabs'
import type { CartCopy, Copy, CounterCopy, Maker, MapCopy, Peer, SetCopy, TextCopy } from './peer.ts'

abstract class CollabsCopy implements Copy {
  protected readonly runtime: CRuntime
  #message: Uint8Array | undefined

  constructor(replica: number, updates: boolean) {
    // A name of ten letters, as long as those it draws itself.
    this.runtime = new CRuntime({ debugReplicaID: `replica${String(replica).padStart(3, 'a')}` })
    if (updates) this.runtime.on('Send', ({ message }) => void (this.#message = message))
  }

  batch(edits: () => void): void {
    this.runtime.transact(edits)
  }

  flush(): Uint8Array {
    const message = this.#message
    if (message === undefined) throw new Error('There is no message to send')
    this.#message = undefined
    return message
  }

  receive(bytes: Uint8Array): void {
    this.runtime.receive(bytes)
  }

  mergeState(bytes: Uint8Array): void {
    this.runtime.load(bytes)
  }

  encode(): Uint8Array {
    return this.runtime.save()
  }
}

class CollabsText extends CollabsCopy implements TextCopy {
  readonly #text = this.runtime.registerCollab('text', (init) => new CText(init))

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

class CollabsSet extends CollabsCopy implements SetCopy {
  readonly #set = this.runtime.registerCollab(
    'set',
    (init) => new CValueSet<string>(init, { valueSerializer: StringSerializer.instance }),
  )

  add(key: string): void {
    this.#set.add(key)
  }

  remove(key: string): void {
    this.#set.delete(key)
  }

  clear(): void {
    this.runtime.transact(() => this.#set.clear())
  }

  size(): number {
    return this.#set.size
  }

  has(key: string): boolean {
    return this.#set.has(key)
  }

  version(): ReadonlyMap<string, number> {
    return this.runtime.vectorClock()
  }

  /** Its vector clock tells whether something is missing; then it has only the whole state to send. */
  missing(version: unknown): number {
    const clock = version as ReadonlyMap<string, number>
    const isKnown = [...this.runtime.vectorClock()].every(([id, count]) => count <= (clock.get(id) ?? 0))
    return isKnown ? 0 : this.encode().length
  }
}

class CollabsMap extends CollabsCopy implements MapCopy {
  readonly #map = this.runtime.registerCollab(
    'map',
    (init) => new CValueMap<string, number>(init, { keySerializer: StringSerializer.instance }),
  )

  set(key: string, value: number): void {
    this.#map.set(key, value)
  }

  get(key: string): number | undefined {
    return this.#map.get(key)
  }
}

class CollabsCounter extends CollabsCopy implements CounterCopy {
  readonly #counter = this.runtime.registerCollab('counter', (init) => new CCounter(init))

  increment(): void {
    this.#counter.add(1)
  }

  value(): number {
    return this.#counter.value
  }
}

class CollabsCart extends CollabsCopy implements CartCopy {
  readonly #map = this.runtime.registerCollab(
    'cart',
    (init) =>
      new CLazyMap<string, CCounter>(init, (counter) => new CCounter(counter), {
        keySerializer: StringSerializer.instance,
      }),
  )

  addItem(sku: string, quantity: number): void {
    this.#map.get(sku).add(quantity)
  }

  quantity(sku: string): number {
    return this.#map.get(sku).value
  }
}

function makerOf<C extends CollabsCopy>(Type: new (replica: number, updates: boolean) => C): Maker<C> {
  return {
    create: (replica, updates) => new Type(replica, updates),
    load: (bytes, replica) => {
      const copy = new Type(replica, false)
      copy.mergeState(bytes)
      return copy
    },
  }
}

export const peer: Peer = {
  text: makerOf(CollabsText),
  set: makerOf(CollabsSet),
  counter: makerOf(CollabsCounter),
  map: makerOf(CollabsMap),
  cart: makerOf(CollabsCart),
}
