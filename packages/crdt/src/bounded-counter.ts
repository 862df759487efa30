import { VersionVector } from '@quorate/vector-clock'
import {
  type BoundedCounterJson,
  boundedFromJSON,
  type BoundedState,
  boundedToJSON,
  decodeBounded,
  encodeBounded,
  wrongBounds,
} from './bounded-codec.ts'
import { type BoundedCounterDelta, BoundedDelta, readRows } from './bounded-delta.ts'
import {
  balance,
  type BoundedRow,
  type BoundedRows,
  type Bounds,
  claimsOn,
  coversRow,
  EMPTY_ROW,
  joinRows,
  lastHolders,
  type Right,
  type Rights,
  rightsOfAll,
  sizeOfRow,
} from './bounded-rows.ts'
import type { Crdt, MergeSource, ReplicaOptions } from './crdt.ts'
import { chooseDonors, type Donation } from './donors.ts'
import { DuplicateReplicaError, RetiredReplicaError } from './errors.ts'
import { checkReplica, checkVersion } from './format.ts'

const TYPE = 'bounded-counter'
const NONE: Rights = { stock: 0, room: 0 }

/** Options of {@link createBoundedCounter}. All replicas must be made with the same bounds. */
export interface BoundedCounterOptions extends ReplicaOptions {
  /** What the value never goes below, and where it starts. A whole number within ±2^50. Default 0. */
  readonly minimum?: number | undefined
  /** What the value never goes above. A whole number up to 2^51. Default: none. */
  readonly maximum?: number | undefined
  /** The replica that has all rights to count up in the beginning, and hands them on. Needed with `maximum`. */
  readonly holder?: string | undefined
}

/** A counter that no replica can take below its minimum; see {@link createBoundedCounter}. */
export class BoundedCounter implements Crdt<'bounded-counter', number> {
  readonly type: 'bounded-counter' = TYPE
  readonly replica: string
  readonly #bounds: Bounds
  readonly #rows: Map<string, BoundedRow>
  /** The rights of this replica, kept up to date. */
  #rights: Rights = NONE
  /** True once this copy has made an edit: then nobody else may under its name. */
  #edited = false
  /** Who takes this replica for gone. */
  #heir: string | undefined

