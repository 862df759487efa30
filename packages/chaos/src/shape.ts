import type { Random } from '@quorate/core'

/** What the wire does to bytes in one direction. `undefined` means: nothing. */
export interface Shape {
  readonly latency: { readonly ms: number; readonly jitterMs: number } | undefined
  readonly slice: { readonly bytes: number; readonly delayMs: number } | undefined
  readonly bandwidth: { readonly bytesPerSecond: number; readonly pipe: Pipe | undefined } | undefined
}

/** A wire that sends one byte after another: when it is free again, ms of the monotonic clock. */
export interface Pipe {
  freeAtMs: number
}

export const PLAIN: Shape = { latency: undefined, slice: undefined, bandwidth: undefined }

/** Pieces of a limited wire are this long at most, so that connections that share it take turns. */
const WIRE_PIECE_MS = 10
const MIN_WIRE_PIECE_BYTES = 64

/** The longest piece the shape lets through at once; `Infinity` if it does not cut. */
export function pieceBytes({ slice, bandwidth }: Shape): number {
  const wire =
    bandwidth === undefined
      ? Infinity
      : Math.max(MIN_WIRE_PIECE_BYTES, Math.floor((bandwidth.bytesPerSecond * WIRE_PIECE_MS) / 1_000))
  return Math.min(slice?.bytes ?? Infinity, wire)
}

/**
 * Decides when each piece of one direction of one connection arrives. Times never go back, so order
 * is kept whatever the jitter.
 */
export class Schedule {
  readonly #random: Random
  readonly #ownPipe: Pipe = { freeAtMs: -Infinity }
  #lastDueMs = -Infinity

  constructor(random: Random) {
    this.#random = random
  }

  /**
   * @param continues is this piece cut from the same read as the one before?
   * @returns when the piece leaves the wire's queue and when it arrives, ms of the monotonic clock.
   */
  next(nowMs: number, bytes: number, continues: boolean, shape: Shape): { sentMs: number; dueMs: number } {
    const { latency, slice, bandwidth } = shape
    let sentMs = nowMs
    if (bandwidth !== undefined) {
      const pipe = bandwidth.pipe ?? this.#ownPipe
      sentMs = Math.max(nowMs, pipe.freeAtMs) + (bytes * 1_000) / bandwidth.bytesPerSecond
      pipe.freeAtMs = sentMs
    }
    let dueMs = sentMs
    if (latency !== undefined) {
      const jitter = latency.jitterMs === 0 ? 0 : latency.jitterMs * (2 * this.#random() - 1)
      dueMs += Math.max(0, latency.ms + jitter)
    }
    const gapMs = continues ? (slice?.delayMs ?? 0) : 0
    this.#lastDueMs = Math.max(dueMs, this.#lastDueMs + gapMs)
    return { sentMs, dueMs: this.#lastDueMs }
  }

  /** Forgets what was scheduled: what comes next may arrive at once. */
  reset(): void {
    this.#lastDueMs = -Infinity
    this.#ownPipe.freeAtMs = -Infinity
  }
}
