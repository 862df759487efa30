import { BAR, labelOfView, type Layout } from '../layout/layout.ts'
import type { Picture, PictureOperation, View } from '../picture/picture.ts'
import { escapeText as e } from './escape.ts'

/** The parts of a picture as SVG: the header and the lanes stay in place when the chart is scrolled. */
export interface Drawing {
  readonly header: string
  readonly headerHeight: number
  readonly lanes: string
  readonly lanesWidth: number
  readonly chart: string
}

const FAULT_ROW = 20
const AXIS = 20
const CHAR = 7.3

/**
 * @param isInteractive whether operations are buttons of the page, or parts of a still picture with a tooltip.
 */
export function draw(picture: Picture, view: View, layout: Layout, isInteractive: boolean): Drawing {
  const finding = picture.findings[view.finding]
  const bad = finding === undefined ? undefined : layout.boxes[finding.bad]
  const faultsHeight = layout.faultRows * FAULT_ROW
  const headerHeight = faultsHeight + AXIS + (bad === undefined ? 0 : FAULT_ROW)
  const column =
    bad === undefined || !picture.realTime // without a common time nothing ran beside it
      ? ''
      : `<rect class="column" x="${bad.x}" y="0" width="${bad.width}" height="${layout.height}"/>`
  return {
    headerHeight,
    header: [
      ...layout.faults.map(({ fault, row, x, width }) => {
        const text = e(picture.faults[fault]?.text ?? '')
        const y = row * FAULT_ROW
        return `<rect class="strip" x="${x}" y="${y}" width="${width}" height="${FAULT_ROW - 3}"/><text class="fault" x="${x + 5}" y="${y + 13}" data-end="${x + width}">⚡ ${text}</text>`
      }),
      ...layout.ticks.map(
        ({ x, text }) => `<text class="tick" x="${x}" y="${faultsHeight + 13}">${e(text)}</text>`,
      ),
      bad === undefined ? '' : flag(picture, finding?.bad ?? -1, bad, layout.width, faultsHeight + AXIS),
    ].join(''),
    lanesWidth: lanesWidthOf(layout),
    lanes: layout.lanes
      .map(
        ({ name, barY }) =>
          `<text class="lane" x="10" y="${barY + 16}">${e(name.length > 22 ? `${name.slice(0, 21)}…` : name)}</text>`,
      )
      .join(''),
    chart: [
      ...layout.lanes.map(
        ({ y, height }, at) =>
          `<rect class="row${at % 2}" x="0" y="${y}" width="${layout.width}" height="${height}"/>`,
      ),
      ...layout.faults.map(
        ({ x, width }) => `<rect class="band" x="${x}" y="0" width="${width}" height="${layout.height}"/>`,
      ),
      ...layout.ticks.map(({ x }) => `<path class="grid" d="M${x} 0v${layout.height}"/>`),
      column,
      ...layout.breaks.map(
        ({ x, text }) =>
          `<path class="break" d="M${x} 0v${layout.height}"/><text class="break" transform="translate(${x + 4} 4)rotate(90)">${e(text)}</text>`,
      ),
      ...picture.operations.map((_, at) => operation(picture, view, layout, at, isInteractive)),
      points(layout),
      ...layout.arrows.map(({ edge, path, x, y, side }) => {
        const { kind = '', text = '' } = finding?.edges[edge] ?? {}
        const width = Math.ceil(text.length * 6.8 + 10)
        const left = x - (side === 'left' ? width : side === 'right' ? 0 : width / 2)
        return `<g class="edge ${e(kind)}"><path d="${path}" marker-end="url(#qt-arrow)"/><rect x="${left}" y="${y - 8}" width="${width}" height="16" rx="8"/><text x="${left + width / 2}" y="${y + 4}">${e(text)}</text></g>`
      }),
    ].join(''),
  }
}

/** Px for the names of the processes. */
export function lanesWidthOf({ lanes }: Layout): number {
  return Math.min(180, Math.max(70, ...lanes.map(({ name }) => Math.ceil(name.length * CHAR + 22))))
}

/** Everything that other elements refer to; once in a document. */
export const DEFINITIONS: string =
  '<defs><pattern id="qt-hatch" width="7" height="7" patternUnits="userSpaceOnUse" patternTransform="rotate(45)"><path class="hatch" d="M0 0v7"/></pattern>' +
  '<linearGradient id="qt-fade"><stop offset=".5" stop-color="#fff"/><stop offset="1" stop-color="#000"/></linearGradient>' +
  '<mask id="qt-open" maskContentUnits="objectBoundingBox"><rect x="-1" y="-1" width="3" height="3" fill="url(#qt-fade)"/></mask>' +
  '<marker id="qt-arrow" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="8" markerHeight="8" markerUnits="userSpaceOnUse" orient="auto"><path class="head" d="M0 0L8 4L0 8z"/></marker></defs>'

