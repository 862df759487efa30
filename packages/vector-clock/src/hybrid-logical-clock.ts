import { nodeOf } from './dot.ts'
import { ClockDriftError, DuplicateNodeError } from './errors.ts'
import { checkHlc, compareHlc, HLC_MAX_COUNTER, HLC_MAX_MS, type HlcTimestamp } from './hlc-timestamp.ts'
import { systemNow } from './system-clock.ts'

/** Options of {@link HybridLogicalClock}. */
export interface HybridLogicalClockOptions {
  /** Name of this clock, unique among all that exchange stamps; the last tie-break. */
  readonly node: string
  /**
   * Wall time in ms since the epoch; fractions are cut off. Default: the machine's. `watchWallClock()` of
   * `@quorate/vector-clock/hlc` makes one that reports its jumps.
   */
  readonly now?: (() => number) | undefined
  /**
   * How far a received stamp may be ahead of the wall clock, ms. Default 500. `Infinity` accepts all:
   * then one node with a wrong date moves every clock there, for good. Twice the error of the wall
   * clocks is enough.
   */
  readonly maxDriftMs?: number | undefined
  /** The clock continues above this stamp: the highest one issued before a restart. */
  readonly latest?: HlcTimestamp | undefined
  /**
   * Guards restarts without storing each stamp: no stamp is issued at or above a time that is not stored.
   * `reserveStamps()` of `@quorate/vector-clock/hlc` makes one. Default: none.
   */
  readonly reservation?: HlcReservation | undefined
}

/** The port between a clock and what keeps its restarts apart. */
export interface HlcReservation {
  /** Every stamp from before is below this time, ms; 0 at the very first start. The clock begins here. */
  readonly floorMs: number
  /**
   * Asked before the clock moves to `ms`, with its state unchanged. Returns if a restart would begin above
   * it; throws if not, and then the clock stays as it was.
   */
  claim(ms: number): void
}

/**
 * Stamps that respect cause and stay close to wall time (Kulkarni et al. 2014): if one event knew of
 * another, its stamp is greater, also across nodes and when wall clocks step back.
 *
 * @example
 * ```ts
 * const clock = new HybridLogicalClock({ node: 'eu-1' })
 * const sent = clock.now() // stamp a message or a row
 * other.receive(sent) // greater than `sent`
 * ```
 */
export class HybridLogicalClock {
  readonly node: string
  readonly maxDriftMs: number
  readonly #now: () => number
  readonly #reservation: HlcReservation | undefined
  #ms = 0
  #counter = 0
  #issued = false

  /**
   * @throws TypeError for an empty or ill-formed node id.
   * @throws RangeError for a negative `maxDriftMs`, or a `latest` or floor out of range.
   */
  constructor(options: HybridLogicalClockOptions) {
    const node = nodeOf(options)
    const { now = systemNow, maxDriftMs = 500, latest, reservation } = options
    if (!(maxDriftMs >= 0)) throw new RangeError(`maxDriftMs must be 0 or more, got ${maxDriftMs}`)
    this.node = node
    this.maxDriftMs = maxDriftMs
    this.#now = now
    this.#reservation = reservation
    const floorMs = reservation?.floorMs ?? 0
    const { ms, counter } = latest ?? { ms: 0, counter: 0 }
    const start = checkHlc({ ms: Math.max(ms, floorMs), counter: ms < floorMs ? 0 : counter, node })
    this.#ms = start.ms
    this.#counter = start.counter
  }

  /** The highest stamp so far, issued or accepted: store it to continue above it after a restart. */
  get latest(): HlcTimestamp {
    return { ms: this.#ms, counter: this.#counter, node: this.node }
  }

  /**
   * The stamp of a local event or of a message sent; greater than every stamp before it.
   *
   * @throws RangeError if the wall clock gives no number, or one past the year 10889.
   * @throws what the reservation throws; the clock stays as it was.
   */
  now(): HlcTimestamp {
    const ms = Math.max(this.#ms, Math.floor(this.#now()))
    const stamp = this.#set(ms, ms === this.#ms ? this.#counter + 1 : 0)
    this.#issued = true
    return stamp
  }

  /**
   * Takes in the stamp of a message got, and stamps its arrival: greater than it and than every stamp
   * before.
   *
   * @throws ClockDriftError if `remote` is more than `maxDriftMs` ahead of the wall clock.
   * @throws DuplicateNodeError if `remote` has this clock's node id and is above all that it issued. Until the
   *   first `now()` such a stamp is taken for one from before a restart.
   * @throws RangeError if `remote` is not a stamp; what `now()` throws. The clock always stays as it was.
   */
  receive(remote: HlcTimestamp): HlcTimestamp {
    checkHlc(remote)
    const wallMs = Math.floor(this.#now())
    const driftMs = remote.ms - wallMs
    if (driftMs > this.maxDriftMs) throw new ClockDriftError(remote, driftMs, this.maxDriftMs)
    if (this.#issued && remote.node === this.node && compareHlc(remote, this.latest) > 0) {
      throw new DuplicateNodeError(remote)
    }

    // Figure 5 of the paper: the greatest of the three times wins, and the counters of those that hold
    // it go on; if only the wall clock does, the counter starts at 0.
    const ms = Math.max(this.#ms, remote.ms, wallMs)
    const mine = ms === this.#ms ? this.#counter : -1
    const theirs = ms === remote.ms ? remote.counter : -1
    return this.#set(ms, Math.max(mine, theirs) + 1)
  }

  /** A counter past 16 bits carries into the ms: order matters more than a millisecond. */
  #set(ms: number, counter: number): HlcTimestamp {
    const carry = counter > HLC_MAX_COUNTER
    const next = carry ? ms + 1 : ms
    // Also false for NaN, which would spoil the clock for good.
    if (!(next <= HLC_MAX_MS))
      throw new RangeError(`Cannot make a stamp of ${next}: it must be ms below 2^48`)
    this.#reservation?.claim(next)
    this.#ms = next
    this.#counter = carry ? 0 : counter
    return this.latest
  }
}
