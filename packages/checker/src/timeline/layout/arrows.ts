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

/**
 * Curves from bar to bar. Those that go down use the right side of both bars, those that go up the left one, so
 * that the two of a pair stand side by side; further ones of the same direction move inwards.
 */
export function arrows(
  edges: readonly PictureEdge[],
  boxOf: (operation: number) => Box | undefined,
): Arrow[] {
  const used = new Map<string, number>()
  return edges.flatMap(({ from, to }, edge) => {
    const a = boxOf(from)
    const b = boxOf(to)
    if (a === undefined || b === undefined || from === to) return []
    const pair = `${from} ${to}`
    const nth = used.get(pair) ?? 0
    used.set(pair, nth + 1)
    return [a.y === b.y ? arc(a, b, edge, nth) : curve(a, b, edge, nth)]
  })
}

function curve(a: Box, b: Box, edge: number, nth: number): Arrow {
  const down = a.y < b.y
  const share = down ? 0.72 : 0.28
  const shift = (down ? -STEP : STEP) * nth
  const x1 = round(a.x + Math.min(a.width, REACH) * share + shift)
  const x2 = round(b.x + Math.min(b.width, REACH) * share + shift)
  const y1 = down ? a.y + BAR : a.y
  const y2 = down ? b.y - 2 : b.y + BAR + 2
  const bend = round(Math.max(10, Math.abs(y2 - y1) * 0.45)) * (down ? 1 : -1)
  const path = `M${x1} ${y1}C${x1} ${y1 + bend} ${x2} ${y2 - bend} ${x2} ${y2}`
  const side = down ? 'right' : 'left'
  return { edge, path, side, x: round((x1 + x2) / 2 + (down ? 6 : -6)), y: round((y1 + y2) / 2) }
}

/** In one lane: over the bars when it goes right, under them when it goes back. */
function arc(a: Box, b: Box, edge: number, nth: number): Arrow {
  const right = a.x < b.x
  const x1 = round(a.x + Math.min(a.width, REACH) * 0.5 + nth * STEP)
  const x2 = round(b.x + Math.min(b.width, REACH) * 0.5 + nth * STEP)
  const y = right ? a.y : a.y + BAR
  const height = right ? -18 : 18
  const path = `M${x1} ${y}C${x1} ${y + height} ${x2} ${y + height} ${x2} ${y + (right ? -2 : 2)}`
  return { edge, path, side: 'middle', x: round((x1 + x2) / 2), y: y + height * 0.75 }
}

export const round = (px: number): number => Math.round(px * 10) / 10
