import { checkNode } from './dot.ts'
import { ClockDriftError } from './errors.ts'
import { checkHlc, HLC_MAX_COUNTER, type HlcTimestamp } from './hlc-timestamp.ts'
import { systemNow } from './system-clock.ts'

/** Options of {@link HybridLogicalClock}. */
export interface HybridLogicalClockOptions {
  /** Name of this clock, unique among all that exchange stamps; the last tie-break. */
  readonly node: string
  /** Wall time in ms since the epoch; fractions are cut off. Default: the machine's. */
  readonly now?: (() => number) | undefined
  /**
   * How far a received stamp may be ahead of the wall clock, ms. Default 500. `Infinity` accepts all:
   * then one node with a wrong date moves every clock there, for good. Twice the error of the wall
   * clocks is enough.
   */
  readonly maxDriftMs?: number | undefined
  /** The clock continues above this stamp: the highest one issued before a restart. */
  readonly latest?: HlcTimestamp | undefined
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
  #ms = 0
  #counter = 0

  /**
   * @throws TypeError for an empty or ill-formed node id.
   * @throws RangeError for a negative `maxDriftMs` or a `latest` out of range.
   */
  constructor({ node, now = systemNow, maxDriftMs = 500, latest }: HybridLogicalClockOptions) {
    checkNode(node)
    if (!(maxDriftMs >= 0)) throw new RangeError(`maxDriftMs must be 0 or more, got ${maxDriftMs}`)
    this.node = node
    this.maxDriftMs = maxDriftMs
    this.#now = now
    if (latest !== undefined) {
      const { ms, counter } = checkHlc(latest)
      this.#ms = ms
      this.#counter = counter
    }
  }

  /** The highest stamp so far, issued or accepted: store it to continue above it after a restart. */
  get latest(): HlcTimestamp {
    return { ms: this.#ms, counter: this.#counter, node: this.node }
  }

  /** The stamp of a local event or of a message sent; greater than every stamp before it. */
  now(): HlcTimestamp {
    const wallMs = Math.floor(this.#now())
    if (wallMs > this.#ms) return this.#set(wallMs, 0)
    return this.#set(this.#ms, this.#counter + 1)
  }

  /**
   * Takes in the stamp of a message got, and stamps its arrival: greater than it and than every stamp
   * before.
   *
   * @throws ClockDriftError if `remote` is more than `maxDriftMs` ahead of the wall clock; the clock
   *   stays as it was.
   * @throws RangeError if `remote` is not a stamp.
   */
  receive(remote: HlcTimestamp): HlcTimestamp {
    checkHlc(remote)
    const wallMs = Math.floor(this.#now())
    const driftMs = remote.ms - wallMs
    if (driftMs > this.maxDriftMs) throw new ClockDriftError(remote, driftMs, this.maxDriftMs)

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
    this.#ms = carry ? ms + 1 : ms
    this.#counter = carry ? 0 : counter
    return this.latest
  }
}
