import type { History } from '../history.ts'
import { EdnReader } from './edn-reader.ts'
import { recordNemesis, type NemesisEvent } from './nemesis.ts'
import { HistoryBuilder } from './history-builder.ts'
import type { Source } from './source.ts'
import { inputOf, outputOf } from './vocabulary.ts'

/** `INFO  jepsen.util - 4 :invoke :cas [1 2]`, with anything before the process. */
const LINE = /(?:^|[\s:])(\d{1,15}|:nemesis)\s+:(invoke|ok|fail|info)\s+:([^\s:]+)[ \t]*(.*)$/

/**
 * Lines that Jepsen logs while a test of a register runs; other lines are passed over. Here `:fail` of a `cas`
 * means that it compared unequal, which is an answer; `:timed-out` means unknown, whatever the type.
 */
export function readJepsenLog(source: Source): History {
  const builder = new HistoryBuilder(source)
  const nemesis: NemesisEvent[] = []
  const { text } = source
  let line = 0
  for (let from = 0; from < text.length;) {
    const newline = text.indexOf('\n', from)
    const to = newline === -1 ? text.length : newline
    line++
    const found = LINE.exec(text.slice(from, Math.min(to, from + 10_000)))
    from = to + 1
    if (found === null) continue
    const [, who = '', type = '', op = '', rest = ''] = found
    const value = valueOf(source, rest, line)
    if (who === ':nemesis') {
      nemesis.push({ name: op, value, place: builder.place() })
      continue
    }
    const process = Number(who)
    if (type === 'invoke') {
      builder.invoke({ process, op, input: inputOf(op, value), line })
      continue
    }
    const open = builder.openOf(process)
    if (open === undefined)
      source.fail(
        line,
        `process ${process} completes ${op} without an invocation before it, or a second time`,
      )
    if (open.op !== op)
      source.fail(line, `process ${process} completes ${op}, but invoked ${open.op} in line ${open.line}`)
    if (type === 'info' || value === 'timed-out') builder.complete(open, 'unknown')
    else if (type === 'ok') builder.complete(open, 'ok', outputOf(op, value))
    else if (op === 'cas') builder.complete(open, 'ok', false)
    else builder.complete(open, 'fail')
  }
  if (builder.operations.length === 0) source.fail(undefined, 'no line of it is an operation')
  recordNemesis(nemesis, builder)
  return builder.history({ realTime: true, initial: null })
}

/** The first form of what is left of a line; Jepsen appends errors after it. */
function valueOf(source: Source, rest: string, line: number): unknown {
  if (rest.trim() === '') return null
  const single = source.within(rest)
  return new EdnReader(single, 0, line).read()
}