  /** @internal Use `createBoundedCounter`, `decodeBoundedCounter` or `boundedCounterFromJSON`. */
  constructor(options: ReplicaOptions, source: BoundedState | BoundedCounter) {
    this.replica = checkReplica(options)
    if (source instanceof BoundedCounter) {
      this.#bounds = source.#bounds
      this.#rows = new Map(source.#rows)
      if (source.replica === this.replica) [this.#edited, this.#heir] = [source.#edited, source.#heir]
    } else {
      this.#bounds = source.bounds
      this.#rows = new Map(source.rows)
    }
    this.#lookAround()
  }

  /** What the value never goes below. */
  get minimum(): number {
    return this.#bounds.minimum
  }

  /** What the value never goes above; `Infinity` if there is no such bound. */
  get maximum(): number {
    return this.#bounds.maximum ?? Infinity
  }

  /**
   * The count, as far as known. While rows are missing, as when a use of rights comes before the transfer that gave
   * them, it is at least the minimum and at most the maximum.
   *
   * @throws RangeError if it is past 2^53 − 1: read `bigValue` then.
   */
  get value(): number {
    const value = Number(this.bigValue)
    if (Number.isSafeInteger(value)) return value
    throw new RangeError('Cannot read value: the sum is past 2^53 - 1; read bigValue')
  }

  /** The same, of any size. */
  get bigValue(): bigint {
    const { minimum, maximum } = this.#bounds
    const value = BigInt(minimum) + balance(this.#rows)
    if (value < minimum) return BigInt(minimum)
    return maximum !== undefined && value > maximum ? BigInt(maximum) : value
  }

  /** How far this replica may count down on its own. */
  get available(): number {
    return this.#rights.stock
  }

  /** How far this replica may count up on its own; `Infinity` without a maximum. */
  get room(): number {
    return this.#bounds.maximum === undefined ? Infinity : this.#rights.room
  }

  get version(): VersionVector {
    return VersionVector.of([...this.#rows].map(([node, row]) => [node, sizeOfRow(row)] as const))
  }

  /** True if a replica seems to have used more than it had: rows of others are still under way. */
  get hasGaps(): boolean {
    const hasMaximum = this.#bounds.maximum !== undefined
    return [...rightsOfAll(this.#rows, this.#bounds).values()].some(
      ({ stock, room }) => stock < 0 || (hasMaximum && room < 0),
    )
  }

  /**
   * The rights of a replica, as far as known here. It may since have used or handed over some of them.
   *
   * @param right `stock`, to count down (default), or `room`, to count up.
   */
  rights(replica: string, right: Right = 'stock'): number {
    if (right === 'room' && this.#bounds.maximum === undefined) return Infinity
    return Math.max(0, (rightsOfAll(this.#rows, this.#bounds).get(replica) ?? NONE)[right])
  }

  /**
   * Counts up, and so makes rights to count down for this replica.
   *
   * @param by whole number from 0. Default 1.
   * @returns undefined if this replica may not count up so far (see `room`); nothing was changed.
   * @throws RangeError if `by` is wrong, or this replica has done 2^53 in all.
   * @throws RetiredReplicaError if another takes this replica for gone.
   */
  increment(by = 1): BoundedCounterDelta | undefined {
    this.#check(by)
    if (by > this.room) return undefined
    const row = this.#row
    return this.#write({ ...row, up: row.up + by }, by, by, -by)
  }

  /**
   * Counts down, with rights that this replica has: those it made, and those it got.
   *
   * @param by whole number from 0. Default 1.
   * @returns undefined if it has too few (see `available`); nothing was changed. Ask the `donors` for more.
   * @throws RangeError if `by` is wrong, or this replica has done 2^53 in all.
   * @throws RetiredReplicaError if another takes this replica for gone.
   */
  decrement(by = 1): BoundedCounterDelta | undefined {
    this.#check(by)
    if (by > this.available) return undefined
    const row = this.#row
    return this.#write({ ...row, down: row.down + by }, by, -by, by)
  }

  /**
   * Hands rights over to another replica, which has them once the delta arrives there. Until then nobody can use
   * them; if the delta is lost, any later state or delta of this replica brings them.
   *
   * @param right `stock`, to count down (default), or `room`, to count up.
   * @returns undefined if this replica has too few; nothing was changed.
   * @throws TypeError for an ill-formed name, this replica's own, or `room` without a maximum.
   * @throws RangeError if `by` is wrong, or this replica has done 2^53 in all.
   * @throws RetiredReplicaError if another takes this replica for gone.
   */
  transfer(by: number, to: string, right: Right = 'stock'): BoundedCounterDelta | undefined {
    this.#checkOther(to, 'to')
    if (right === 'room' && this.#bounds.maximum === undefined) {
      throw new TypeError('room cannot be handed over: there is no maximum')
    }
    this.#check(by)
    if (by > this.#rights[right]) return undefined
    const row = this.#row
    const old = row.sent.get(to) ?? NONE
    const sent = by === 0 ? row.sent : new Map(row.sent).set(to, { ...old, [right]: old[right] + by })
    return this.#write({ ...row, sent }, by, right === 'stock' ? -by : 0, right === 'room' ? -by : 0)
  }

  /**
   * Whom to ask for rights, so that this replica can count by this much: the richest first, as far as known here.
   *
   * @param right `stock`, to count down (default), or `room`, to count up.
   * @returns nobody if it has enough; `undefined` if all together have too few.
   * @throws RangeError if `by` is wrong.
   */
  donors(by: number, right: Right = 'stock'): Donation[] | undefined {
    checkAmount(by)
    const claimed = new Set([...this.#rows.values()].flatMap(({ claims }) => [...claims.keys()]))
    const others = [...rightsOfAll(this.#rows, this.#bounds)]
      .filter(([node]) => node !== this.replica && !claimed.has(node))
      .map(([node, rights]) => [node, rights[right]] as const)
    return chooseDonors(others, by - (right === 'stock' ? this.available : this.room))
  }

  /**
   * @throws TypeError or DecodeError also for a counter with other bounds.
   * @throws DuplicateReplicaError if it holds edits of this replica that this copy, having made some, never made.
   */
  merge(source: MergeSource<'bounded-counter'>): boolean {
    const rows = readRows(source, this.#bounds, (other) => BoundedCounter.#stateOf(other))
    const own = rows.get(this.replica)
    if (this.#edited && own !== undefined && !coversRow(this.#row, own)) {
      throw new DuplicateReplicaError(TYPE, this.replica)
    }
    const changed = joinRows(this.#rows, rows)
    if (changed) this.#lookAround()
    return changed
  }

  deltaSince(version: VersionVector): BoundedCounterDelta {
    checkVersion(version)
    const news = [...this.#rows].filter(([node, row]) => sizeOfRow(row) > version.get(node))
    return this.#delta(new Map(news))
  }

  encode(): Uint8Array<ArrayBuffer> {
    return encodeBounded({ bounds: this.#bounds, rows: this.#rows })
  }

  toJSON(): BoundedCounterJson {
    return boundedToJSON({ bounds: this.#bounds, rows: this.#rows })
  }

  clone(options: Partial<ReplicaOptions> = {}): BoundedCounter {
    return new BoundedCounter({ replica: options.replica ?? this.replica }, this)
  }

  /**
   * Claims the rights of a replica that is gone, once its last edits have arrived. Nobody can use them until `forget`
   * gives them to the claimant with the lowest name: two that claim at once never both have them.
   *
   * The other must really be gone. If it goes on to count down with rights that were given away, the value can go
   * below the minimum: it cannot be told in time. A replica that hears of a claim on itself makes no more edits.
   *
   * @returns an empty delta if there is nothing to claim: nothing is known of it, or it has been claimed.
   * @throws TypeError for an ill-formed name, or this replica's own.
   * @throws RetiredReplicaError if another takes this replica for gone.
   */
  retire(gone: string): BoundedCounterDelta {
    this.#checkOther(gone, 'gone')
    this.#checkActive()
    const isKnown = rightsOfAll(this.#rows, this.#bounds).has(gone)
    if (!isKnown || claimsOn(this.#rows, gone).length > 0) return this.#delta(new Map())
    return this.#claim(gone, false)
  }

  /**
   * Settles who has the rights of a replica that was retired, once all have seen all claims. On the replica that
   * gets them this is an edit: its next delta tells the others. To be called on every replica, until it is true.
   *
   * Other than in the plain counters, the name stays in the state: rights that were sent to it may still arrive.
   *
   * @param stable what all replicas have reached, as this one knows from states or deltas that it has merged: the
   *   smallest of their versions, by replica.
   * @returns true if the rights have an owner, or nothing is known of the replica.
   * @throws TypeError for an ill-formed name, this replica's own unless it was itself retired, or if `stable` is not
   *   a version.
   */
  forget(gone: string, stable: VersionVector): boolean {
    if (this.#heir === undefined) this.#checkOther(gone, 'gone')
    checkReplica({ replica: gone })
    checkVersion(stable)
    const holders = lastHolders(this.#rows)
    if (holders.has(gone)) return true
    const claims = claimsOn(this.#rows, gone).toSorted(([a], [b]) => (a < b ? -1 : 1))
    const [first] = claims
    if (first === undefined) return !rightsOfAll(this.#rows, this.#bounds).has(gone)
    if (claims.some(([claimant, { at }]) => stable.get(claimant) < at)) return false
    // If the first is itself gone, its heir is meant.
    if ((holders.get(first[0]) ?? first[0]) !== this.replica || this.#heir !== undefined) return false
    this.#claim(gone, true)
    return true
  }

  get #row(): BoundedRow {
    return this.#rows.get(this.replica) ?? EMPTY_ROW
  }

  #claim(gone: string, held: boolean): BoundedCounterDelta {
    const row = this.#row
    const at = row.claims.get(gone)?.at ?? sizeOfRow(row) + 1
    const delta = this.#write({ ...row, claims: new Map(row.claims).set(gone, { at, held }) }, 1, 0, 0)
    this.#lookAround()
    return delta
  }

  /** Makes this the row of this replica. Rights change by these. */
  #write(row: BoundedRow, by: number, stock: number, room: number): BoundedCounterDelta {
    if (by === 0) return this.#delta(new Map())
    if (sizeOfRow(row) > Number.MAX_SAFE_INTEGER) {
      throw new RangeError(`Cannot count by ${by}: ${this.replica} would pass 2^53; go on as a new replica`)
    }
    this.#rows.set(this.replica, row)
    this.#rights = { stock: this.#rights.stock + stock, room: this.#rights.room + room }
    this.#edited = true
    return this.#delta(new Map([[this.replica, row]]))
  }

  #delta(rows: BoundedRows): BoundedCounterDelta {
    return new BoundedDelta({ bounds: this.#bounds, rows })
  }

  #check(by: number): void {
    checkAmount(by)
    this.#checkActive()
  }

  #checkActive(): void {
    if (this.#heir !== undefined) throw new RetiredReplicaError(TYPE, this.replica, this.#heir)
  }

  #checkOther(name: string, option: string): void {
    if (checkReplica({ replica: name }) === this.replica) {
      throw new TypeError(`${option} must be another replica than this one`)
    }
  }

  /** After rows of others came in. */
  #lookAround(): void {
    this.#rights = rightsOfAll(this.#rows, this.#bounds).get(this.replica) ?? NONE
    this.#heir ??= claimsOn(this.#rows, this.replica)[0]?.[0]
  }

  static #stateOf(source: object): BoundedState | undefined {
    return #rows in source ? { bounds: source.#bounds, rows: source.#rows } : undefined
  }
}

/** @throws RangeError */
function checkAmount(by: number): void {
  if (by >= 0 && Number.isSafeInteger(by)) return
  throw new RangeError(`by must be a whole number from 0 to 2^53 - 1, got ${by}`)
}

/**
 * A counter that never goes below its minimum (nor above its maximum), without coordination: each unit above the
 * minimum is a right to count down that exactly one replica has, and hands on as a gift (escrow; Balegas et al.
 * 2015). A replica that has too few says so; the others may still have some. For stock, seats, budgets, quotas.
 *
 * The bound holds under any loss, repetition and order of messages. It needs what all types need, one writer for
 * each name, and what was told to others must survive a crash: a replica that comes back from an old copy under its
 * old name has rights twice.
 *
 * @throws TypeError for an empty or ill-formed replica.
 * @throws RangeError for bounds that are not valid.
 *
 * @example
 * ```ts
 * const stock = createBoundedCounter({ replica: 'eu' })
 * stock.increment(10)
 * peer.merge(stock.transfer(4, 'us').encode())
 * stock.decrement(7) // undefined: 6 are left here
 * ```
 */
export function createBoundedCounter(options: BoundedCounterOptions): BoundedCounter {
  checkReplica(options)
  const { minimum = 0, maximum, holder } = options
  const bounds: Bounds =
    maximum === undefined && holder === undefined ? { minimum } : { minimum, maximum, holder }
  const wrong = wrongBounds(bounds)
  if (wrong !== undefined) throw new RangeError(wrong)
  return new BoundedCounter(options, { bounds, rows: new Map() })
}

/** The counter that `encode()` wrote, to be edited as `options.replica`. @throws DecodeError on anything else. */
export function decodeBoundedCounter(bytes: Uint8Array, options: ReplicaOptions): BoundedCounter {
  return new BoundedCounter(options, decodeBounded(bytes))
}

/** The counter that `toJSON()` made. @throws DecodeError on anything else. */
export function boundedCounterFromJSON(json: unknown, options: ReplicaOptions): BoundedCounter {
  return new BoundedCounter(options, boundedFromJSON(json))
}
