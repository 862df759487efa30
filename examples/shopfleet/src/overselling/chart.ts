/** What was found, as a picture: an SVG that needs no script, no font and no other file, in light and dark. */
import { HOW, type Finding } from './answers.ts'
import { number, type Run } from './table.ts'

const WIDTH = 860
const LABEL = 110
const BAR_LEFT = LABEL + 20
const BAR_WIDTH = 500
const ROW = 46
const BAR_HEIGHT = 18
const HEAD = 80
const GAP = 24

/** Colours keep a contrast of 4.5 : 1 to their background, text, and 3 : 1, bars. */
const STYLE = `
  svg { color-scheme: light dark; font: 14px system-ui, sans-serif }
  .back { fill: #ffffff } .text { fill: #1c2024 } .quiet { fill: #5a636b; font-size: 12px }
  .title { font-size: 17px; font-weight: 600 } .line { stroke: #1c2024; stroke-dasharray: 3 3 }
  .track { fill: #e9ecef } .sold { fill: #2b8a3e } .apology { fill: #c77700 } .wrong { fill: #d6293e } .speed { fill: #2f6fde }
  @media (prefers-color-scheme: dark) {
    .back { fill: #16191d } .text { fill: #e8eaed } .quiet { fill: #a3adb8 } .line { stroke: #e8eaed }
    .track { fill: #2a2f36 } .sold { fill: #51cf66 } .apology { fill: #ffb547 } .wrong { fill: #ff6b7d } .speed { fill: #6ea8fe }
  }`

export function chartOf(run: Run, findings: readonly Finding[]): string {
  const panel = HEAD + findings.length * ROW
  const height = 2 * panel + GAP + 16
  const title = 'Answers to overselling, compared'
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" width="${WIDTH}" height="${height}" role="img" aria-labelledby="title description">
<title id="title">${title}</title>
<desc id="description">${escape(describe(run, findings))}</desc>
<style>${STYLE}
</style>
<rect class="back" width="${WIDTH}" height="${height}" rx="8"/>
${rushPanel(run, findings)}
<g transform="translate(0 ${panel + GAP})">
${flowPanel(run, findings)}
</g>
</svg>
`
}

/** The same in words, for those who do not see it. */
function describe({ units, customers }: Run, findings: readonly Finding[]): string {
  const told = findings.map(
    ({ answer, rush, flow }) =>
      `${answer}: ${rush.granted} told yes, ${rush.kept} sold, ${rush.apologies} apologies, ` +
      `${Math.round(flow.soldPerSecond)} sold per second`,
  )
  return `${number(customers)} customers for ${number(units)} units. ${told.join('. ')}.`
}

function rushPanel({ units, customers, atOnce }: Run, findings: readonly Finding[]): string {
  const most = Math.max(units, ...findings.map(({ rush }) => Math.max(rush.granted, rush.kept)))
  const scale = (count: number): number => (count / most) * BAR_WIDTH
  const line = BAR_LEFT + scale(units)
  const rows = findings.map(({ answer, rush }, index) => {
    const y = HEAD + index * ROW
    const sold = Math.min(rush.kept, units)
    const parts = [
      { kind: 'sold', from: 0, count: sold },
      { kind: 'apology', from: sold, count: rush.apologies },
      { kind: 'wrong', from: sold, count: rush.kept - sold },
    ].filter(({ count }) => count > 0)
    const bars = parts.map(({ kind, from, count }) =>
      bar(
        kind,
        BAR_LEFT + scale(from),
        y,
        Math.max(1, scale(count)),
        `${number(count)} ${NAMES[kind] ?? kind}`,
      ),
    )
    const facts = [
      `${number(sold)} sold`,
      ...(rush.apologies > 0 ? [`${number(rush.apologies)} apologies`] : []),
      ...(rush.kept > sold ? [`${number(rush.kept - sold)} not there`] : []),
    ]
    return [
      label(answer, y),
      ...bars,
      text('text', BAR_LEFT + BAR_WIDTH + 14, y + 14, facts.join(', ')),
      `<line class="line" x1="${round(line)}" x2="${round(line)}" y1="${y - 4}" y2="${y + BAR_HEIGHT + 3}"/>`,
      text('quiet', BAR_LEFT, y + BAR_HEIGHT + 14, HOW[answer]),
    ].join('\n')
  })
  return [
    text(
      'text title',
      20,
      32,
      `${number(customers)} customers, ${number(atOnce)} at a time, want one of ${number(units)}`,
    ),
    text(
      'quiet',
      20,
      52,
      'Told yes and sold (green), told yes and then undone with an apology (amber), sold and not there (red)',
    ),
    ...rows,
    text('quiet', line + 4, HEAD - 6, `${number(units)} were there`),
  ].join('\n')
}

const NAMES: Readonly<Record<string, string>> = {
  sold: 'sold',
  apology: 'told yes, then an apology',
  wrong: 'sold that were not there',
}

function flowPanel({ atOnce }: Run, findings: readonly Finding[]): string {
  const most = Math.max(1, ...findings.map(({ flow }) => flow.soldPerSecond))
  const rows = findings.map(({ answer, flow }, index) => {
    const y = HEAD + index * ROW
    const width = Math.max(1, (flow.soldPerSecond / most) * BAR_WIDTH)
    return [
      label(answer, y),
      `<rect class="track" x="${BAR_LEFT}" y="${y}" width="${BAR_WIDTH}" height="${BAR_HEIGHT}" rx="3"/>`,
      bar('speed', BAR_LEFT, y, width, `${flow.soldPerSecond.toFixed(0)} sold per second`),
      text('text', BAR_LEFT + BAR_WIDTH + 14, y + 14, `${flow.soldPerSecond.toFixed(0)} / s`),
      text(
        'quiet',
        BAR_LEFT,
        y + BAR_HEIGHT + 14,
        `p50 ${flow.p50Ms.toFixed(0)} ms, p99 ${flow.p99Ms.toFixed(0)} ms; for each order ` +
          `${flow.statementsPerOrder.toFixed(1)} statements, ${flow.rowWritesPerOrder.toFixed(2)} writes of the hot row`,
      ),
    ].join('\n')
  })
  return [
    text('text title', 20, 32, 'Orders for one product sold per second, from a full shelf'),
    text('quiet', 20, 52, `${number(atOnce)} customers at a time; each order is reserved, then sold`),
    ...rows,
  ].join('\n')
}

const label = (name: string, y: number): string =>
  `<text class="text" x="${LABEL}" y="${y + 14}" text-anchor="end">${escape(name)}</text>`

const text = (kind: string, x: number, y: number, content: string): string =>
  `<text class="${kind}" x="${round(x)}" y="${y}">${escape(content)}</text>`

const bar = (kind: string, x: number, y: number, width: number, title: string): string =>
  `<rect class="${kind}" x="${round(x)}" y="${y}" width="${round(width)}" height="${BAR_HEIGHT}" rx="3"><title>${escape(title)}</title></rect>`

const round = (value: number): number => Math.round(value * 10) / 10

const escape = (content: string): string =>
  content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;')
