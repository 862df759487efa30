import { layOut } from '../layout/layout.ts'
import type { Picture, View } from '../picture/picture.ts'
import { DEFINITIONS, draw } from './draw.ts'
import { escapeText } from './escape.ts'

/** The whole picture as one SVG: what a page shows before its script runs, and what a README can embed. */
export function drawStill(picture: Picture, view: View, title: string, style = ''): string {
  const layout = layOut(picture, view)
  const { header, headerHeight, lanes, lanesWidth, chart } = draw(picture, view, layout, false)
  const width = Math.ceil(layout.width + lanesWidth)
  const height = layout.height + headerHeight + 6
  const isDim = view.finding >= 0 ? ' dim' : ''
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" class="qt${isDim}" role="img" width="${width}" height="${height}" viewBox="0 0 ${width} ${height}">`,
    `<title>${escapeText(title)}</title>${style}${DEFINITIONS}`,
    `<rect class="back" width="${width}" height="${height}"/>`,
    `<g transform="translate(0 ${headerHeight})">${lanes}</g>`,
    `<g transform="translate(${lanesWidth} ${headerHeight})">${chart}</g>`,
    `<g transform="translate(${lanesWidth})">${header}</g></svg>`,
  ].join('')
}
