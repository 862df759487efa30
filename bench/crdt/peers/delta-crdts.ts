// delta-crdts with its own codec. Its list of characters takes minutes for a text of any length, and the deltas of its
// removals do not remove at the receiver: it takes part with adds and counters.
import { createRequire } from 'node:module'
import type { Copy, CounterCopy, Maker, Peer, SetCopy } from './peer.ts'

/** A replica of it; which mutators there are depends on the type. */
interface Replica<Value> {
  value(): Value
  state(): unknown
  apply(delta: unknown): void
  add(element: string): unknown
  remove(element: string): unknown
  inc(): unknown
}

const require = createRequire(import.meta.url)
const typeOf = require('delta-crdts') as (name: string) => (replica: string) => Replica<never>
const codec = createRequire(require.resolve('delta-crdts'))('delta-crdts-msgpack-codec') as {
  encode(value: unknown): { slice(): Uint8Array }
  decode(bytes: Uint8Array): unknown
}

abstract class DeltaCopy<Value> implements Copy {
  protected readonly replica: Replica<Value>
  protected last: unknown

  constructor(type: string, replica: number) {
    this.replica = typeOf(type)(`replica-${replica}`)
  }

  batch(edits: () => void): void {
    edits() // it has no transactions
  }

  flush(): Uint8Array {
    return codec.encode(this.last).slice()
  }

  receive(bytes: Uint8Array): void {
    this.replica.apply(codec.decode(bytes))
  }

  mergeState(bytes: Uint8Array): void {
    this.receive(bytes)
  }

  encode(): Uint8Array {
    return codec.encode(this.replica.state()).slice()
  }
}

class DeltaSet extends DeltaCopy<ReadonlySet<string>> implements SetCopy {
  constructor(replica: number) {
    super('aworset', replica)
  }

  add(key: string): void {
    this.last = this.replica.add(key)
  }

  remove(key: string): void {
    this.last = this.replica.remove(key)
  }

  clear(): void {
    for (const key of this.replica.value()) this.remove(key)
  }

  size(): number {
    return this.replica.value().size
  }

  has(key: string): boolean {
    return this.replica.value().has(key)
  }

  version(): unknown {
    return undefined // it has no part of a state by version
  }

  missing(): number {
    return this.encode().length
  }
}

class DeltaCounter extends DeltaCopy<number> implements CounterCopy {
  constructor(replica: number) {
    super('pncounter', replica)
  }

  increment(): void {
    this.last = this.replica.inc()
  }

  value(): number {
    return this.replica.value()
  }
}

function makerOf<C extends Copy>(Type: new (replica: number) => C): Maker<C> {
  return {
    create: (replica) => new Type(replica),
    load: (bytes, replica) => {
      const copy = new Type(replica)
      copy.mergeState(bytes)
      return copy
    },
  }
}

export const peer: Peer = { set: makerOf(DeltaSet), counter: makerOf(DeltaCounter) }
