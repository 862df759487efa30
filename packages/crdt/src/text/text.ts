import { VersionVector } from '@quorate/vector-clock'
import { checkSource, type Crdt, type MergeSource } from '../crdt.ts'
import { DuplicateReplicaError } from '../errors.ts'
import { checkVersion } from '../format.ts'
import { Changes, type TextListener } from './changes.ts'
import { encodeOps } from './codec.ts'
import { cursorAt, cursorFrom, type CursorSide, type TextCursor, type TextCursorJson } from './cursor.ts'
import { type Decoded, decodeOps, decodeRows } from './decoder.ts'
import { deltaOf, OpsDelta, type TextDelta } from './delta.ts'
import { collect, textAt } from './history.ts'
import { Inbox, type Plan } from './inbox.ts'
import { load } from './load.ts'
import { countPoints, type Insertion, NOWHERE, type Op } from './ops.ts'
import { checkOptions, type TextOptions } from './options.ts'
import { MAX_EVENTS } from './rows.ts'
import { opsOf } from './rows-to-ops.ts'
import { Sequence } from './sequence.ts'
import { opsSince } from './since.ts'
import { decodeSingle } from './single.ts'
import type { Site } from './site.ts'
import { opsToJSON, type TextJson } from './text-json.ts'
import { UndoManager } from './undo.ts'
import { readRange } from './visible.ts'

/** A text that several replicas edit at once; see {@link createText}. */
export class Text implements Crdt<'text', string> {
  readonly type = 'text'
  readonly replica: string
  readonly #options: TextOptions
  readonly #sequence: Sequence
  readonly #inbox: Inbox
  readonly #site: Site
  readonly #undo: UndoManager
  readonly #changes: Changes
  #hasEdited = false

