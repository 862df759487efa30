import {
  directionsOf,
  type Conditions,
  type Direction,
  type Directions,
  type LatencyOptions,
} from './faults.ts'
import { PLAIN, type Pipe, type Shape } from './shape.ts'

/** What the wire does, each way. */
export interface Shapes {
  readonly to: Shape
  readonly from: Shape
}

/**
 * One shape object per direction for the whole link, so that connections share its pipe.
 *
 * @param delays on top of the latency of `conditions`.
 */
export function shapesOf(
  { latency, bandwidth, slice }: Conditions,
  delays: readonly LatencyOptions[] = [],
): Shapes {
  const shape = (side: Direction): Shape => {
    const has = <T extends { readonly direction?: Directions | undefined }>(fault: T | undefined) =>
      fault !== undefined && directionsOf(fault.direction).includes(side) ? fault : undefined
    const slow = [latency, ...delays].flatMap((delay) => has(delay) ?? [])
    const ms = slow.reduce((sum, delay) => sum + delay.ms, 0)
    const jitterMs = slow.reduce((sum, delay) => sum + (delay.jitterMs ?? 0), 0)
    const isSlow = ms > 0 || jitterMs > 0
    const cut = has(slice)
    const rate = has(bandwidth)
    const pipe: Pipe = { freeAtMs: -Infinity }
    const limited = rate !== undefined && rate.bytesPerSecond !== Infinity
    if (!isSlow && cut === undefined && !limited) return PLAIN
    return {
      latency: isSlow ? { ms, jitterMs } : undefined,
      slice: cut === undefined ? undefined : { bytes: cut.bytes, delayMs: cut.delayMs ?? 0 },
      bandwidth: limited
        ? { bytesPerSecond: rate.bytesPerSecond, pipe: rate.per === 'connection' ? undefined : pipe }
        : undefined,
    }
  }
  return { to: shape('to'), from: shape('from') }
}
