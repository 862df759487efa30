import { checkSource, type Delta } from '../crdt.ts'
import { encodeOps } from './codec.ts'
import { decodeOps } from './decoder.ts'
import { normalise } from './op-set.ts'
import type { Op } from './ops.ts'
import { encodeSingle } from './single.ts'
import { opsToJSON, type TextJson } from './text-json.ts'

/** An edit of a text, or several. */
export type TextDelta = Delta<'text'>

/** Operations, in order of replicas and counters, each event once. */
export class OpsDelta implements TextDelta {
  /** Most edits are one operation: it needs no array. */
  readonly #first: Op | undefined
  readonly #rest: readonly Op[] | undefined

  constructor(first: Op | undefined, rest?: readonly Op[]) {
    this.#first = first
    this.#rest = rest
  }

  // No field: each edit makes one of these.
  get type(): 'text' {
    return 'text'
  }

  get isEmpty(): boolean {
    return this.#first === undefined
  }

  merge(other: Delta<'text'>): TextDelta {
    checkSource('text', other)
    return deltaOf(normalise([...this.ops(), ...(OpsDelta.read(other) ?? decodeOps(other.encode()))]))
  }

  encode(): Uint8Array<ArrayBuffer> {
    const single =
      this.#first !== undefined && this.#rest === undefined ? encodeSingle(this.#first) : undefined
    return single ?? encodeOps(this.ops())
  }

  toJSON(): TextJson {
    return opsToJSON(this.ops())
  }

  /** @internal Not private, which would be one more thing that each of these has. */
  ops(): readonly Op[] {
    if (this.#first === undefined) return []
    return this.#rest === undefined ? [this.#first] : [this.#first, ...this.#rest]
  }

  /** The content of a delta made by this copy of the package; of others there are the bytes. */
  static read(source: object): readonly Op[] | undefined {
    return #first in source ? source.ops() : undefined
  }
}

export const deltaOf = (ops: readonly Op[]): TextDelta =>
  new OpsDelta(ops[0], ops.length > 1 ? ops.slice(1) : undefined)
