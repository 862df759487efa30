// Draws a story as SVG: a line per replica, time to the right, an arrow for what one tells the other.
import type { Mood, Step, Story } from './story.ts'

const CHARACTER = 7.4 // width of one in the fixed font of 12 px
const LINE = 16
const LANE_GAP = 58
const LABEL = 16
const COLUMN_GAP = 34
const LEFT = 96
const TOP = 46

const COLOURS: Readonly<Record<Mood, string>> = {
  edit: '#3451b2',
  merge: '#18794e',
  wait: '#9a6700',
  lost: '#b8272c',
}
// One card that reads on light and dark pages alike: an image does not know the switch of the page around it.
const STYLE = `
text{font:12px ui-monospace,SFMono-Regular,Menlo,Consolas,monospace;fill:#1f2328}
.title{font:600 14px ui-sans-serif,system-ui,sans-serif}
.lane{font:600 13px ui-sans-serif,system-ui,sans-serif}
.label{font:12px ui-sans-serif,system-ui,sans-serif;fill:#57606a;paint-order:stroke;stroke:#fff;stroke-width:4px}`

interface Box {
  readonly step: Step
  readonly x: number
  readonly y: number
  readonly width: number
  readonly height: number
}

export function draw(story: Story): string {
  const heights = story.lanes.map((_, lane) =>
    Math.max(
      LINE,
      ...story.steps.filter((step) => step.lane === lane).map((step) => step.state.length * LINE),
    ),
  )
  const tops: number[] = []
  let y = TOP + LABEL
  for (const height of heights) {
    tops.push(y)
    y += height + 14 + LANE_GAP
  }
  const height = y - LANE_GAP + 18

  const boxes = place(story, tops, heights)
  const last = Math.max(...boxes.map((box) => box.x + box.width))
  const width = Math.ceil(Math.max(last + 24, LEFT + story.title.length * 8))
  const byStep = new Map(boxes.map((box) => [box.step, box]))

  const parts = [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img">`,
    `<title>${escape(story.title)}</title>`,
    `<style>${STYLE}</style>`,
    markers(),
    `<rect width="${width}" height="${height}" rx="10" fill="#fff" stroke="#d0d7de"/>`,
    `<text class="title" x="18" y="26">${escape(story.title)}</text>`,
    ...story.lanes.map((name, lane) =>
      laneLine(name, (tops[lane] ?? 0) + (heights[lane] ?? 0) / 2 + 7, width),
    ),
    ...boxes.flatMap((box) => {
      const from = box.step.from && byStep.get(box.step.from)
      return from === undefined ? [] : [arrow(from, box)]
    }),
    ...boxes.map(drawBox),
    '</svg>',
  ]
  return `${parts.join('\n')}\n`
}

/** Two steps share a column if neither lane nor order forbids it: what is concurrent stands below each other. */
function place(story: Story, tops: readonly number[], heights: readonly number[]): Box[] {
  const columns = new Map<Step, number>()
  const latest = story.lanes.map(() => -1)
  for (const step of story.steps) {
    const after = step.from === undefined ? -1 : (columns.get(step.from) ?? -1)
    const column = Math.max(latest[step.lane] ?? -1, after) + 1
    columns.set(step, column)
    latest[step.lane] = column
  }
  const widthOf = (step: Step): number =>
    Math.max(...step.state.map((line) => line.length * CHARACTER), step.label.length * 6.4, 26) + 18
  const starts: number[] = []
  let x = LEFT
  for (let column = 0; column <= Math.max(...columns.values()); column++) {
    starts.push(x)
    const here = story.steps.filter((step) => columns.get(step) === column)
    x += Math.max(...here.map(widthOf)) + COLUMN_GAP
  }
  return story.steps.map((step) => {
    const height = step.state.length * LINE + 14
    const lane = (tops[step.lane] ?? 0) + ((heights[step.lane] ?? 0) + 14 - height) / 2
    return { step, x: starts[columns.get(step) ?? 0] ?? 0, y: lane, width: widthOf(step), height }
  })
}

const laneLine = (name: string, y: number, width: number): string =>
  `<line x1="${LEFT - 14}" y1="${y}" x2="${width - 14}" y2="${y}" stroke="#d0d7de" stroke-width="2"/>
<text class="lane" x="18" y="${y + 4}">${escape(name)}</text>`

function drawBox({ step, x, y, width, height }: Box): string {
  const colour = COLOURS[step.mood]
  const dash = step.mood === 'wait' ? ' stroke-dasharray="4 3"' : ''
  const lines = step.state.map(
    (line, index) =>
      `<text x="${round(x + 9)}" y="${round(y + 18 + index * LINE)}" xml:space="preserve">${escape(line)}</text>`,
  )
  return [
    `<text class="label" x="${round(x + 2)}" y="${round(y - 5)}">${escape(step.label)}</text>`,
    `<rect x="${round(x)}" y="${round(y)}" width="${round(width)}" height="${height}" rx="6" fill="#fff" stroke="${colour}" stroke-width="1.6"${dash}/>`,
    ...lines,
  ].join('\n')
}

function arrow(from: Box, to: Box): string {
  const down = to.y > from.y
  const [x1, y1] = [from.x + from.width, from.y + from.height / 2]
  const [x2, y2] = [to.x - 3, to.y + (down ? 6 : to.height - 6)]
  const bend = Math.max(18, (x2 - x1) / 2)
  const { mood } = to.step
  return `<path d="M${round(x1)} ${round(y1)}C${round(x1 + bend)} ${round(y1)} ${round(x2 - bend)} ${round(y2)} ${round(x2)} ${round(y2)}" fill="none" stroke="${COLOURS[mood]}" stroke-width="1.4" marker-end="url(#${mood})"/>`
}

const markers = (): string =>
  `<defs>${Object.entries(COLOURS)
    .map(
      ([mood, colour]) =>
        `<marker id="${mood}" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="7" markerHeight="7" orient="auto"><path d="M0 0L8 4L0 8z" fill="${colour}"/></marker>`,
    )
    .join('')}</defs>`

const round = (value: number): number => Math.round(value * 10) / 10

function escape(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
}
