// diamond-types (Rust in WebAssembly): a document with its branch; patches since a version for what is sent.
import { Doc } from 'diamond-types-node'
import type { Peer, TextCopy } from './peer.ts'

class DiamondText implements TextCopy {
  readonly #doc: Doc
  #sent: Uint32Array

  constructor(doc: Doc) {
    this.#doc = doc
    this.#sent = doc.getLocalVersion()
  }

  batch(edits: () => void): void {
    edits() // it has no transactions
  }

  flush(): Uint8Array {
    const patch = this.#doc.getPatchSince(this.#sent)
    this.#sent = this.#doc.getLocalVersion()
    return patch
  }

  receive(bytes: Uint8Array): void {
    this.#doc.mergeBytes(bytes)
    this.#sent = this.#doc.getLocalVersion()
  }

  mergeState(bytes: Uint8Array): void {
    this.receive(bytes)
  }

  encode(): Uint8Array {
    return this.#doc.toBytes()
  }

  insert(index: number, text: string): void {
    this.#doc.ins(index, text)
  }

  remove(index: number, count: number): void {
    this.#doc.del(index, count)
  }

  text(): string {
    return this.#doc.get()
  }
}

export const peer: Peer = {
  text: {
    create: (replica) => new DiamondText(new Doc(`replica-${replica}`)),
    load: (bytes, replica) => new DiamondText(Doc.fromBytes(bytes, `replica-${replica}`)),
  },
}