  /** @internal Use `createText`, `decodeText` or `textFromJSON`. */
  constructor(options: TextOptions, state: readonly Op[] | Decoded = []) {
    const { replica, positions, maxPending, maxUndo } = checkOptions(options)
    this.replica = replica
    this.#options = options
    const inPoints = positions === 'code-points'
    this.#sequence = new Sequence(inPoints)
    let ops: readonly Op[] = []
    if (!('cells' in state)) ops = state
    else if (!load(this.#sequence, state)) ops = opsOf(state)
    this.#inbox = new Inbox(this.#sequence, maxPending)
    this.#site = this.#sequence.site(this.replica)
    this.#undo = new UndoManager(this.#sequence, this.#site, maxUndo)
    this.#changes = new Changes(inPoints)
    if (ops.length === 0) return
    this.#take(this.#inbox.plan(ops, this.replica, false))
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

  /** True if there is an own edit that `undo()` could take back. */
  get canUndo(): boolean {
    return this.#undo.canUndo
  }

  /** True if something was undone and nothing edited since. */
  get canRedo(): boolean {
    return this.#undo.canRedo
  }

  /**
   * Puts a text in before the character at a position.
   *
   * @param index from 0 to `length`.
   * @throws RangeError if the index is not in the text, or within a surrogate pair.
   * @throws TypeError for a text with half a surrogate pair, which UTF-8 can not carry.
   */
  insert(index: number, text: string): TextDelta {
    const points = this.#checkInsertion(index, this.length, text)
    if (points === 0) return new OpsDelta(undefined)
    const op = this.#insert(index, text, points)
    this.#changes.tell('local')
    return new OpsDelta(op)
  }

  /**
   * Deletes what this replica sees from a position on; what others put in between meanwhile stays.
   *
   * @param count positions, from 0; not past the end.
   * @throws RangeError if that is not in the text, or cuts a surrogate pair.
   */
  delete(index: number, count: number): TextDelta {
    this.#checkDeletion(index, count)
    if (count === 0) return new OpsDelta(undefined)
    const ops = this.#delete(index, count)
    this.#changes.tell('local')
    return Array.isArray(ops) ? deltaOf(ops) : new OpsDelta(ops)
  }

  /** {@link delete}, then {@link insert} there, as one edit: in one delta, one event, undone as one. */
  replace(index: number, count: number, text: string): TextDelta {
    this.#checkDeletion(index, count)
    const points = this.#checkInsertion(index, this.length, text)
    const from = this.#site.version + 1
    this.#undo.stop()
    const ops: Op[] = count === 0 ? [] : [this.#delete(index, count)].flat()
    if (points > 0) ops.push(this.#insert(index, text, points))
    this.#undo.join(from)
    this.#changes.tell('local')
    return deltaOf(ops)
  }

  /**
   * Takes back the last group of own edits: text typed in one go, or deleted in one go, or a `replace`. Edits of others
   * stay. What others deleted too stays deleted; what comes back has new characters, so that a deletion of the
   * old ones under way at that moment does not reach it. Undo is an edit like others: send the delta.
   *
   * @returns `undefined` if there is nothing left to take back.
   */
  undo(): TextDelta | undefined {
    return this.#told(this.#undo.undo(), 'undo')
  }

  /** Takes back the last `undo()`. An edit made since takes the chance away. */
  redo(): TextDelta | undefined {
    return this.#told(this.#undo.redo(), 'redo')
  }

  /** The next edit begins a group of its own: call it when the user pauses, or moves the caret. */
  stopGroup(): void {
    this.#undo.stop()
  }

  /**
   * A place in the text that survives edits, by whomever.
   *
   * @param index from 0 to `length`.
   * @param options.side `after` (default): it stays after the character before it, and what is put in right there comes
   *   behind it, as for a caret that others type at. `before`: it stays before the character after it.
   * @throws RangeError if the index is not in the text.
   */
  cursor(index: number, options: { readonly side?: CursorSide | undefined } = {}): TextCursor {
    this.#checkIndex(index, this.length)
    const { side = 'after' } = options
    if (side !== 'after' && side !== 'before')
      throw new TypeError(`side must be before or after, got ${String(side)}`)
    return cursorAt(this.#sequence, index, side)
  }

  /**
   * A cursor that a peer made, from its `encode()` or `toJSON()`.
   *
   * @returns `undefined` if the character that it stays with has not come yet: try again after the next merge.
   * @throws DecodeError for what is no cursor.
   */
  cursorFrom(source: Uint8Array | TextCursorJson): TextCursor | undefined {
    return cursorFrom(this.#sequence, source)
  }

  /**
   * Calls `listener` after each change with what it did to the text. What it throws is dropped.
   *
   * @returns a function that ends it.
   */
  on(type: 'change', listener: TextListener): () => void {
    if (type !== 'change') throw new TypeError(`A text tells of change, not of ${String(type)}`)
    this.#sequence.watcher = this.#changes
    const off = this.#changes.add(listener)
    return () => {
      off()
      if (!this.#changes.hasListeners) this.#sequence.watcher = undefined
    }
  }

  /** A name for the text as it is now, for `textAt`: its version. */
  snapshot(): VersionVector {
    return this.version
  }

  /**
   * The text as it was at a version: of a `snapshot()`, or any that this replica has reached.
   *
   * @throws RangeError for a version that has edits which are not here.
   * @throws TextHistoryError if what was deleted since is not kept: it was collected, or this copy comes from bytes, which
   *   do not hold what deleted characters were.
   */
  textAt(version: VersionVector): string {
    checkVersion(version)
    if (!this.version.dominates(version))
      throw new RangeError('Cannot read the text at a version that is not here yet')
    return textAt(this.#sequence, (name) => version.get(name))
  }

  /**
   * Frees what nobody needs any more: what deleted characters were, once all replicas have seen that they are
   * deleted. Where they stood is kept: an edit under way may be put in beside them. `undo` and `textAt` go back no further
   * than what is kept. Bytes do not change: they never hold the text of what is deleted.
   *
   * @param stable a version that all replicas have reached.
   * @returns how many characters were freed.
   */
  collect(stable: VersionVector): number {
    checkVersion(stable)
    return collect(this.#sequence, (name) => stable.get(name))
  }

  toString(): string {
    return readRange(this.#sequence, 0, this.length)
  }

  /** A part of the text, as `String.slice`: negative positions count from the end. */
  slice(start = 0, end: number = this.length): string {
    const { length } = this
    const from = clamp(start, length)
    const to = clamp(end, length)
    return readRange(this.#sequence, from, to)
  }

  merge(source: MergeSource<'text'>): boolean {
    if (!(source instanceof Uint8Array)) return this.#mergeOps(this.#read(source))
    const single = decodeSingle(source)
    if (single !== undefined) return this.#mergeOne(single)
    const decoded = decodeRows(source)
    return this.#loads(decoded) || this.#mergeOps(opsOf(decoded))
  }

  deltaSince(version: VersionVector): TextDelta {
    checkVersion(version)
    return deltaOf(opsSince(this.#sequence, (name) => version.get(name), this.#inbox.ops))
  }

  encode(): Uint8Array<ArrayBuffer> {
    return encodeOps(opsSince(this.#sequence, () => 0, this.#inbox.ops))
  }

  toJSON(): TextJson {
    return opsToJSON(opsSince(this.#sequence, () => 0, this.#inbox.ops))
  }

  clone(options: Partial<TextOptions> = {}): Text {
    const copy = new Text(
      { ...this.#options, ...options },
      opsSince(this.#sequence, () => 0, this.#inbox.ops, true),
    )
    return copy
  }

  /** Takes in a whole state at once, if there is nothing here yet. False if that can not be. */
  #loads(decoded: Decoded): boolean {
    if (decoded.names.length === 0 || this.#inbox.pending > 0) return false
    const sequence = this.#sequence
    if (sequence.tree.first.pieces.length > 0 || !load(sequence, decoded)) return false
    if (this.length > 0) sequence.watcher?.inserted(0, this.toString())
    this.#undo.moved()
    this.#changes.tell('remote')
    return true
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
    this.#undo.moved()
    this.#changes.tell('remote')
    return true
  }

  #mergePlan(ops: readonly Op[]): boolean {
    const before = this.#inbox.pending
    const plan = this.#inbox.plan(ops, this.replica, this.#hasEdited)
    this.#take(plan)
    this.#undo.moved()
    this.#changes.tell('remote')
    return plan.ready.length > 0 || plan.pending > before
  }

  #take(plan: Plan): void {
    for (const op of plan.ready) this.#sequence.apply(op)
    for (const { node, from, to } of this.#inbox.keep(plan)) this.#sequence.hideEarly(node, from, to)
  }

  #read(source: Exclude<MergeSource<'text'>, Uint8Array>): readonly Op[] {
    checkSource('text', source)
    if (#sequence in source) {
      const own = this.#sequence
      return opsSince(source.#sequence, (name) => own.sites.get(name)?.version ?? 0, source.#inbox.ops)
    }
    return OpsDelta.read(source) ?? decodeOps(source.encode())
  }

  #insert(index: number, text: string, points: number): Insertion {
    const op = this.#sequence.insert(this.#site, index, text, points)
    this.#hasEdited = true
    this.#undo.noteInsertion(op)
    return op
  }

  #delete(index: number, count: number): Op | Op[] {
    const from = this.#site.version + 1
    const ops = this.#sequence.erase(this.#site, index, count)
    this.#hasEdited = true
    this.#undo.noteDeletion(from, index, count)
    return ops
  }

  #told(ops: readonly Op[] | undefined, origin: 'undo' | 'redo'): TextDelta | undefined {
    this.#changes.tell(origin)
    return ops === undefined ? undefined : deltaOf(ops)
  }

  /** The code points of a text to put in. */
  #checkInsertion(index: number, end: number, text: string): number {
    this.#checkIndex(index, end)
    const points = typeof text === 'string' ? countPoints(text) : -1
    if (points < 0) throw new TypeError('Cannot insert what is no well-formed text; use toWellFormed() on it')
    this.#checkWriter(points)
    return points
  }

  #checkDeletion(index: number, count: number): void {
    this.#checkIndex(index, this.length)
    this.#checkIndex(count, this.length - index)
    this.#checkWriter(count)
  }

  #checkIndex(index: number, end: number): void {
    if (Number.isInteger(index) && index >= 0 && index <= end) return
    throw new RangeError(
      `Cannot edit a text of ${this.length} at ${index}, want a whole number from 0 to ${end}`,
    )
  }

  #checkWriter(count: number): void {
    // Its edits from before it was restored have come in part: a new one would take the name of one still to come.
    if (this.#inbox.waitsFor(this.replica)) throw new DuplicateReplicaError('text', this.replica)
    if (this.#site.version + count < MAX_EVENTS) return
    throw new RangeError(`Cannot edit as ${this.replica}: it would pass 2^48 edits; go on as a new replica`)
  }
}

/** A position as `String.slice` takes it. */
const clamp = (index: number, length: number): number =>
  Math.max(0, Math.min(length, Math.trunc(index < 0 ? length + index : index) || 0))
