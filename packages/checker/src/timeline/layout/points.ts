import type { Span } from '../picture/picture.ts'
import { placeOf, type Scale, xOf } from './scale.ts'

export interface Point {
  readonly operation: number
  /** Its number in the order. */
  readonly number: number
  readonly x: number
}

/**
 * Where on the time line each operation of an order can have taken effect: as early as those before it allow.
 * Several that fall between the same two events share that room, so that x always rises.
 */
export function linearizationPoints(
  order: ReadonlyArray<readonly [operation: number, number: number]>,
  spanOf: (operation: number) => Span | undefined,
  scale: Scale,
): Point[] {
  let time = Number.NEGATIVE_INFINITY
  const placed = order.flatMap(([operation, number]) => {
    const span = spanOf(operation)
    if (span === undefined) return []
    time = Math.max(time, span[0])
    return [{ operation, number, time }]
  })
  const points: Point[] = []
  for (let first = 0; first < placed.length;) {
    const from = placed[first]?.time ?? 0
    let last = first
    while (placed[last]?.time === from) last++
    const left = xOf(scale, from)
    const next = scale.times[placeOf(scale.times, from) + 1]
    const room = next === undefined ? 12 * (last - first) : xOf(scale, next) - left
    for (let at = first; at < last; at++) {
      const one = placed[at]
      if (one === undefined) continue
      const x = left + (room * (at - first + 1)) / (last - first + 1)
      points.push({ operation: one.operation, number: one.number, x })
    }
    first = last
  }
  return points
}
