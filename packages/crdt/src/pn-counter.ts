import { DecodeError, VersionVector } from '@quorate/vector-clock'
import { checkSource, type Crdt, type Delta, type MergeSource, type ReplicaOptions } from './crdt.ts'
import { checkReplica, checkVersion, isWellFormed, startReading, startWriting } from './format.ts'

const TYPE = 'pn-counter'
/** Either way, so that the sum of both, which is the replica's version, stays below 2^53. */
const MAX_TOTAL = 2 ** 52 - 1

/** What one replica has added and taken away in all. Both only grow, so the larger one is the later. */
type Totals = readonly [plus: number, minus: number]
type Counts = ReadonlyMap<string, Totals>

/** The JSON of a counter or delta. */
export interface PnCounterJson {
  readonly type: 'pn-counter'
  readonly counts: Readonly<Record<string, readonly [plus: number, minus: number]>>
}

/** An edit of a counter, or several. */
export type PnCounterDelta = Delta<'pn-counter'>

class CountsDelta implements PnCounterDelta {
  readonly type = TYPE
  readonly #counts: Counts

  constructor(counts: Counts) {
    this.#counts = counts
  }

  get isEmpty(): boolean {
    return this.#counts.size === 0
  }

  encode(): Uint8Array {
    return encodeCounts(this.#counts)
  }

  toJSON(): PnCounterJson {
    return { type: TYPE, counts: Object.fromEntries(this.#counts) }
  }

  static read(source: object): Counts | undefined {
    return #counts in source ? source.#counts : undefined
  }
}

/** A counter that goes up and down; see {@link createPnCounter}. */
export class PnCounter implements Crdt<'pn-counter', number> {
  readonly type: 'pn-counter' = TYPE
  readonly replica: string
  /** A delta holds all its replica ever counted, so it never leaves a gap. */
  readonly hasGaps: boolean = false
  readonly #counts = new Map<string, Totals>()

  /** @internal Use `createPnCounter`, `decodePnCounter` or `pnCounterFromJSON`. */
  constructor(options: ReplicaOptions, counts: Counts = new Map()) {
    this.replica = checkReplica(options)
    this.#counts = new Map(counts)
  }

  /**
   * The sum of all replicas.
   *
   * @throws RangeError if it is past 2^53 − 1: read `bigValue` then.
   */
  get value(): number {
    let sum = 0
    for (const [plus, minus] of this.#counts.values()) {
      sum += plus - minus
      if (!Number.isSafeInteger(sum)) return this.#exact()
    }
    return sum
  }

  /** The sum of all replicas, of any size. */
  get bigValue(): bigint {
    let sum = 0n
    for (const [plus, minus] of this.#counts.values()) sum += BigInt(plus) - BigInt(minus)
    return sum
  }

  get version(): VersionVector {
    return VersionVector.of(
      Object.fromEntries([...this.#counts].map(([node, totals]) => [node, size(totals)])),
    )
  }

  /**
   * Counts up.
   *
   * @param by whole number from 0. Default 1.
   * @throws RangeError if `by` is wrong, or this replica has counted to 2^52 that way.
   */
  increment(by = 1): PnCounterDelta {
    return this.#count(by, 0)
  }

  /** Counts down; below 0 if need be. As {@link increment} else. */
  decrement(by = 1): PnCounterDelta {
    return this.#count(0, by)
  }

  merge(source: MergeSource<'pn-counter'>): boolean {
    let changed = false
    for (const [node, [plus, minus]] of this.#read(source)) {
      const [mine, mineMinus] = this.#counts.get(node) ?? [0, 0]
      if (plus <= mine && minus <= mineMinus) continue
      this.#counts.set(node, [Math.max(plus, mine), Math.max(minus, mineMinus)])
      changed = true
    }
    return changed
  }

  deltaSince(version: VersionVector): PnCounterDelta {
    checkVersion(version)
    const news = [...this.#counts].filter(([node, totals]) => size(totals) > version.get(node))
    return new CountsDelta(new Map(news))
  }

  encode(): Uint8Array {
    return encodeCounts(this.#counts)
  }

  toJSON(): PnCounterJson {
    return new CountsDelta(new Map([...this.#counts].toSorted(byNode))).toJSON()
  }

  clone(options: Partial<ReplicaOptions> = {}): PnCounter {
    return new PnCounter({ replica: options.replica ?? this.replica }, this.#counts)
  }

  #count(plus: number, minus: number): PnCounterDelta {
    const by = plus + minus
    if (!(by >= 0) || !Number.isSafeInteger(by)) {
      throw new RangeError(`by must be a whole number from 0 to 2^53 - 1, got ${by}`)
    }
    if (by === 0) return new CountsDelta(new Map())
    const old = this.#counts.get(this.replica) ?? [0, 0]
    const totals: Totals = [old[0] + plus, old[1] + minus]
    if (!isTotals(totals)) {
      throw new RangeError(`Cannot count by ${by}: ${this.replica} would pass 2^52; go on as a new replica`)
    }
    this.#counts.set(this.replica, totals)
    return new CountsDelta(new Map([[this.replica, totals]]))
  }

  #exact(): number {
    const value = Number(this.bigValue)
    if (Number.isSafeInteger(value)) return value
    throw new RangeError('Cannot read value: the sum is past 2^53 - 1; read bigValue')
  }

  #read(source: MergeSource<'pn-counter'>): Counts {
    if (source instanceof Uint8Array) return decodeCounts(source)
    checkSource(TYPE, source)
    if (#counts in source) return source.#counts
    return CountsDelta.read(source) ?? decodeCounts(source.encode())
  }
}

const size = ([plus, minus]: Totals): number => plus + minus

function isTotals(totals: unknown): totals is Totals {
  if (!Array.isArray(totals) || totals.length !== 2) return false
  const inRange = (total: number): boolean => Number.isInteger(total) && total >= 0 && total <= MAX_TOTAL
  return totals.every(inRange) && totals[0] + totals[1] > 0
}

const byNode = ([a]: readonly [string, Totals], [b]: readonly [string, Totals]): number => (a < b ? -1 : 1)

/** Head, number of replicas, then each name, ups and downs, in order of the names. */
function encodeCounts(counts: Counts): Uint8Array {
  const writer = startWriting(TYPE)
  writer.uint(counts.size)
  for (const [node, [plus, minus]] of [...counts].toSorted(byNode)) {
    writer.text(node)
    writer.uint(plus)
    writer.uint(minus)
  }
  return writer.finish()
}

function decodeCounts(bytes: Uint8Array): Counts {
  const reader = startReading(TYPE, bytes)
  const counts = new Map<string, Totals>()
  let last = ''
  for (let left = reader.count(); left > 0; left--) {
    const node = reader.text()
    if (node <= last) reader.fail('its replicas are not in order')
    last = node
    const totals: Totals = [reader.uint(), reader.uint()]
    if (!isTotals(totals)) reader.fail('a count is not valid')
    counts.set(node, totals)
  }
  reader.end()
  return counts
}

/**
 * A counter at 0 that all replicas may count up and down; each keeps its own totals, the value is
 * their sum (Shapiro et al. 2011, section 3.1.3).
 *
 * @throws TypeError for an empty or ill-formed replica.
 *
 * @example
 * ```ts
 * const likes = createPnCounter({ replica: 'eu-1' })
 * const delta = likes.increment()
 * peer.merge(delta.encode())
 * ```
 */
export function createPnCounter(options: ReplicaOptions): PnCounter {
  return new PnCounter(options)
}

/** The counter that `encode()` wrote, to be edited as `options.replica`. @throws DecodeError on anything else. */
export function decodePnCounter(bytes: Uint8Array, options: ReplicaOptions): PnCounter {
  return new PnCounter(options, decodeCounts(bytes))
}

/** The counter that `toJSON()` made. @throws DecodeError on anything else. */
export function pnCounterFromJSON(json: unknown, options: ReplicaOptions): PnCounter {
  const { type, counts } = (json ?? {}) as Partial<Record<keyof PnCounterJson, unknown>>
  if (type !== TYPE || typeof counts !== 'object' || counts === null) {
    throw new DecodeError(TYPE, 'it is of another type')
  }
  const list = Object.entries(counts)
  if (!list.every(([node, totals]) => node !== '' && isWellFormed(node) && isTotals(totals))) {
    throw new DecodeError(TYPE, 'a count is not valid')
  }
  return new PnCounter(options, new Map(list as [string, Totals][]))
}
