import { VersionVector } from '@quorate/vector-clock'
import {
  type Counts,
  countsSince,
  covers,
  growing,
  type GrowingCounts,
  joinCounts,
  MAX_TOTAL,
  NOTHING,
  partOf,
  shares,
  sizeOf,
  totalOf,
  type Totals,
  versions,
} from './counts.ts'
import {
  type CountsFormat,
  type CountsJson,
  countsToJSON,
  decodeCounts,
  encodeCounts,
} from './counts-codec.ts'
import {
  checkSource,
  type Crdt,
  type CrdtType,
  type Delta,
  type MergeSource,
  type ReplicaOptions,
} from './crdt.ts'
import { DuplicateReplicaError, RetiredReplicaError } from './errors.ts'
import { checkReplica, checkVersion } from './format.ts'
import { forgetTaken, takeOver } from './retirement.ts'

/** What a counter is made from: what was read from bytes or JSON. */
export type CountsSource = Counts | undefined

const EMPTY: ReadonlyMap<string, never> = /* @__PURE__ */ new Map<string, never>()

/** The delta of a counter. Of one edit it keeps one row, for speed. */
export class CountsDelta<T extends CrdtType, Row> implements Delta<T> {
  readonly #format: CountsFormat<T, Row>
  readonly #content: Counts | string
  readonly #row: Totals

  /** @param content all of it, or the name of the one replica whose row follows. */
  constructor(format: CountsFormat<T, Row>, content: Counts | string, row: Totals = NOTHING) {
    this.#format = format
    this.#content = content
    this.#row = row
  }

  get type(): T {
    return this.#format.type
  }

  get isEmpty(): boolean {
    const { rows, taken } = this.#counts
    return rows.size + taken.size === 0
  }

