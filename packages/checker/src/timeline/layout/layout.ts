import type { Picture, PictureFault, PictureOperation, Span, View } from '../picture/picture.ts'
import { arrows, type Arrow, BAR, type Box, round } from './arrows.ts'
import { linearizationPoints, type Point } from './points.ts'
import { packRows } from './rows.ts'
import { type Demand, distinct, orderScale, type Scale, timeScale, xOf } from './scale.ts'

export interface Lane {
  readonly name: string
  readonly y: number
  /** Of its first bar. */
  readonly barY: number
  readonly height: number
}

export interface Mark {
  readonly x: number
  readonly text: string
}

export interface FaultBand {
  readonly fault: number
  readonly row: number
  readonly x: number
  readonly width: number
  readonly isOpen: boolean
}

/** Where everything is, in px. Pure: the same picture and view give the same numbers. */
export interface Layout {
  readonly width: number
  readonly height: number
  readonly lanes: readonly Lane[]
  /** By operation; `undefined` if it is filtered out. */
  readonly boxes: ReadonlyArray<Box | undefined>
  readonly points: readonly Point[]
  readonly arrows: readonly Arrow[]
  readonly faults: readonly FaultBand[]
  readonly faultRows: number
  readonly ticks: readonly Mark[]
  /** Where time or operations were left out. */
  readonly breaks: readonly Mark[]
}

const CHAR = 7.3 // of a monospaced letter at 12 px, the widest of the usual fonts
const PADDING = 14
/** What an operation that never completed shows beyond its label. */
const FADE = 46
const MARGIN = 14
const LANE_GAP = 6
const TICK_EVERY = 110

/** Px that a label takes; letters of East Asia take two places. */
export function labelWidth(label: string): number {
  let places = 0
  for (const letter of label) places += (letter.codePointAt(0) ?? 0) > 0x1100 && letter !== '→' ? 2 : 1
  return places * CHAR + PADDING
}

export const labelOfView = (one: PictureOperation, { key }: View): string => (key < 0 ? one.keyed : one.label)

export function layOut(picture: Picture, view: View): Layout {
  const finding = picture.findings[view.finding]
  const needed = new Set(finding?.operations)
  const isShown = (one: PictureOperation, at: number): boolean =>
    view.key < 0 || one.keys.includes(view.key) || needed.has(at)
  const shown = picture.operations.flatMap((one, at) => (isShown(one, at) ? [at] : []))
  const spanOf = (at: number): Span | undefined => picture.operations[at]?.[view.axis]
  const nextStart = startsOfNext(picture, shown, spanOf)
  const widths = picture.operations.map((one) => labelWidth(labelOfView(one, view)))
  const scale = zoomed(scaleOf(view.axis, shown, widths, spanOf, nextStart), view.zoom)
  const { lanes, rowOf, height } = lanesOf(picture, shown, spanOf, rowsOf(picture))

  const boxes = picture.operations.map((): Box | undefined => undefined)
  let width = view.minWidth
  for (const at of shown) {
    const [start, end] = spanOf(at) ?? [0, null]
    const x = MARGIN + xOf(scale, start)
    const next = nextStart[at]
    const room = next === undefined ? Infinity : MARGIN + xOf(scale, next) - LANE_GAP - x
    const open = Math.min(((widths[at] ?? 0) + FADE) * view.zoom, room)
    const right = end === null ? x + open : MARGIN + xOf(scale, end)
    const box = { x: round(x), y: rowOf[at] ?? 0, width: round(Math.max(right - x, 4)), isOpen: end === null }
    boxes[at] = box
    width = Math.max(width, box.x + box.width + MARGIN)
  }
  const inView = new Set(shown)
  const order = picture.order.filter(([at]) => inView.has(at))
  const points = linearizationPoints(order, spanOf, scale).map((one) => {
    const box = boxes[one.operation]
    const most = box === undefined || box.isOpen ? Infinity : box.x + box.width
    return { ...one, x: round(Math.min(one.x + MARGIN, most)) }
  })
  width = Math.ceil(points.reduce((most, { x }) => Math.max(most, x + MARGIN), width))
  return {
    width,
    height,
    lanes,
    boxes,
    points,
    arrows: arrows(finding?.edges ?? [], (at) => boxes[at]),
    ...faultBands(picture.faults, view.axis, scale, width),
    ticks: ticksOf(picture, view, scale, shown).filter(({ x, text }) => x + text.length * CHAR <= width),
    breaks: breaksOf(picture, scale, boxes, width),
  }
}

/** For each operation, when the next one of its lane begins: where a bar without an end must stop. */
function startsOfNext(
  picture: Picture,
  shown: readonly number[],
  spanOf: (at: number) => Span | undefined,
): Array<number | undefined> {
  const next: Array<number | undefined> = []
  const latest = new Map<number, number>()
  for (const at of shown) {
    const lane = picture.operations[at]?.lane ?? 0
    const before = latest.get(lane)
    if (before !== undefined) next[before] = spanOf(at)?.[0]
    latest.set(lane, at)
  }
  return next
}

