import type { History } from '../history.ts'
import type { CheckResult } from '../result.ts'
import { drawStill } from './draw/still.ts'
import { prepare, type TimelineOptions } from './options.ts'
import { CHART_CSS } from './page/assets.ts'
import { titleOf } from './page/words.ts'

/**
 * A history and what a check found in it as one SVG image, for a README or a report: no script, nothing loaded,
 * light or dark as the reader's system is. The same input gives the same bytes.
 *
 * @throws RangeError if `maxOperations`, `violation` or `key` is out of range.
 * @throws TypeError if `axis` is none.
 */
export function renderTimelineSvg(
  history: History,
  result?: CheckResult,
  options: TimelineOptions = {},
): string {
  const { picture, view } = prepare(history, result, options)
  return `${drawStill(picture, view, titleOf(history, options), `<style>${CHART_CSS}</style>`)}\n`
}