  merge(other: Delta<T>): Delta<T> {
    const both = growing(this.#counts)
    joinCounts(both, readCounts(this.#format, other))
    return new CountsDelta(this.#format, both)
  }

  encode(): Uint8Array<ArrayBuffer> {
    return encodeCounts(this.#format, this.#counts)
  }

  toJSON(): CountsJson<T, Row> {
    return countsToJSON(this.#format, this.#counts)
  }

  get #counts(): Counts {
    if (typeof this.#content !== 'string') return this.#content
    return { rows: new Map([[this.#content, this.#row]]), taken: EMPTY }
  }

  static read(source: object): Counts | undefined {
    return #content in source ? source.#counts : undefined
  }
}

function readCounts<T extends CrdtType>(format: CountsFormat<T, unknown>, source: MergeSource<T>): Counts {
  if (source instanceof Uint8Array) return decodeCounts(format, source)
  checkSource(format.type, source)
  return CountsDelta.read(source) ?? Counting.read(source) ?? decodeCounts(format, source.encode())
}

/** What the counters share: all but their edits. */
export abstract class Counting<T extends CrdtType, Row> implements Crdt<T, number> {
  readonly type: T
  readonly replica: string
  /** A delta holds all its replica ever counted, so it never leaves a gap. */
  readonly hasGaps: boolean = false
  readonly #format: CountsFormat<T, Row>
  readonly #counts: GrowingCounts
  /** True once this copy has counted: then nobody else may under its name. */
  #counted = false
  /** Who has taken this replica over. Kept when the mark is forgotten. */
  #heir: string | undefined

  protected constructor(
    format: CountsFormat<T, Row>,
    options: ReplicaOptions,
    source: CountsSource | Counting<T, Row>,
  ) {
    this.replica = checkReplica(options)
    this.type = format.type
    this.#format = format
    if (source instanceof Counting) {
      this.#counts = growing(source.#counts)
      if (source.replica === this.replica) [this.#counted, this.#heir] = [source.#counted, source.#heir]
    } else this.#counts = growing(source)
    this.#lookForHeir()
  }

  /**
   * The sum of all replicas.
   *
   * @throws RangeError if it is past 2^53 − 1: read `bigValue` then.
   */
  get value(): number {
    let sum = 0
    for (const { plus, minus } of shares(this.#counts)) {
      sum += plus - minus
      if (!Number.isSafeInteger(sum)) return this.#exact()
    }
    return sum
  }

  /** The sum of all replicas, of any size. */
  get bigValue(): bigint {
    let sum = 0n
    for (const { plus, minus } of shares(this.#counts)) sum += BigInt(plus) - BigInt(minus)
    return sum
  }

  get version(): VersionVector {
    return VersionVector.of(Object.fromEntries(versions(this.#counts)))
  }

  /**
   * @throws DuplicateReplicaError if it holds counts of this replica that this copy, having counted, never made.
   */
  merge(source: MergeSource<T>): boolean {
    const counts = readCounts(this.#format, source)
    if (this.#counted && !covers(totalOf(this.#counts, this.replica), totalOf(counts, this.replica))) {
      throw new DuplicateReplicaError(this.type, this.replica)
    }
    const changed = joinCounts(this.#counts, counts)
    if (changed) this.#lookForHeir()
    return changed
  }

  deltaSince(version: VersionVector): Delta<T> {
    checkVersion(version)
    return new CountsDelta(
      this.#format,
      countsSince(this.#counts, (node) => version.get(node)),
    )
  }

  encode(): Uint8Array<ArrayBuffer> {
    return encodeCounts(this.#format, this.#counts)
  }

  toJSON(): CountsJson<T, Row> {
    return countsToJSON(this.#format, this.#counts)
  }

  /**
   * Takes over, under the name of this replica, what one that is gone has counted; the sum stays as it is. To be
   * called on one replica, once the last counts of the other have arrived. If two do so at once, the sum is still
   * right, and the one with the higher name gives its part back with a second call, when it has heard of the other;
   * a second call also takes what came to light since. When all know, `forget` drops the name.
   *
   * The name must never be used again. A replica that hears of its own retirement does not count any more.
   *
   * @returns an empty delta if there is nothing to take: nothing is known of it, or another has it.
   * @throws TypeError for an ill-formed name, or this replica's own.
   * @throws RangeError if this replica would pass 2^52.
   * @throws RetiredReplicaError if this replica was itself retired.
   */
  retire(gone: string): Delta<T> {
    this.#checkGone(gone)
    this.#checkActive()
    if (!takeOver(this.#counts, this.replica, gone)) return new CountsDelta(this.#format, growing())
    this.#counted = true
    return new CountsDelta(this.#format, partOf(this.#counts, [this.replica]))
  }

  /**
   * Drops the name of a retired replica from this copy, once all have seen that it was taken over and no older
   * message or copy is left anywhere. To be called on every replica; it is no edit, so nothing need be sent.
   *
   * @param stable what all replicas have reached, as this one knows from states or deltas that it has merged: the
   *   smallest of their versions, by replica. Also of one that is gone, as long as this one has not heard that it is.
   * @returns true if the name is not in this copy any more. False if it is too early, or two replicas have taken it
   *   over and the one with the higher name did not yet call `retire` again, or counts came to light that nobody
   *   took, or it had itself taken over another whose name is still there.
   * @throws TypeError for an ill-formed name, this replica's own unless it was itself retired, or if `stable` is not
   *   a version.
   */
  forget(gone: string, stable: VersionVector): boolean {
    if (this.#heir === undefined) this.#checkGone(gone)
    checkReplica({ replica: gone })
    checkVersion(stable)
    return forgetTaken(this.#counts, gone, (node) => stable.get(node))
  }

  abstract clone(options?: Partial<ReplicaOptions>): Counting<T, Row>

  /** One edit. @throws RangeError for a wrong amount, or if this replica would pass 2^52. */
  protected count(plus: number, minus: number): Delta<T> {
    const by = plus + minus
    if (!(by >= 0) || !Number.isSafeInteger(by)) {
      throw new RangeError(`by must be a whole number from 0 to 2^53 - 1, got ${by}`)
    }
    if (by === 0) return new CountsDelta(this.#format, growing())
    const { replica } = this
    const { rows, taken } = this.#counts
    this.#checkActive()
    const old = rows.get(replica) ?? NOTHING
    const row: Totals = { plus: old.plus + plus, minus: old.minus + minus }
    if (row.plus > MAX_TOTAL || row.minus > MAX_TOTAL) {
      throw new RangeError(`Cannot count by ${by}: ${replica} would pass 2^52; go on as a new replica`)
    }
    rows.set(replica, row)
    this.#counted = true
    if (taken.size === 0) return new CountsDelta(this.#format, replica, row)
    return new CountsDelta(this.#format, partOf(this.#counts, [replica]))
  }

  #checkGone(gone: string): void {
    if (checkReplica({ replica: gone }) === this.replica) {
      throw new TypeError('gone must be another replica than this one')
    }
  }

  #checkActive(): void {
    if (this.#heir !== undefined) throw new RetiredReplicaError(this.type, this.replica, this.#heir)
  }

  #lookForHeir(): void {
    for (const [heir, taken] of this.#counts.taken.get(this.replica) ?? []) {
      if (sizeOf(taken) > 0) this.#heir ??= heir
    }
  }

  #exact(): number {
    const value = Number(this.bigValue)
    if (Number.isSafeInteger(value)) return value
    throw new RangeError('Cannot read value: the sum is past 2^53 - 1; read bigValue')
  }

  /** The counts of one made by this copy of the package; of others there are the bytes. */
  static read(source: object): Counts | undefined {
    return #counts in source ? source.#counts : undefined
  }
}
