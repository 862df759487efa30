// json-joy: the editing API of a JSON CRDT document, patches for what is sent, the structural binary codec. A set is
// the keys of an object. It has no counters.
import { Model, Patch } from 'json-joy/lib/json-crdt/index.js'
import type { Copy, Maker, MapCopy, Peer, SetCopy, TextCopy } from './peer.ts'

/** Sessions as long as those it draws itself, 53 bits. */
const FIRST_SESSION = 2 ** 52
/** All replicas begin with one document, made once by a session of its own. */
const baseOf = (root: unknown): Uint8Array => {
  const model = Model.create(undefined, FIRST_SESSION)
  model.api.set(root)
  model.api.flush()
  return model.toBinary()
}
const TEXT = baseOf('')
const OBJECT = baseOf({})

/** Edits gather in a patch until it is taken; one that grows for ever makes them twice as dear. */
const FLUSH_EVERY = 1_000

abstract class JoyCopy implements Copy {
  readonly #updates: boolean
  #edits = 0
  protected readonly model: Model

  constructor(bytes: Uint8Array, replica: number, updates: boolean) {
    this.model = Model.load(bytes, FIRST_SESSION + replica) as Model
    this.#updates = updates
  }

  batch(edits: () => void): void {
    edits() // it has no transactions that would save anything
  }

  protected edited(): void {
    if (!this.#updates && ++this.#edits % FLUSH_EVERY === 0) this.model.api.flush()
  }

  flush(): Uint8Array {
    return this.model.api.flush().toBinary()
  }

  receive(bytes: Uint8Array): void {
    this.model.applyPatch(Patch.fromBinary(bytes))
  }

  mergeState(bytes: Uint8Array): void {
    this.model.merge(Model.fromBinary(bytes))
  }

  encode(): Uint8Array {
    return this.model.toBinary()
  }
}

class JoyTextCopy extends JoyCopy implements TextCopy {
  readonly #text = this.model.api.str([])

  insert(index: number, text: string): void {
    this.#text.ins(index, text)
    this.edited()
  }

  remove(index: number, count: number): void {
    this.#text.del(index, count)
    this.edited()
  }

  text(): string {
    return this.#text.view()
  }
}

class JoyMapCopy extends JoyCopy implements SetCopy, MapCopy {
  readonly #object = this.model.api.obj([])

  add(key: string): void {
    this.#object.set({ [key]: 1 })
    this.edited()
  }

  remove(key: string): void {
    this.#object.del([key])
    this.edited()
  }

  clear(): void {
    this.#object.del(Object.keys(this.#object.view() as object))
  }

  size(): number {
    return Object.keys(this.#object.view() as object).length
  }

  has(key: string): boolean {
    return this.#object.has(key)
  }

  set(key: string, value: number): void {
    this.#object.set({ [key]: value })
    this.edited()
  }

  get(key: string): number | undefined {
    return (this.#object.view() as Record<string, number>)[key]
  }

  version(): unknown {
    return this.model.clock.clone()
  }

  missing(version: unknown): number {
    const delta = this.model.delta(version as Model['clock'])
    return delta.batch.patches.length === 0 ? 0 : delta.toBinary().length
  }
}

function makerOf<C>(
  base: Uint8Array,
  Type: new (bytes: Uint8Array, replica: number, updates: boolean) => C,
): Maker<C> {
  return {
    create: (replica, updates) => new Type(base, replica, updates),
    load: (bytes, replica) => new Type(bytes, replica, false),
  }
}

export const peer: Peer = {
  text: makerOf(TEXT, JoyTextCopy),
  set: makerOf(OBJECT, JoyMapCopy),
  map: makerOf(OBJECT, JoyMapCopy),
}
