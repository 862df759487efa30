// The script of the page that renderTimeline() writes. `node browser/build.ts` puts it, minified, into
// src/timeline/page/assets.ts; a test fails if that is forgotten.
import { DEFINITIONS, draw, lanesWidthOf } from '../src/timeline/draw/draw.ts'
import { escapeText } from '../src/timeline/draw/escape.ts'
import { BAR, layOut, showMs } from '../src/timeline/layout/layout.ts'
import { type Direction, neighbour } from '../src/timeline/layout/navigate.ts'
import type { Picture, View } from '../src/timeline/picture/picture.ts'

interface Data {
  readonly picture: Picture
  readonly view: View
}

const find = <E extends Element>(selector: string): E => document.querySelector<E>(selector)!
const { picture, view: initial } = JSON.parse(find('#qt-data').textContent ?? '') as Data
const scroller = find<HTMLElement>('.view')
const overview = find<SVGSVGElement>('#overview')
const details = find<HTMLElement>('aside')
const help = find<HTMLDialogElement>('dialog')
const keys = find<HTMLSelectElement>('#qt-key')

let view = initial
let layout = layOut(picture, view)
let lanesWidth = lanesWidthOf(layout)
let elements: SVGGElement[] = []
/** Words that are not at the start of their bar. */
const moved = new Map<number, SVGTextElement>()
let headerHeight = 0
let current = picture.findings[view.finding]?.bad ?? -1
if (current < 0) current = layout.boxes.findIndex((box) => box !== undefined)

function redraw(): void {
  const hadFocus = scroller.contains(document.activeElement) && document.activeElement !== scroller
  layout = layOut(picture, { ...view, minWidth: room() })
  const { width, height } = layout
  const drawing = draw(picture, view, layout, true)
  ;({ lanesWidth, headerHeight } = drawing)
  const svg = (classes: string, w: number, h: number, content: string): string =>
    `<svg class="${classes}"${classes === 'chart' ? '' : ' aria-hidden="true"'} width="${w}" height="${h}" viewBox="0 0 ${w} ${h}">${content}</svg>`
  scroller.innerHTML = `<div class="inner">${svg('stay-top stay-left', lanesWidth, headerHeight, '<text class="tick" x="10" y="14">process</text>')}${svg('stay-top', width, headerHeight, drawing.header)}${svg('stay-left', lanesWidth, height, drawing.lanes)}${svg('chart', width, height, DEFINITIONS + drawing.chart)}</div>`
  elements = []
  moved.clear()
  for (const one of scroller.querySelectorAll<SVGGElement>('.op')) elements[Number(one.dataset['at'])] = one
  if (layout.boxes[current] === undefined) current = layout.boxes.findIndex((box) => box !== undefined)
  mark()
  if (hadFocus) element(current)?.focus({ preventScroll: true })
  find('#qt-zoom').textContent = `${Math.round(view.zoom * 100)} %`
  find('#qt-only').toggleAttribute('hidden', view.key < 0)
  find('#qt-only code').textContent = picture.keys[view.key] ?? ''
  find('#qt-shown').textContent =
    view.key < 0 ? '' : `${layout.boxes.filter(Boolean).length} of ${picture.operations.length}`
  drawOverview()
}

/** All operations, one pixel or so each: where in the whole the visible part is. */
function drawOverview(): void {
  const { width, height, boxes, faults } = layout
  const finding = picture.findings[view.finding]
  const least = width / scroller.clientWidth
  const paths = { fault: '', all: '', hot: '', bad: '' }
  for (const { x, width: w } of faults) paths.fault += `M${x} 0h${w}v${height}h${-w}z`
  for (const [at, box] of boxes.entries()) {
    if (box === undefined) continue
    const role = finding?.bad === at ? 'bad' : finding?.operations.includes(at) === true ? 'hot' : 'all'
    const w = Math.max(box.width, least * (role === 'all' ? 1 : 4))
    const grow = role === 'bad' ? height / 12 : 0
    paths[role] += `M${box.x} ${box.y - grow}h${w}v${BAR + 2 * grow}h${-w}z`
  }
  overview.setAttribute('viewBox', `0 0 ${width} ${height}`)
  overview.innerHTML = `${Object.entries(paths)
    .map(([role, path]) => `<path class="${role}" d="${path}"/>`)
    .join('')}<rect class="window"/>`
  overview.toggleAttribute('hidden', width + lanesWidth <= scroller.clientWidth + 2)
  drawWindow()
}

