import { escapeText as e } from '../draw/escape.ts'
import type { Prepared } from '../options.ts'

const KEYS: ReadonlyArray<readonly [keys: string, what: string]> = [
  ['← → ↑ ↓', 'operation before, after, in the lane above, below'],
  ['Home End', 'first, last of the lane'],
  ['n p', 'next, previous operation of the proof'],
  ['+ - 0', 'zoom in, out, back; or Ctrl and the wheel'],
  ['w', 'the whole in one window'],
  ['f', 'filter by key'],
  ['?', 'this help'],
]

/** Works only with the script, which shows it. */
export function tools({ picture, view }: Prepared): string {
  const option = (value: number | string, text: string, isChosen: boolean): string =>
    `<option value="${value}"${isChosen ? ' selected' : ''}>${e(text)}</option>`
  const keys = picture.keys.map((key, at) => option(at, key, view.key === at)).join('')
  const button = (key: string, text: string, label: string): string =>
    `<button type="button" data-press="${key}" aria-label="${label}" title="${label} (${key})">${text}</button>`
  const check = (id: string, text: string, isOn: boolean): string =>
    isOn
      ? `<label><input type="checkbox" id="${id}" checked> ${text}</label>`
      : `<input type="checkbox" id="${id}" hidden>`
  return [
    '<div class="tools" role="toolbar" aria-label="View" hidden><span>',
    `${button('-', '−', 'Zoom out')} <span id="qt-zoom">100 %</span> ${button('+', '+', 'Zoom in')} ${button('0', 'Reset', 'Zoom back')} ${button('w', 'Whole', 'Show the whole')}</span>`,
    picture.findings.length > 0
      ? `<span>${button('p', '‹', 'Previous of the proof')} proof ${button('n', '›', 'Next of the proof')}</span>`
      : '',
    `<label${picture.keys.length > 1 ? '' : ' hidden'}>key <select id="qt-key">${option(-1, 'all', view.key < 0)}${keys}</select></label> <span id="qt-shown" class="small"></span>`,
    `<label${picture.hasMs ? '' : ' hidden'}>axis <select id="qt-axis">${option('order', 'order of events', view.axis === 'order')}${option('ms', 'time', view.axis === 'ms')}</select></label>`,
    check('qt-dim', 'dim the rest', picture.findings.length > 0),
    check('qt-order', 'legal order', picture.order.length > 0),
    `${button('?', '?', 'Help')}</div>`,
    '<svg id="overview" aria-hidden="true" preserveAspectRatio="none" hidden></svg>',
    `<dialog aria-label="Keys"><h2>Keys</h2><dl>${KEYS.map(
      ([key, what]) =>
        `<dt>${key
          .split(' ')
          .map((one) => `<kbd>${one}</kbd>`)
          .join(' ')}</dt><dd>${what}</dd>`,
    ).join('')}</dl><form method="dialog"><button>Close</button></form></dialog>`,
  ].join('')
}
