import type { History } from '../history.ts'
import type { MicroOperation } from '../operation.ts'
import { HistoryBuilder } from './history-builder.ts'
import { TransactionList } from './sessions.ts'
import { excerpt, type Source } from './source.ts'

const LINE = /^\s*([rw])\(\s*(-?\d{1,15})\s*,\s*(-?\d{1,15})\s*,\s*(-?\d{1,15})\s*,\s*(-?\d{1,15})\s*\)\s*$/

/**
 * Plume and PolySI text: `r(key,value,session,transaction)` or `w(…)`, one step per line, in the order in which the
 * session did it. Value 0 is the initial one, transaction -1 an aborted one.
 */
export function readPlume(source: Source): History {
  const builder = new HistoryBuilder(source)
  const sessions = new Map<number, { id: number; ids: Set<number>; list: TransactionList }>()
  const { text } = source
  let line = 0
  for (let from = 0; from < text.length;) {
    const newline = text.indexOf('\n', from)
    const to = newline === -1 ? text.length : newline
    line++
    const row = text.slice(from, to)
    from = to + 1
    const found = LINE.exec(row)
    if (found === null) {
      if (row.trim() === '' || row.startsWith('#')) continue
      source.fail(line, `${excerpt(row)} is not r(key,value,session,transaction) or w(…)`)
    }
    source.countValue(line)
    const [key, value, session, id] = [Number(found[2]), Number(found[3]), Number(found[4]), Number(found[5])]
    let current = sessions.get(session)
    if (current === undefined)
      sessions.set(session, (current = { id, ids: new Set([id]), list: new TransactionList(session) }))
    else if (current.id !== id) {
      if (id !== -1 && current.ids.has(id))
        source.fail(line, `session ${session} goes back to transaction ${id} after it began another one`)
      current.id = id
      current.ids.add(id)
      current.list.next()
    }
    current.list.add([found[1] as string, key, value] satisfies MicroOperation, line, id === -1)
  }
  for (const { list } of sessions.values()) list.flush(builder)
  if (builder.operations.length === 0) source.fail(undefined, 'no line of it is an operation')
  return builder.history({ realTime: false, initial: 0 })
}
