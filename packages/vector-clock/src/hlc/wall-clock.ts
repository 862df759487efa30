import { systemMonotonic, systemNow } from '../system-clock.ts'

/** A wall clock that did not move as time does. */
export interface WallJump {
  /** How far it jumped, ms: above 0 forward, below 0 back. */
  readonly jumpMs: number
  /** What it would have shown, and what it shows. */
  readonly expectedMs: number
  readonly actualMs: number
}

/** Options of {@link watchWallClock}. */
export interface WatchWallClockOptions {
  /** Told of each jump, before the time is returned. What it throws is ignored. */
  readonly onJump: (jump: WallJump) => void
  /** From which size on a jump is told, ms. Default 250: half of the `maxDriftMs` of a clock. */
  readonly minJumpMs?: number | undefined
  /** Wall time, ms since the epoch. Default: the machine's. */
  readonly now?: (() => number) | undefined
  /** Monotonic time, ms. Default: the machine's. */
  readonly monotonic?: (() => number) | undefined
}

/** What clocks may gain or lose without a jump: 500 ppm is as fast as NTP turns them, the rest is the crystal. */
const MAX_RATE = 1 / 1_000

/**
 * A wall clock, for the `now` of a `HybridLogicalClock`, that tells when it jumps: somebody set the date, or NTP
 * stepped it. A jump forward is the dangerous one, as it moves the hybrid clock, and soon those of others, for
 * good; a process that sees one does well to stop and wait until it is explained. A jump back only costs counters.
 *
 * A machine that slept may look as one that jumped: some monotonic clocks stand still meanwhile.
 *
 * @throws RangeError if `minJumpMs` is not above 0.
 *
 * @example
 * ```ts
 * const now = watchWallClock({ onJump: ({ jumpMs }) => console.warn(`the clock jumped by ${jumpMs} ms`) })
 * const clock = new HybridLogicalClock({ node: 'eu-1', now })
 * ```
 */
export function watchWallClock(options: WatchWallClockOptions): () => number {
  const { onJump, minJumpMs = 250, now = systemNow, monotonic = systemMonotonic } = options
  if (!(minJumpMs > 0)) throw new RangeError(`minJumpMs must be above 0, got ${minJumpMs}`)
  let lastWallMs: number | undefined
  let lastMs = 0
  return () => {
    const actualMs = now()
    const atMs = monotonic()
    const passedMs = atMs - lastMs
    const expectedMs = (lastWallMs ?? actualMs - passedMs) + passedMs
    lastWallMs = actualMs
    lastMs = atMs
    const jumpMs = actualMs - expectedMs
    if (Math.abs(jumpMs) >= minJumpMs + passedMs * MAX_RATE) {
      try {
        onJump({ jumpMs, expectedMs, actualMs })
      } catch {
        // Whoever only listens must not stop the clock.
      }
    }
    return actualMs
  }
}