function drawWindow(): void {
  const attributes = {
    x: scroller.scrollLeft,
    y: scroller.scrollTop,
    width: scroller.clientWidth - lanesWidth,
    height: Math.min(layout.height, scroller.clientHeight - headerHeight),
  }
  const frame = overview.querySelector('.window')
  for (const [name, value] of Object.entries(attributes)) frame?.setAttribute(name, String(value))
  // The name of a fault stays in sight for as long as the fault does.
  for (const text of scroller.querySelectorAll<SVGTextElement>('.fault')) {
    const start = Number((text.dataset['start'] ??= text.getAttribute('x') ?? ''))
    const last = Number(text.dataset['end']) - text.getComputedTextLength() - 5
    text.setAttribute('x', String(Math.max(start, Math.min(scroller.scrollLeft + 5, last))))
  }
  // So do the words of a bar that began further left.
  for (const [at, text] of moved) text.setAttribute('x', String((layout.boxes[at]?.x ?? 0) + 7))
  moved.clear()
  const left = scroller.scrollLeft
  for (const [at, box] of layout.boxes.entries()) {
    if (box === undefined || box.x >= left || box.x + box.width < left + 30) continue
    const text = element(at)?.querySelector('text')
    if (text === null || text === undefined) continue
    text.setAttribute(
      'x',
      String(Math.max(box.x + 7, Math.min(left + 5, box.x + box.width - text.getComputedTextLength() - 7))),
    )
    moved.set(at, text)
  }
}

const element = (at: number): SVGGElement | undefined => elements[at]

/** Shows which operation the keyboard is at, and lets Tab lead there. */
function mark(): void {
  const before = scroller.querySelector('.current')
  before?.classList.remove('current')
  before?.setAttribute('tabindex', '-1')
  element(current)?.classList.add('current')
  element(current)?.setAttribute('tabindex', '0')
  show(current)
}

/** Scrolls so that an operation is in sight; to the middle if it was not. */
function reveal(at: number, toMiddle = false): void {
  const box = layout.boxes[at]
  if (box === undefined) return
  const { scrollLeft: left, scrollTop: top } = scroller
  const wide = scroller.clientWidth - lanesWidth
  const high = scroller.clientHeight - headerHeight
  const width = Math.min(box.width, 200)
  const isIn = box.x >= left && box.x + width <= left + wide
  const isInY = box.y - 8 >= top && box.y + BAR + 12 <= top + high
  scroller.scrollTo({
    left: isIn && !toMiddle ? left : box.x + width / 2 - wide / 2,
    top: isInY && !toMiddle ? top : box.y - high / 2,
    ...(toMiddle ? { behavior: 'instant' as const } : {}),
  })
}

function go(at: number): void {
  if (at < 0) return
  current = at
  mark()
  reveal(at)
  element(at)?.focus({ preventScroll: true })
}

