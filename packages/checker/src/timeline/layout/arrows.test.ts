import { describe, expect, it } from 'vitest'
import type { PictureEdge } from '../picture/picture.ts'
import { arrows, BAR, type Box } from './arrows.ts'

const BOXES: readonly Box[] = [
  { x: 100, y: 0, width: 100, isOpen: false },
  { x: 110, y: 100, width: 100, isOpen: false },
  { x: 300, y: 0, width: 60, isOpen: false },
]
const edge = (from: number, to: number): PictureEdge => ({ from, to, kind: 'rw', text: 'rw x' })
const ends = (path: string): number[] => {
  const numbers = path.match(/-?[\d.]+/g)?.map(Number) ?? []
  return [...numbers.slice(0, 2), ...numbers.slice(-2)]
}

describe('arrows()', () => {
  it('begin at the edge of one bar and end just before the other', () => {
    const [down] = arrows([edge(0, 1)], (at) => BOXES[at])
    const [x1 = 0, y1, x2 = 0, y2 = 0] = ends(down?.path ?? '')
    expect(y1).toBe(BAR)
    expect(y2).toBe(98)
    expect(x1).toBeGreaterThan(100)
    expect(x1).toBeLessThan(200)
    expect(x2).toBeGreaterThan(110)
    expect(x2).toBeLessThan(210)
  })

  it('of a pair stand side by side, each with its label outside', () => {
    const [down, up] = arrows([edge(0, 1), edge(1, 0)], (at) => BOXES[at])
    expect((down?.x ?? 0) - (up?.x ?? 0)).toBeGreaterThan(40)
    expect([down?.side, up?.side]).toEqual(['right', 'left'])
  })

  it('of the same bar do not lie on each other, nor do their labels', () => {
    const [first, second] = arrows([edge(0, 1), edge(0, 1)], (at) => BOXES[at])
    expect(first?.path).not.toBe(second?.path)
    expect(first?.side).not.toBe(second?.side)
  })

  it('have their labels in the room next to the first bar, however far they go', () => {
    const far = [{ ...BOXES[0]! }, { ...BOXES[1]!, y: 900 }]
    const [down] = arrows([edge(0, 1)], (at) => far[at])
    expect(down?.y).toBeGreaterThan(BAR + 10)
    expect(down?.y).toBeLessThan(BAR + 60)
  })

  it('arch over their lane when both are in it', () => {
    const [right, left] = arrows([edge(0, 2), edge(2, 0)], (at) => BOXES[at])
    expect(right?.y).toBeLessThan(0)
    expect(left?.y).toBeGreaterThan(BAR)
  })

  it('to what is not shown are left out', () => {
    expect(arrows([edge(0, 7)], (at) => BOXES[at])).toEqual([])
  })
})
