/**
 * Lamport's clock: one number that respects cause, and with node ids a total order.
 * @packageDocumentation
 */
import { checkDot, type Dot, isCounter, nodeOf } from './dot.ts'
import { brand, DuplicateNodeError } from './errors.ts'

/** Options of {@link LamportClock}. */
export interface LamportClockOptions {
  /** Name of this clock, unique among all that exchange stamps; the tie-break. */
  readonly node: string
  /** The counter of the highest stamp before a restart: the clock continues above it. Default 0. */
  readonly latest?: number | undefined
  /**
   * How far a received stamp may be ahead of this clock. Default 2^32: more events than an honest peer can have
   * on its own, few enough that one wrong stamp does not use the clock up. `Infinity` accepts all.
   */
  readonly maxJump?: number | undefined
}

/**
 * A received stamp is further ahead than `maxJump` allows: its sender is broken, or this clock has missed a lot.
 * The clock is unchanged. Check the sender; raise `maxJump` if such steps are meant.
 */
export class LamportJumpError extends Error {
  readonly code = 'QUORATE_CLOCK_JUMP'
  readonly outcome = 'not-applied'
  /** The stamp that was refused. */
  declare readonly remote: Dot
  /** How far it is ahead of this clock. */
  declare readonly jump: number
  declare readonly maxJump: number

  constructor(remote: Dot, jump: number, maxJump: number) {
    super(
      `Cannot receive a stamp that is ${jump} ahead, at most ${maxJump} is allowed; check ${remote.node}, or raise maxJump`,
    )
    brand(this, 'LamportJumpError', { remote, jump, maxJump })
  }
}

/**
 * Counts events so that what comes later in cause has the higher number (Lamport 1978). Cheaper than a vector and
 * than wall time to reason about; the reverse does not follow: the higher number may be of a concurrent event.
 *
 * @example
 * ```ts
 * const clock = new LamportClock({ node: 'eu-1' })
 * const sent = clock.tick() // { node: 'eu-1', counter: 1 }
 * other.receive(sent) // its counter is 2 or more
 * ```
 */
export class LamportClock {
  readonly node: string
  readonly maxJump: number
  #counter: number
  #issued = false

  /**
   * @throws TypeError for an empty or ill-formed node id.
   * @throws RangeError for a wrong `latest` or `maxJump`.
   */
  constructor(options: LamportClockOptions) {
    const node = nodeOf(options)
    const { latest = 0, maxJump = 2 ** 32 } = options
    if (latest !== 0) checkDot(node, latest)
    if (!(maxJump >= 1)) throw new RangeError(`maxJump must be 1 or more, got ${maxJump}`)
    this.node = node
    this.maxJump = maxJump
    this.#counter = latest
  }

  /** The counter of the highest stamp so far, issued or accepted; 0 before the first. Store it for a restart. */
  get latest(): number {
    return this.#counter
  }

  /**
   * The stamp of a local event or of a message sent; greater than every stamp before it.
   *
   * @throws RangeError when the counter is used up (2^53 − 1).
   */
  tick(): Dot {
    const stamp = this.#set(this.#counter + 1)
    this.#issued = true
    return stamp
  }

  /**
   * Takes in the stamp of a message got, and stamps its arrival: greater than both.
   *
   * @throws LamportJumpError if `remote` is more than `maxJump` ahead.
   * @throws DuplicateNodeError if `remote` has this clock's node id and is above all that it issued. Until the
   *   first `tick()` such a stamp is taken for one from before a restart.
   * @throws TypeError or RangeError if `remote` is not a stamp. The clock always stays as it was.
   */
  receive(remote: Dot): Dot {
    const counter = checkDot(remote.node, remote.counter)
    const jump = counter - this.#counter
    if (jump > this.maxJump) throw new LamportJumpError(remote, jump, this.maxJump)
    if (jump > 0 && remote.node === this.node && this.#issued) throw new DuplicateNodeError(remote)
    return this.#set(Math.max(this.#counter, counter) + 1)
  }

  #set(counter: number): Dot {
    if (!isCounter(counter)) throw new RangeError('Cannot make a stamp: the counters below 2^53 are used up')
    this.#counter = counter
    return { node: this.node, counter }
  }
}

/**
 * The total order: by counter, then node id. For `sort()`.
 *
 * @returns below 0 if `a` is first, above 0 if `b` is, 0 if they are the same stamp.
 */
export function compareLamport(a: Dot, b: Dot): number {
  if (a.counter !== b.counter) return a.counter - b.counter
  return a.node === b.node ? 0 : a.node < b.node ? -1 : 1
}