/** Who did what, in one line: for tooltips and screen readers. */
export function describe(
  { lanes, findings, keys }: Picture,
  view: View,
  at: number,
  one: PictureOperation,
): string {
  const finding = findings[view.finding]
  const status = one.status === 'ok' ? '' : one.status === 'fail' ? ', did not happen' : ', outcome unknown'
  const role =
    finding?.bad === at
      ? `, ${finding.name}`
      : finding?.operations.includes(at) === true
        ? ', part of the proof'
        : ''
  const name = one.keys.length === 1 && one.label === one.keyed ? `, key ${keys[one.keys[0] ?? 0]}` : ''
  return `#${one.index} ${one.keyed}, process ${lanes[one.lane]}${name}${status}${role}`
}

const CORNERS = { read: 11, write: 2, both: 6 }

function operation(picture: Picture, view: View, layout: Layout, at: number, isInteractive: boolean): string {
  const box = layout.boxes[at]
  const one = picture.operations[at]
  if (box === undefined || one === undefined) return ''
  const finding = picture.findings[view.finding]
  const role = finding?.bad === at ? ' hot bad' : finding?.operations.includes(at) === true ? ' hot' : ''
  const { x, y, width, isOpen } = box
  const label = labelOfView(one, view)
  const fits = Math.floor((width - 8 - (isOpen ? 14 : 0)) / CHAR)
  const text = label.length <= fits ? label : fits < 4 ? '' : `${label.slice(0, fits - 1)}…`
  const words = e(describe(picture, view, at, one))
  const shape = `x="${x}" y="${y}" width="${width}" height="${BAR}" rx="${Math.min(CORNERS[one.kind], width / 2)}"`
  return [
    `<g id="op-${one.index}" class="op ${one.kind} ${one.status}${role}"`,
    isInteractive
      ? ` data-at="${at}" role="button" tabindex="-1" aria-label="${words}">`
      : `><title>${words}</title>`,
    role === ''
      ? ''
      : `<rect class="halo" x="${x - 3}" y="${y - 3}" width="${width + 6}" height="${BAR + 6}" rx="7"/>`,
    `<rect class="bar" ${shape}${isOpen ? ' mask="url(#qt-open)"' : ''}/>`,
    text === '' ? '' : `<text x="${x + 7}" y="${y + 15}">${e(text)}</text>`,
    '</g>',
  ].join('')
}

/** Names the offending operation above its column, inside the picture. */
function flag(
  picture: Picture,
  at: number,
  { x, width }: { x: number; width: number },
  all: number,
  y: number,
): string {
  const text = `▼ #${picture.operations[at]?.index} ${picture.findings.find(({ bad }) => bad === at)?.name ?? ''}`
  const size = text.length * CHAR + 12
  const left = Math.max(0, Math.min(x + width / 2 - size / 2, all - size))
  return `<rect class="flag" x="${left}" y="${y}" width="${size}" height="${FAULT_ROW - 3}" rx="3"/><text class="flag" x="${left + 6}" y="${y + 13}">${e(text)}</text>`
}

/** How many of the last steps of an order a line connects: more of it would hide the picture. */
const CONNECTED = 25

/** Where each operation of an order takes effect, with its number, and a thin line through the last of them. */
function points({ points: all, boxes }: Layout): string {
  const placed = all.flatMap(({ operation: at, number, x }) => {
    const box = boxes[at]
    return box === undefined ? [] : [{ number, x, y: box.y + BAR, end: box.x + box.width }]
  })
  const path = placed
    .slice(-CONNECTED)
    .map(({ x, y }, at) => `${at === 0 ? 'M' : 'L'}${x} ${y}`)
    .join('')
  const late = placed.map(({ x, y, end }) => (x > end ? `M${end - 10} ${y}H${x}` : '')).join('')
  return `<g class="order"><path d="${path}"/><path class="late" d="${late}"/>${placed
    .map(
      ({ number, x, y }) =>
        `<circle cx="${x}" cy="${y}" r="3.5"/><text x="${x}" y="${y + 13}">${number}</text>`,
    )
    .join('')}</g>`
}
