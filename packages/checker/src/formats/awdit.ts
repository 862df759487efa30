import type { History } from '../history.ts'
import type { Key } from '../operation.ts'
import { HistoryBuilder } from './history-builder.ts'
import { integerOf } from './numbers.ts'
import { TransactionList } from './sessions.ts'
import { excerpt, type Source } from './source.ts'

const STEP = /^([rw])\s+(\S+)\s+(\S+)$/

/**
 * AWDIT test text: `r key value` or `w key value`; a line of dashes begins the next transaction, one of equal
 * signs the next session. There is no initial value: what is read was written.
 */
export function readAwdit(source: Source): History {
  const builder = new HistoryBuilder(source)
  let session = 0
  let list = new TransactionList(session)
  let line = 0
  const all = source.text
  for (let from = 0; from < all.length;) {
    const newline = all.indexOf('\n', from)
    const to = newline === -1 ? all.length : newline
    line++
    const text = all.slice(from, to).trim()
    from = to + 1
    if (text === '') continue
    source.countValue(line)
    if (/^-{3,}$/.test(text)) list.next()
    else if (/^={3,}$/.test(text)) {
      list.flush(builder)
      list = new TransactionList(++session)
    } else {
      const found = STEP.exec(text)
      if (found === null)
        source.fail(line, `${excerpt(text)} is not "r key value", "w key value", "-----" or "====="`)
      const number = (token: string): unknown =>
        /^-?\d+$/.test(token) ? integerOf(token, (reason) => source.fail(line, reason)) : token
      const key = number(found[2] as string)
      list.add(
        [
          found[1] as string,
          (typeof key === 'bigint' ? String(key) : key) as Key,
          number(found[3] as string),
        ],
        line,
      )
    }
  }
  list.flush(builder)
  if (builder.operations.length === 0) source.fail(undefined, 'no line of it is an operation')
  return builder.history({ realTime: false })
}