/** Everything that is known about an operation. */
function show(at: number): void {
  const one = picture.operations[at]
  if (one === undefined) return
  const [start, end] = one.order
  const ms = one.ms
  const number = picture.order.find(([operation]) => operation === at)?.[1]
  const found = picture.findings.filter(({ operations }) => operations.includes(at))
  const never = 'never completed'
  const rows: Array<[string, string]> = [
    ['operation', `#${one.index} ${one.op}`],
    [
      'status',
      one.status === 'ok'
        ? 'ok'
        : one.status === 'fail'
          ? 'fail: it did not happen'
          : 'unknown: it may take effect at any later time, or never',
    ],
    ['process', picture.lanes[one.lane] ?? ''],
    ['key', one.keys.map((key) => picture.keys[key]).join(', ')],
    ['input', one.input],
    ['output', one.output],
    ['events', picture.realTime ? `${start} to ${end ?? never}` : ''],
    [
      'time',
      ms === undefined
        ? ''
        : ms[1] === null
          ? `${showMs(ms[0])}, ${never}`
          : `${showMs(ms[0])} to ${showMs(ms[1])}, took ${showMs(ms[1] - ms[0])}`,
    ],
    ['line', String(one.line ?? '')],
    ['place in the legal order', String(number ?? '')],
    ['part of', found.map(({ name }) => name).join(', ')],
  ]
  details.innerHTML = `<h2>${escapeText(`#${one.index} ${one.keyed}`)}</h2><dl>${rows
    .map(([name, text]) => (text === '' ? '' : `<dt>${name}</dt><dd>${escapeText(text)}</dd>`))
    .join('')}</dl>`
}

/** Changes the picture, with the place at `x` px of the window staying where it is. */
function change(next: Partial<View>, x = (scroller.clientWidth + lanesWidth) / 2): void {
  const zoom = Math.min(8, Math.max(0.02, next.zoom ?? view.zoom))
  const ratio = zoom / view.zoom
  const left = (scroller.scrollLeft + x - lanesWidth) * ratio - x + lanesWidth
  const top = scroller.scrollTop
  view = { ...view, ...next, zoom }
  redraw()
  if (ratio === 1) reveal(current, true)
  else scroller.scrollTo({ left, top, behavior: 'instant' })
}

const room = (): number => scroller.clientWidth - lanesWidth - 2
const fit = (): void => {
  let { zoom } = view
  // Bars have a least width: what fits is found by trying.
  for (let round = 0; round < 4; round++)
    zoom *= room() / layOut(picture, { ...view, zoom, minWidth: 0 }).width
  change({ zoom })
}
const reset = (): void => {
  const natural = layOut(picture, { ...view, zoom: 1, minWidth: 0 }).width
  change({ zoom: Math.min(3, Math.max(1, room() / natural)) })
  reveal(current, true)
}

function showFinding(finding: number): void {
  if (finding === view.finding) return
  const { bad = current, key = -1 } = picture.findings[finding] ?? {}
  current = bad
  const next = view.key < 0 ? -1 : key
  keys.value = String(next)
  change({ finding, key: next })
}

/** The next or previous operation of the proof, seen from where the reader is; after the last one, of the next proof. */
function offending(step: number): void {
  const distance = (a: number, b: number): number =>
    step * ((layout.boxes[a]?.x ?? 0) - (layout.boxes[b]?.x ?? 0) || a - b)
  const inOrder = (finding: number): number[] =>
    (picture.findings[finding]?.operations ?? []).toSorted(distance)
  let next = inOrder(view.finding).find((at) => distance(at, current) > 0)
  if (next === undefined) {
    const count = picture.findings.length
    const finding = (view.finding + step + count) % count
    document.querySelectorAll('details').item(finding)?.setAttribute('open', '')
    showFinding(finding)
    next = inOrder(finding)[0]
  }
  go(next ?? -1)
}

const ARROWS: Record<string, Direction> = {
  ArrowLeft: 'left',
  ArrowRight: 'right',
  ArrowUp: 'up',
  ArrowDown: 'down',
  Home: 'first',
  End: 'last',
}
const KEYS: Record<string, () => void> = {
  '+': () => change({ zoom: view.zoom * 1.25 }),
  '=': () => change({ zoom: view.zoom * 1.25 }),
  '-': () => change({ zoom: view.zoom / 1.25 }),
  '0': reset,
  w: fit,
  n: () => offending(1),
  p: () => offending(-1),
  f: () => keys.focus(),
  '?': () => help.showModal(),
}

document.addEventListener('keydown', (event) => {
  const target = event.target as Element
  if (event.ctrlKey || event.metaKey || event.altKey || help.open || target.matches('select')) return
  const direction = ARROWS[event.key]
  if (direction !== undefined && target.closest('.op') !== null) go(neighbour(layout, current, direction))
  else if (KEYS[event.key] !== undefined) KEYS[event.key]?.()
  else return
  event.preventDefault()
})
for (const button of document.querySelectorAll<HTMLElement>('[data-press]'))
  button.addEventListener('click', () => KEYS[button.dataset['press'] ?? '']?.())

const operationOf = (event: Event): number =>
  Number((event.target as Element).closest<SVGGElement>('.op')?.dataset['at'] ?? -1)
scroller.addEventListener('focusin', (event) => {
  const at = operationOf(event)
  if (at >= 0 && at !== current) go(at)
})
scroller.addEventListener('click', (event) => go(operationOf(event)))
scroller.addEventListener('pointerover', (event) => {
  const at = operationOf(event)
  show(at < 0 ? current : at)
})
scroller.addEventListener('scroll', drawWindow)
scroller.addEventListener(
  'wheel',
  (event) => {
    if (!event.ctrlKey) return
    event.preventDefault()
    change(
      { zoom: view.zoom * Math.exp(-event.deltaY / 300) },
      event.clientX - scroller.getBoundingClientRect().left,
    )
  },
  { passive: false },
)
const jump = (event: PointerEvent): void => {
  if (event.buttons !== 1) return
  const { left, top, width, height } = overview.getBoundingClientRect()
  scroller.scrollTo({
    left: ((event.clientX - left) / width) * layout.width - room() / 2,
    top: ((event.clientY - top) / height) * layout.height - scroller.clientHeight / 2,
    behavior: 'instant',
  })
}
overview.addEventListener('pointerdown', jump)
overview.addEventListener('pointermove', jump)

keys.addEventListener('change', () => change({ key: Number(keys.value) }))
find('#qt-axis').addEventListener('change', (event) => {
  change({ axis: (event.target as HTMLSelectElement).value as View['axis'] })
})
find('#qt-dim').addEventListener('change', () => scroller.classList.toggle('dim'))
find('#qt-order').addEventListener('change', () => scroller.classList.toggle('plain'))
document.addEventListener('click', (event) => {
  const link = (event.target as Element).closest<HTMLAnchorElement>('a[href^="#op-"]')
  if (link === null) return
  event.preventDefault()
  const index = Number(link.hash.slice(4))
  const at = picture.operations.findIndex((one) => one.index === index)
  if (layout.boxes[at] === undefined) {
    keys.value = '-1'
    change({ key: -1 })
  }
  go(at)
})
for (const [finding, one] of document.querySelectorAll('details').entries())
  one.addEventListener('toggle', () => one.open && showFinding(finding))

addEventListener('beforeprint', () => {
  // On paper there is no scrolling: smaller, as long as it can be read, and what is left then is around `current`.
  const zoom = Math.max(0.45, Math.min(1, 1000 / (layout.width + lanesWidth)))
  find<HTMLElement>('.inner').style.zoom = String(zoom)
  scroller.scrollTo({ left: (layout.boxes[current]?.x ?? 0) * zoom - 500, top: 0, behavior: 'instant' })
})
addEventListener('afterprint', () => {
  find<HTMLElement>('.inner').style.zoom = ''
  reveal(current, true)
})
addEventListener('resize', redraw)

find('.tools').removeAttribute('hidden')
reset()
