import { DecodeError, VersionVector } from '@quorate/vector-clock'
import { checkSource, type Crdt, type MergeSource, type ReplicaOptions } from '../crdt.ts'
import { checkReplica, checkVersion } from '../format.ts'
import { encodeOps } from './codec.ts'
import { decodeOps } from './decoder.ts'
import { deltaOf, OpsDelta, type TextDelta } from './delta.ts'
import { Inbox } from './inbox.ts'
import { countPoints, NOWHERE, type Op } from './ops.ts'
import { MAX_EVENTS } from './rows.ts'
import { Sequence } from './sequence.ts'
import { opsSince } from './since.ts'
import { decodeSingle } from './single.ts'
import type { Site } from './site.ts'
import { opsToJSON, type TextJson } from './text-json.ts'
import { readRange } from './visible.ts'

/** Options of `createText`, `decodeText` and `textFromJSON`. */
export interface TextOptions extends ReplicaOptions {
  /**
   * What indices, counts and lengths count. Default `utf16`, as JavaScript strings do; an index within a
   * surrogate pair is refused then. With `code-points` an emoji of one code point counts as 1.
   */
  readonly positions?: 'utf16' | 'code-points' | undefined
  /**
   * How many characters and deletions may wait for edits that they need and that have not come. Default 100,000.
   * A merge that would pass it is refused.
   */
  readonly maxPending?: number | undefined
}

const MAX_PENDING = 100_000

/** A text that several replicas edit at once; see {@link createText}. */
export class Text implements Crdt<'text', string> {
  readonly type: 'text' = 'text'
  readonly replica: string
  readonly #options: TextOptions
  readonly #sequence: Sequence
  readonly #inbox: Inbox
  readonly #site: Site
  #hasEdited = false

  /** @internal Use `createText`, `decodeText` or `textFromJSON`. */
  constructor(options: TextOptions, state: readonly Op[] = []) {
    this.replica = checkReplica(options)
    const { positions = 'utf16', maxPending = MAX_PENDING } = options
    if (positions !== 'utf16' && positions !== 'code-points') {
      throw new TypeError(`positions must be utf16 or code-points, got ${String(positions)}`)
    }
    if (!(maxPending >= 0)) throw new RangeError(`maxPending must be a number from 0, got ${maxPending}`)
    this.#options = options
    this.#sequence = new Sequence(positions === 'code-points')
    this.#inbox = new Inbox(this.#sequence, maxPending)
    this.#site = this.#sequence.site(this.replica)
    if (state.length === 0) return
    const { ready, pending } = this.#inbox.plan(state, this.replica, false, Infinity)
    if (pending > 0) throw new DecodeError('text', 'edits are missing that others need')
    for (const op of ready) this.#sequence.apply(op)
  }

  /** The visible text, made anew on each call. */
  get value(): string {
    return this.toString()
  }

  /** Its length, in positions. */
  get length(): number {
    return this.#sequence.length
  }

  get version(): VersionVector {
    const counters: [string, number][] = []
    for (const { name, version } of this.#sequence.sites.values()) {
      if (name !== NOWHERE && version > 0) counters.push([name, version])
    }
    return VersionVector.of(Object.fromEntries(counters))
  }

  get hasGaps(): boolean {
    return this.#inbox.pending > 0
  }

  /**
   * Puts a text in before the character at a position.
   *
   * @param index from 0 to `length`.
   * @throws RangeError if the index is not in the text, or within a surrogate pair.
   * @throws TypeError for a text with half a surrogate pair, which UTF-8 can not carry.
   */
  insert(index: number, text: string): TextDelta {
    this.#checkIndex(index, this.length)
    const points = typeof text === 'string' ? countPoints(text) : -1
    if (points < 0) throw new TypeError('Cannot insert what is no well-formed text; use toWellFormed() on it')
    if (points === 0) return new OpsDelta(undefined)
    this.#checkEvents(points)
    const op = this.#sequence.insert(this.#site, index, text, points)
    this.#hasEdited = true
    return new OpsDelta(op)
  }

  /**
   * Deletes what this replica sees from a position on; what others put in between meanwhile stays.
   *
   * @param count positions, from 0; not past the end.
   * @throws RangeError if that is not in the text, or cuts a surrogate pair.
   */
  delete(index: number, count: number): TextDelta {
    this.#checkIndex(index, this.length)
    this.#checkIndex(count, this.length - index)
    if (count === 0) return new OpsDelta(undefined)
    this.#checkEvents(count)
    const ops = this.#sequence.erase(this.#site, index, count)
    this.#hasEdited = true
    return deltaOf(ops)
  }

  toString(): string {
    return readRange(this.#sequence, 0, this.length)
  }

  merge(source: MergeSource<'text'>): boolean {
    const single = source instanceof Uint8Array ? decodeSingle(source) : undefined
    return single === undefined ? this.#mergeOps(this.#read(source)) : this.#mergeOne(single)
  }

  deltaSince(version: VersionVector): TextDelta {
    checkVersion(version)
    return deltaOf(opsSince(this.#sequence, (name) => version.get(name)))
  }

  encode(): Uint8Array {
    return encodeOps(opsSince(this.#sequence, () => 0))
  }

  toJSON(): TextJson {
    return opsToJSON(opsSince(this.#sequence, () => 0))
  }

  clone(options: Partial<TextOptions> = {}): Text {
    const copy = new Text(
      { ...this.#options, ...options },
      opsSince(this.#sequence, () => 0, true),
    )
    copy.#mergeOps(this.#inbox.ops)
    return copy
  }

  #mergeOps(ops: readonly Op[]): boolean {
    const [first] = ops
    if (first === undefined) return false
    if (ops.length === 1) return this.#mergeOne(first)
    return this.#mergePlan(ops)
  }

  #mergeOne(op: Op): boolean {
    if (op.node === this.replica || !this.#inbox.isNext(op)) return this.#mergePlan([op])
    this.#sequence.apply(op)
    return true
  }

  #mergePlan(ops: readonly Op[]): boolean {
    const before = this.#inbox.pending
    const plan = this.#inbox.plan(ops, this.replica, this.#hasEdited)
    for (const op of plan.ready) this.#sequence.apply(op)
    this.#inbox.keep(plan)
    return plan.ready.length > 0 || plan.pending > before
  }

  #read(source: MergeSource<'text'>): readonly Op[] {
    if (source instanceof Uint8Array) return decodeOps(source)
    checkSource('text', source)
    if (#sequence in source) {
      const own = this.#sequence
      return opsSince(source.#sequence, (name) => own.sites.get(name)?.version ?? 0)
    }
    return OpsDelta.read(source) ?? decodeOps(source.encode())
  }

  #checkIndex(index: number, end: number): void {
    if (Number.isInteger(index) && index >= 0 && index <= end) return
    throw new RangeError(
      `Cannot edit a text of ${this.length} at ${index}, want a whole number from 0 to ${end}`,
    )
  }

  #checkEvents(count: number): void {
    if (this.#site.version + count < MAX_EVENTS) return
    throw new RangeError(`Cannot edit as ${this.replica}: it would pass 2^48 edits; go on as a new replica`)
  }
}
