/** The formats that `parseHistory` reads. */
export type HistoryFormat = 'quorate' | 'edn' | 'json' | 'jepsen-log' | 'plume' | 'awdit' | 'dbcop'

/** How far the text is looked at; what a format is like shows in its first lines. */
const LOOK = 64 * 1024

/**
 * Which format a text has, by what its beginning looks like; `undefined` if none.
 *
 * @example
 * ```ts
 * import { detectFormat } from '@quorate/checker/formats'
 *
 * detectFormat('r(0,1,2,3)') // 'plume'
 * ```
 */
export function detectFormat(text: string): HistoryFormat | undefined {
  const head = text.slice(0, LOOK).replace(/^\uFEFF/, '')
  const body = withoutEdnComments(head)
  if (/^[[{]\s*(["\]}]|$)|^\[\s*[[{]\s*("|[\]}[{])/.test(body) && body === head.trimStart())
    return jsonFormat(body)
  if (/^[({[#]/.test(body)) return 'edn'
  if (/^\s*[rw]\(/.test(head)) return 'plume'
  if (/^\s*([rw]\s+\S+\s+\S+|={3,}|-{3,})\s*(\n|$)/.test(head)) return 'awdit'
  if (/(^|[\s:])(\d+|:nemesis)\s+:(invoke|ok|fail|info)\s+:\S/m.test(head)) return 'jepsen-log'
  return body === '' && head.trim() !== '' ? 'edn' : undefined
}

function jsonFormat(body: string): HistoryFormat {
  if (body.slice(0, 4096).includes('"quorate-history"')) return 'quorate'
  return /^\{\s*"sessions"|^\[\s*\[/.test(body) ? 'dbcop' : 'json'
}

function withoutEdnComments(text: string): string {
  let rest = text.trimStart()
  while (rest.startsWith(';')) {
    const newline = rest.indexOf('\n')
    rest = newline === -1 ? '' : rest.slice(newline + 1).trimStart()
  }
  return rest
}
