import { describe, expect, it } from 'vitest'
import {
  history,
  longHistory,
  operation,
  STALE_READ,
  STALE_READ_RESULT,
  WRITE_SKEW,
  WRITE_SKEW_RESULT,
} from '../histories.test-helper.ts'
import { growthOf, MOST_IF_LINEAR } from '../../testing/growth.ts'
import { buildPicture } from '../picture/build-picture.ts'
import type { Picture, View } from '../picture/picture.ts'
import { labelOfView, labelWidth, layOut } from './layout.ts'

const VIEW: View = { axis: 'order', zoom: 1, key: -1, finding: 0, minWidth: 0 }
const stale = buildPicture(STALE_READ, STALE_READ_RESULT, 2_000, undefined)

/** Pairs of bars that cover each other. */
function overlaps(picture: Picture, view: View): string[] {
  const boxes = layOut(picture, view).boxes.flatMap((box, at) => (box === undefined ? [] : [{ ...box, at }]))
  return boxes.flatMap((a) =>
    boxes
      .filter((b) => a.at < b.at && a.y === b.y && a.x < b.x + b.width && b.x < a.x + a.width)
      .map((b) => `${a.at} ${b.at}`),
  )
}

describe('layOut()', () => {
  it('gives every label its room, at 10 and at 1,000 operations', () => {
    for (const picture of [stale, buildPicture(longHistory(1_000, 20), undefined, 2_000, undefined)]) {
      const { boxes } = layOut(picture, VIEW)
      for (const [at, one] of picture.operations.entries())
        expect(boxes[at]?.width, one.label).toBeGreaterThanOrEqual(
          Math.floor(labelWidth(labelOfView(one, VIEW))),
        )
    }
  })

  it('lets no bar cover another one, on either axis', () => {
    expect(overlaps(stale, VIEW)).toEqual([])
    expect(overlaps(stale, { ...VIEW, axis: 'ms' })).toEqual([])
    expect(overlaps(buildPicture(longHistory(300, 7), undefined, 2_000, undefined), VIEW)).toEqual([])
  })

  it('keeps what happened before left of what happened after', () => {
    const { boxes } = layOut(stale, VIEW)
    const pairs = stale.operations.flatMap((before, a) =>
      stale.operations.flatMap((after, b) =>
        (before.order[1] ?? Infinity) < after.order[0] ? [[a, b]] : [],
      ),
    )
    expect(pairs.length).toBeGreaterThan(20)
    for (const [a = 0, b = 0] of pairs) {
      const left = boxes[a]
      expect((left?.x ?? 0) + (left?.width ?? 0)).toBeLessThan(boxes[b]?.x ?? 0)
    }
  })

  it('gives a process that does two things at once a row for each', () => {
    const both = history([operation(0, 1, 'read', [0, 3]), operation(1, 1, 'read', [1, 2])])
    const picture = buildPicture(both, undefined, 10, undefined)
    const { lanes, boxes } = layOut(picture, { ...VIEW, finding: -1 })
    expect(lanes).toHaveLength(1)
    expect(boxes[0]?.y).not.toBe(boxes[1]?.y)
  })

  it('leaves a bar open if the operation never completed, and ends it before the next one of its process', () => {
    const crash = history([
      operation(0, 1, 'write', [0, Infinity], { status: 'unknown', input: 1 }),
      operation(1, 1, 'read', [4, 5], { output: 1 }),
    ])
    const { boxes } = layOut(buildPicture(crash, undefined, 10, undefined), { ...VIEW, finding: -1 })
    expect(boxes[0]?.isOpen).toBe(true)
    expect((boxes[0]?.x ?? 0) + (boxes[0]?.width ?? 0)).toBeLessThan(boxes[1]?.x ?? 0)
  })

  it('puts overlapping faults into rows of their own and lets one without an end run to the edge', () => {
    const broken = {
      ...STALE_READ,
      faults: [
        { name: 'partition', targets: ['a'], start: 1, end: 9 },
        { name: 'pause', targets: ['b'], start: 2, end: 4 },
        { name: 'kill', targets: ['c'], start: 10, end: Infinity },
        { name: 'before all of it', targets: [], start: -9, end: -8 },
      ],
    }
    const layout = layOut(buildPicture(broken, undefined, 100, undefined), VIEW)
    expect(layout.faults.map(({ fault }) => fault)).toEqual([0, 1, 2])
    expect(layout.faults[0]?.row).not.toBe(layout.faults[1]?.row)
    const open = layout.faults[2]
    expect(open?.isOpen).toBe(true)
    expect((open?.x ?? 0) + (open?.width ?? 0)).toBe(layout.width)
  })

  it('shows one key alone, without the lanes that have none of it, but always what is offending', () => {
    const picture = buildPicture(longHistory(40, 4, 8), undefined, 100, undefined)
    const { boxes, lanes } = layOut(picture, { ...VIEW, key: 2, finding: -1 })
    expect(boxes.filter(Boolean)).toHaveLength(5)
    expect(lanes.map(({ name }) => name)).toEqual(['2'])
    const found = {
      ...picture,
      findings: [{ name: '', message: '', operations: [1], bad: 1, edges: [], key: -1 }],
    }
    expect(layOut(found, { ...VIEW, key: 2 }).boxes[1]).toBeDefined()
  })

  it('stretches with the zoom', () => {
    const once = layOut(stale, VIEW)
    const twice = layOut(stale, { ...VIEW, zoom: 2 })
    expect(twice.boxes[4]?.width).toBeCloseTo((once.boxes[4]?.width ?? 0) * 2, 0)
    expect(layOut(stale, { ...VIEW, minWidth: 5_000 }).width).toBe(5_000)
  })

  it('draws the edges of the finding that is looked at', () => {
    const picture = buildPicture(WRITE_SKEW, WRITE_SKEW_RESULT, 100, undefined)
    expect(layOut(picture, VIEW).arrows).toHaveLength(2)
    expect(layOut(picture, { ...VIEW, finding: -1 }).arrows).toEqual([])
  })

  it('marks where operations are left out', () => {
    const picture = buildPicture(longHistory(500, 3), undefined, 50, undefined)
    expect(layOut(picture, VIEW).breaks.map(({ text }) => text)).toEqual(['450 not shown'])
  })

  it('lays out operations in linear time', () => {
    const pictureOf = (n: number): ReturnType<typeof buildPicture> =>
      buildPicture(longHistory(n, 20), undefined, n, undefined)
    expect(growthOf(1_000, pictureOf, (picture) => layOut(picture, VIEW))).toBeLessThan(MOST_IF_LINEAR)
  })
})
