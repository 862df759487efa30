import { isNode } from './dot.ts'
import { DecodeError } from './errors.ts'

export const HLC_WHAT = 'hybrid time stamp'

/** Highest `counter` of a stamp: 16 bits. */
export const HLC_MAX_COUNTER: number = 0xffff
/** Highest `ms` of a stamp: 48 bits, the year 10889. */
export const HLC_MAX_MS: number = 0xffff_ffff_ffff

/**
 * A stamp of a {@link HybridLogicalClock}: 48 + 16 bits and the node that made it. Two numbers,
 * because together they pass 2^53.
 */
export interface HlcTimestamp {
  /** Wall time, ms since the epoch, or a little ahead of it. */
  readonly ms: number
  /** Tells stamps of one ms apart, from 0 to 65,535. */
  readonly counter: number
  /** Who issued it. */
  readonly node: string
}

/**
 * The total order: by ms, then counter, then node id. If one event knew of the other, its stamp is
 * the greater one; the reverse does not follow.
 *
 * @returns below 0 if `a` is first, above 0 if `b` is, 0 if they are the same stamp; for `sort()`.
 */
export function compareHlc(a: HlcTimestamp, b: HlcTimestamp): number {
  if (a.ms !== b.ms) return a.ms - b.ms
  if (a.counter !== b.counter) return a.counter - b.counter
  return a.node === b.node ? 0 : a.node < b.node ? -1 : 1
}

/** `mmmmmmmmmmmm-cccc-node`, ms and counter in hex: as text it sorts as {@link compareHlc} does. */
export function hlcToString(stamp: HlcTimestamp): string {
  const { ms, counter, node } = checkHlc(stamp)
  return `${ms.toString(16).padStart(12, '0')}-${counter.toString(16).padStart(4, '0')}-${node}`
}

/** The stamp that {@link hlcToString} wrote. @throws DecodeError on anything else. */
export function hlcFromString(text: string): HlcTimestamp {
  const match = /^([0-9a-f]{12})-([0-9a-f]{4})-(.+)$/su.exec(text)
  const [, ms = '', counter = '', node] = match ?? []
  if (!isNode(node)) throw new DecodeError(HLC_WHAT, 'it is not 12 and 4 hex digits and a node id')
  return { ms: Number.parseInt(ms, 16), counter: Number.parseInt(counter, 16), node }
}

/** True for a stamp whose parts are in range: for stamps that came as JSON. */
export function isHlcTimestamp(value: unknown): value is HlcTimestamp {
  if (typeof value !== 'object' || value === null) return false
  const { ms, counter, node } = value as Partial<Record<keyof HlcTimestamp, unknown>>
  return isIn(ms, HLC_MAX_MS) && isIn(counter, HLC_MAX_COUNTER) && isNode(node)
}

/** @throws RangeError if a part of the stamp is out of range. */
export function checkHlc(stamp: HlcTimestamp): HlcTimestamp {
  if (isHlcTimestamp(stamp)) return stamp
  throw new RangeError(
    `A ${HLC_WHAT} must have ms below 2^48, a counter below 2^16 and a node id, got ${JSON.stringify(stamp)}`,
  )
}

const isIn = (value: unknown, max: number): boolean =>
  Number.isInteger(value) && (value as number) >= 0 && (value as number) <= max
