import type { History } from '../history.ts'
import { readDbcop } from './dbcop.ts'
import { EventReader } from './events.ts'
import { HistoryBuilder } from './history-builder.ts'
import { JsonReader } from './json-reader.ts'
import { readQuorate } from './quorate-json.ts'
import type { Source } from './source.ts'

/** The formats that are JSON. */
export type JsonFormat = 'json' | 'dbcop' | 'quorate'

/** A JSON document, or JSON lines, of the format that its shape shows. */
export function readJson(source: Source, wanted?: JsonFormat): History {
  const reader = new JsonReader(source)
  const first = reader.read()
  if (!reader.atEnd) return readEvents(source, reader, rest(first, reader))
  const format = formatOf(first)
  if (wanted !== undefined && wanted !== format) source.fail(1, `it is JSON, but not of the format ${wanted}`)
  if (format === 'quorate') return readQuorate(source, reader, first as Record<string, unknown>)
  if (format === 'dbcop') return readDbcop(source, reader, first)
  return readEvents(source, reader, eventsIn(first))
}

function formatOf(document: unknown): JsonFormat {
  if (isObject(document)) {
    if (document['format'] === 'quorate-history') return 'quorate'
    if (Array.isArray(document['sessions'])) return 'dbcop'
  }
  if (Array.isArray(document) && document.length > 0 && document.every((one) => Array.isArray(one)))
    return 'dbcop'
  return 'json'
}

function* rest(first: unknown, reader: JsonReader): Generator {
  yield first
  while (!reader.atEnd) yield reader.read()
}

function eventsIn(document: unknown): Iterable<unknown> {
  if (Array.isArray(document)) return document
  if (isObject(document) && Array.isArray(document['history'])) return document['history']
  return [document]
}

/** `{ type, process, f, value }`, as Elle and Jepsen have it. */
function readEvents(source: Source, reader: JsonReader, entries: Iterable<unknown>): History {
  const builder = new HistoryBuilder(source)
  const events = new EventReader(source, builder)
  for (const entry of entries) events.add(entry, reader.lineOf.get(entry as object) ?? 1)
  events.finish()
  return builder.history({ realTime: true })
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}