function scaleOf(
  axis: View['axis'],
  shown: readonly number[],
  widths: readonly number[],
  spanOf: (at: number) => Span | undefined,
  nextStart: ReadonlyArray<number | undefined>,
): Scale {
  const spans = shown.map((at): Span => spanOf(at) ?? [0, null])
  const times = distinct(spans.flatMap(([start, end]) => (end === null ? [start] : [start, end])))
  if (axis === 'ms') return timeScale(times, Math.max(600, shown.length * 34))
  const demands: Demand[] = []
  for (const [place, at] of shown.entries()) {
    const [from, end] = spans[place] ?? [0, null]
    const px = widths[at] ?? 0
    const next = nextStart[at]
    if (end !== null) demands.push({ from, to: end, px })
    if (next === undefined) continue
    if (end === null) demands.push({ from, to: next, px: px + FADE })
    else if (end < next) demands.push({ from: end, to: next, px: LANE_GAP })
  }
  return orderScale(times, demands)
}

const zoomed = (scale: Scale, zoom: number): Scale => ({ ...scale, xs: scale.xs.map((x) => x * zoom) })

function lanesOf(
  picture: Picture,
  shown: readonly number[],
  spanOf: (at: number) => Span | undefined,
  { height: rowHeight, top }: Rows,
): { lanes: Lane[]; rowOf: number[]; height: number } {
  const byLane = picture.lanes.map((): number[] => [])
  for (const at of shown) byLane[picture.operations[at]?.lane ?? 0]?.push(at)
  const lanes: Lane[] = []
  const rowOf: number[] = []
  let y = 0
  for (const [lane, members] of byLane.entries()) {
    if (members.length === 0) continue
    // One without an end makes way for the next one, if a process goes on after it.
    const spans = members.map((at) => {
      const [start, end] = spanOf(at) ?? [0, null]
      return [start, end ?? start] as const
    })
    const { rows, count } = packRows(spans)
    for (const [place, at] of members.entries()) rowOf[at] = y + top + (rows[place] ?? 0) * rowHeight
    lanes.push({ name: picture.lanes[lane] ?? '', y, barY: y + top, height: count * rowHeight })
    y += count * rowHeight
  }
  return { lanes, rowOf, height: y }
}

interface Rows {
  readonly height: number
  /** From the top of a row to its bar. */
  readonly top: number
}

/** Bars need room for the numbers under them, or for the arrows between and over them. */
function rowsOf({ findings, order }: Picture): Rows {
  if (findings.some(({ edges }) => edges.length > 0)) return { height: 62, top: 21 }
  return { height: order.length > 0 ? 44 : 38, top: 7 }
}

/** Those that touch what is shown; each in the first row where its name has room. */
function faultBands(
  faults: readonly PictureFault[],
  axis: View['axis'],
  scale: Scale,
  width: number,
): { faults: FaultBand[]; faultRows: number } {
  const first = scale.times[0] ?? 0
  const last = scale.times.at(-1) ?? 0
  const bands = faults.flatMap((one, fault) => {
    const [start, end] = one[axis] ?? [Infinity, null]
    if (start > last || (end ?? Infinity) < first) return []
    const x = round(start < first ? 0 : MARGIN + xOf(scale, start))
    const right = end === null || end > last ? width : MARGIN + xOf(scale, end)
    return [{ fault, x, width: round(Math.max(3, right - x)), isOpen: end === null }]
  })
  bands.sort((a, b) => a.x - b.x || a.fault - b.fault)
  const { rows, count } = packRows(
    bands.map(({ fault, x, width: size }) => [
      x,
      x + Math.max(size, labelWidth(faults[fault]?.text ?? '')) + 4,
    ]),
  )
  return { faults: bands.map((band, at) => ({ ...band, row: rows[at] ?? 0 })), faultRows: count }
}

function ticksOf(picture: Picture, view: View, scale: Scale, shown: readonly number[]): Mark[] {
  if (!picture.realTime) return []
  const msAt = new Map<number, number>()
  for (const at of shown) {
    const { order, ms } = picture.operations[at] ?? {}
    const times = view.axis === 'ms' ? ms : order
    if (times === undefined || ms === undefined) continue
    msAt.set(times[0], ms[0])
    if (times[1] !== null && ms[1] !== null) msAt.set(times[1], ms[1])
  }
  const ticks: Mark[] = []
  let free = 0
  for (const [place, time] of scale.times.entries()) {
    const x = scale.xs[place] ?? 0
    if (x < free) continue
    const ms = msAt.get(time)
    ticks.push({ x: round(x + MARGIN), text: ms === undefined ? `event ${time}` : showMs(ms) })
    free = x + TICK_EVERY
  }
  return ticks
}

function breaksOf(
  picture: Picture,
  scale: Scale,
  boxes: ReadonlyArray<Box | undefined>,
  width: number,
): Mark[] {
  const cut = scale.cuts.map(([from, to]) => ({
    x: round(MARGIN + (xOf(scale, from) + xOf(scale, to)) / 2),
    text: `${showMs(to - from)} quiet`,
  }))
  const gaps = picture.gaps.flatMap(([at, count]) => {
    const x = at === picture.operations.length ? width - 4 : (boxes[at]?.x ?? Number.NaN) - 3
    return Number.isNaN(x) ? [] : [{ x: round(x), text: `${count} not shown` }]
  })
  return [...cut, ...gaps]
}

/** `0.4 ms`, `12 ms`, `1.200 s`. */
export function showMs(ms: number): string {
  return Math.abs(ms) < 1000 ? `${Math.round(ms * 10) / 10} ms` : `${(ms / 1000).toFixed(3)} s`
}

export { BAR }
