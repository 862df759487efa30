import type { PictureEdge } from '../picture/picture.ts'

export interface Box {
  readonly x: number
  readonly y: number
  readonly width: number
  /** Did it never complete? */
  readonly isOpen: boolean
}

export interface Arrow {
  /** Place in the edges of the finding. */
  readonly edge: number
  /** SVG path data. */
  readonly path: string
  /** Middle of the side where its label begins. */
  readonly x: number
  readonly y: number
  /** Does the label stand to the right of this place, to the left, or around it? */
  readonly side: 'right' | 'left' | 'middle'
}

export const BAR = 22
/** Bars can be very long: arrows leave near their start. */
const REACH = 130
const STEP = 16
/** From a bar to the middle of a label. */
const OFF = 20

/**
 * Curves from bar to bar. Those that go down use the right side of both bars, those that go up the left one, so
 * that the two of a pair stand side by side; further ones at the same place move inwards. Labels stand near the
 * start, in the room between two lanes.
 */
export function arrows(
  edges: readonly PictureEdge[],
  boxOf: (operation: number) => Box | undefined,
): Arrow[] {
  const used = new Map<string, number>()
  const nth = (place: string): number => {
    const count = used.get(place) ?? 0
    used.set(place, count + 1)
    return count
  }
  return edges.flatMap(({ from, to }, edge) => {
    const a = boxOf(from)
    const b = boxOf(to)
    if (a === undefined || b === undefined || from === to) return []
    const direction = Math.sign(b.y - a.y)
    const start = nth(`from ${from} ${direction}`)
    const end = nth(`to ${to} ${direction}`)
    return [direction === 0 ? arc(a, b, edge, start, end) : curve(a, b, edge, start, end)]
  })
}

function curve(a: Box, b: Box, edge: number, start: number, end: number): Arrow {
  const down = a.y < b.y
  const anchor = ({ x, width }: Box, nth: number): number =>
    round(x + Math.min(width, REACH) * (down ? 0.72 : 0.28) + (down ? -STEP : STEP) * nth)
  const x1 = anchor(a, start)
  const x2 = anchor(b, end)
  const y1 = down ? a.y + BAR : a.y
  const y2 = down ? b.y - 2 : b.y + BAR + 2
  const bend = round(Math.max(10, Math.abs(y2 - y1) * 0.45)) * (down ? 1 : -1)
  const path = `M${x1} ${y1}C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2}`
  // Where on the curve it has left the first bar far enough.
  const mix = (t: number, ...[p, q, r, s]: [number, number, number, number]): number =>
    (1 - t) ** 3 * p + 3 * (1 - t) ** 2 * t * q + 3 * (1 - t) * t ** 2 * r + t ** 3 * s
  let t = 0.02
  while (t < 0.5 && Math.abs(mix(t, y1, y1 + bend, y2 - bend, y2) - y1) < OFF) t += 0.02
  const isRight = down === (start % 2 === 0)
  return {
    edge,
    path,
    side: isRight ? 'right' : 'left',
    x: round(mix(t, x1, x1, x2, x2) + (isRight ? 6 : -6)),
    y: round(mix(t, y1, y1 + bend, y2 - bend, y2)),
  }
}

/** In one lane: over the bars when it goes right, under them when it goes back. */
function arc(a: Box, b: Box, edge: number, start: number, end: number): Arrow {
  const isRight = a.x < b.x
  const x1 = round(a.x + Math.min(a.width, REACH) * 0.5 + start * STEP)
  const x2 = round(b.x + Math.min(b.width, REACH) * 0.5 + end * STEP)
  const y = isRight ? a.y : a.y + BAR
  const height = isRight ? -OFF : OFF
  const path = `M${x1} ${y}C${x1} ${y + height} ${x2} ${y + height} ${x2} ${y + (isRight ? -2 : 2)}`
  return { edge, path, side: 'middle', x: round((x1 + x2) / 2), y: y + height * 0.75 }
}

export const round = (px: number): number => Math.round(px * 10) / 10
