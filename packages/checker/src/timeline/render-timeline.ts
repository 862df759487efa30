import type { History } from '../history.ts'
import type { CheckResult } from '../result.ts'
import { escapeJson, escapeText as e } from './draw/escape.ts'
import { drawStill } from './draw/still.ts'
import { prepare, type Prepared, type TimelineOptions } from './options.ts'
import { CHART_CSS, PAGE_CSS, SCRIPT, SCRIPT_DIGEST, STYLE_DIGEST } from './page/assets.ts'
import { explain } from './page/explain.ts'
import { tools } from './page/tools.ts'
import { counted, headline, linked, titleOf } from './page/words.ts'

/**
 * A history and what a check found in it as one HTML page that holds all it needs: nothing is loaded, and its
 * policy lets nothing else run. A lane for each process, a bar for each operation from call to return, the
 * operation that breaks the promise and those that prove it, a legal order as far as there is one, and the faults.
 * Without scripts it is a still picture. The same input gives the same bytes.
 *
 * @throws RangeError if `maxOperations`, `violation` or `key` is out of range.
 * @throws TypeError if `axis` is none.
 */
export function renderTimeline(
  history: History,
  result?: CheckResult,
  options: TimelineOptions = {},
): string {
  const prepared = prepare(history, result, options)
  const { picture, view } = prepared
  const title = titleOf(history, options)
  const { word, sentence } = headline(result)
  const verdict = result?.verdict ?? 'none'
  return `<!doctype html>
<html lang="en" class="qt"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src '${STYLE_DIGEST}'; script-src '${SCRIPT_DIGEST}'; base-uri 'none'; form-action 'none'">
<title>${e(`${word}: ${title}`)}</title><style>${CHART_CSS}${PAGE_CSS}</style></head><body>
<header><h1><span class="verdict ${verdict}">${verdict === 'violated' ? '✗ ' : verdict === 'ok' ? '✓ ' : ''}${word}</span>${e(title)}</h1>
<p class="what">${result === undefined ? '' : `<b>${e(result.promise)}</b>: `}${linked(sentence)}</p>
<p class="facts">${facts(history, picture.lanes.length)}</p>${notes(history, prepared)}</header>
${tools(prepared)}
<main><div><div class="view${picture.findings.length > 0 ? ' dim' : ''}" role="application" aria-label="Timeline: Tab to an operation, then the arrow keys; question mark for help">${drawStill(picture, view, title)}</div>
${explain(history, result, view.finding)}</div><aside aria-label="Operation"></aside></main>
<script type="application/json" id="qt-data">${escapeJson({ picture, view })}</script><script>${SCRIPT}</script></body></html>
`
}

function facts({ operations, faults }: History, lanes: number): string {
  const count = (status: string): number => operations.filter((one) => one.status === status).length
  const unknown = count('unknown')
  const failed = count('fail')
  return [
    `${counted(operations.length, 'operation')} by ${lanes} ${lanes === 1 ? 'process' : 'processes'}`,
    failed > 0 ? `${failed} did not happen` : '',
    unknown > 0 ? `${unknown} unknown` : '',
    faults.length > 0 ? counted(faults.length, 'fault') : '',
  ]
    .filter(Boolean)
    .join(' · ')
}

/** What a reader must know not to be misled by what is absent. */
function notes({ operations, realTime, faults }: History, { picture, view }: Prepared): string {
  const shown = picture.operations.length
  const lines: string[] = []
  if (shown < operations.length) {
    const around = picture.findings.length > 0 ? 'around the violation' : 'from the beginning'
    lines.push(
      `Shows ${shown.toLocaleString('en')} of ${counted(operations.length, 'operation')}, those ${around}. To see more: <code>maxOperations</code>.`,
    )
  }
  if (!realTime)
    lines.push(
      'Only the order within each process is known: what stands above another did not happen at the same time.',
    )
  if (!realTime && faults.length > 0) lines.push('For the same reason, faults are not drawn.')
  const only = `<p class="note" id="qt-only"${view.key < 0 ? ' hidden' : ''}>Shows only key <code>${e(picture.keys[view.key] ?? '')}</code>.</p>`
  return lines.map((line) => `<p class="note">${line}</p>`).join('') + only
}
