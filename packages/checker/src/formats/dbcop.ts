import type { History } from '../history.ts'
import type { Key, MicroOperation } from '../operation.ts'
import { HistoryBuilder } from './history-builder.ts'
import type { JsonReader } from './json-reader.ts'
import { asked } from './sessions.ts'
import { excerpt, type Source } from './source.ts'

/**
 * dbcop: a list of sessions, each a list of transactions `{ committed, events: [["r", key, value], …] }`.
 * 0 and `null` stand for the initial value.
 */
export function readDbcop(source: Source, reader: JsonReader, document: unknown): History {
  const builder = new HistoryBuilder(source)
  const sessions = Array.isArray(document) ? document : (document as { sessions: unknown[] }).sessions
  let line = 1
  for (const [session, transactions] of sessions.entries()) {
    if (!Array.isArray(transactions)) source.fail(line, `session ${session} is not a list of transactions`)
    for (const transaction of transactions as unknown[]) {
      line = reader.lineOf.get(transaction as object) ?? line
      const { events, committed } = (transaction ?? {}) as { events?: unknown; committed?: unknown }
      if (!Array.isArray(events))
        source.fail(line, `a transaction of session ${session} has no list of events`)
      if (typeof committed !== 'boolean') source.fail(line, 'committed must be true or false')
      const steps = (events as unknown[]).map((event) => stepOf(source, event, line))
      builder.transaction(session, committed ? 'ok' : 'fail', line, asked(steps), steps)
    }
  }
  return builder.history({ realTime: false, initial: 0 })
}

function stepOf(source: Source, event: unknown, line: number): MicroOperation {
  if (Array.isArray(event) && event.length === 3) {
    const [op, key, value] = event as unknown[]
    if ((op === 'r' || op === 'w') && (typeof key === 'string' || typeof key === 'number'))
      return [op, key satisfies Key, value]
  }
  return source.fail(
    line,
    `${excerpt(JSON.stringify(event, bigintAsText) ?? 'nothing')} is not ["r" or "w", key, value]`,
  )
}

const bigintAsText = (_key: string, value: unknown): unknown =>
  typeof value === 'bigint' ? String(value) : value
