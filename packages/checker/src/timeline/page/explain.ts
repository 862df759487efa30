import type { History } from '../../history.ts'
import type { CheckResult } from '../../result.ts'
import { escapeText as e } from '../draw/escape.ts'
import { type Wrong, wrongsOf } from '../picture/findings.ts'
import { LEGEND } from './legend.ts'
import { counted, linked, nameOf } from './words.ts'

const LAST = 12
const MAX_LISTED = 60

/** Below the picture: what broke, why, how far a legal order got, and the legend. */
export function explain(history: History, result: CheckResult | undefined, violation: number): string {
  const wrongs = wrongsOf(result)
  const more = (result?.violationCount ?? 0) - wrongs.length
  const broken = wrongs.map(
    (wrong, at) =>
      `<details name="finding"${at === violation ? ' open' : ''}><summary><b>${e(wrong.name)}</b> ${linked(wrong.message)}</summary>${proof(history, wrong)}</details>`,
  )
  return [
    '<div class="explain">',
    broken.length === 0
      ? ''
      : `<section><h2>What broke</h2>${broken.join('')}${more > 0 ? `<p class="small">${counted(more, 'more violation')} found, not listed.</p>` : ''}</section>`,
    legalOrder(history, result),
    `<section><h2>How to read it</h2><svg class="legend" width="410" height="164" viewBox="0 0 410 164" role="img" aria-label="Legend">${LEGEND}</svg></section></div>`,
  ].join('')
}

function proof(history: History, { operations, edges }: Wrong): string {
  const link = (index: number): string => {
    const operation = history.operations[index]
    return operation === undefined
      ? `#${index}`
      : `<a href="#op-${index}"><code>${e(nameOf(operation))}</code></a>`
  }
  const rest = (all: number): string =>
    all > MAX_LISTED ? `<li>${counted(all - MAX_LISTED, 'more')}</li>` : ''
  if (edges.length === 0) {
    const items = operations.slice(0, MAX_LISTED).map((index) => {
      const process = history.operations[index]?.process
      return `<li>${link(index)}${process === undefined ? '' : ` by process ${e(String(process))}`}</li>`
    })
    return `<ul>${items.join('')}${rest(operations.length)}</ul>`
  }
  const items = edges.slice(0, MAX_LISTED).map(({ from, to, kind, because }) => {
    const why = because === undefined ? '' : `<br><span class="small">${linked(because)}</span>`
    return `<li>${link(from)} must come before ${link(to)} <b>${e(kind)}</b>${why}</li>`
  })
  return `<p>Each must come before the next, and the last before the first: no order does that.</p><ol>${items.join('')}${rest(edges.length)}</ol>`
}

/** How far the check got: the end of the longest legal order, and where that leaves the model. */
function legalOrder(history: History, result: CheckResult | undefined): string {
  const found = result?.counterexample
  const order = found?.longestPrefix ?? result?.witness
  if (order === undefined) return ''
  const from = Math.max(0, order.length - LAST)
  const items = order.slice(from).map((index) => {
    const operation = history.operations[index]
    return `<li><a href="#op-${index}"><code>${e(operation === undefined ? `#${index}` : nameOf(operation))}</code></a></li>`
  })
  const earlier = from > 0 ? `<p class="small">${counted(from, 'operation')} before these.</p>` : ''
  const after =
    found === undefined
      ? ''
      : `<p>Then the state is <code>${e(found.stateAfterPrefix)}</code>, and <a href="#op-${found.firstBad}">#${found.firstBad}</a> has no place${found.isMinimal ? '' : '. The set shown is not proved to be the smallest'}.</p>`
  const title = found === undefined ? 'An order that proves it' : 'The longest legal order'
  return `<section><h2>${title}</h2>${earlier}<ol start="${from + 1}">${items.join('')}</ol>${after}</section>`
}
