import type { History } from '../history.ts'
import type { MicroOperation } from '../operation.ts'
import { EdnReader } from './edn-reader.ts'
import { EventReader } from './events.ts'
import { type DraftOperation, HistoryBuilder } from './history-builder.ts'
import type { Source } from './source.ts'

const REGISTER_OPS: ReadonlySet<string> = new Set(['read', 'write', 'cas'])
const KV_OPS: ReadonlySet<string> = new Set(['get', 'put', 'append'])

/**
 * Histories as Jepsen, Knossos and Elle write them: maps, one after the other or in one vector or list; and
 * Porcupine's key-value logs, which are such maps with `:key`.
 */
export function readEdn(source: Source, model: string | undefined): History {
  const builder = new HistoryBuilder(source)
  const events = new EventReader(source, builder)
  const reader = new EdnReader(source)
  const longNames = { seen: false }
  const add = (): void => {
    const { line } = reader
    const event = reader.read()
    longNames.seen ||= hasLongMicroNames(event)
    events.add(event, line)
  }
  const first = reader.peek()
  const close = first === '[' ? ']' : first === '(' ? ')' : undefined
  if (close === undefined) while (reader.peek() !== undefined) add()
  else {
    const opened = reader.line
    reader.advance()
    for (;;) {
      const next = reader.peek()
      if (next === undefined)
        source.fail(reader.line, `it ends before the "${close}" of what line ${opened} opens; is it cut off?`)
      if (next === close) break
      add()
    }
    reader.advance()
    if (reader.peek() !== undefined) source.fail(reader.line, 'something follows the end of the history')
  }
  events.finish()
  return asModel(builder, model ?? modelOf(builder.operations, longNames.seen))
}

function modelOf(operations: readonly DraftOperation[], longMicroNames: boolean): string | undefined {
  if (operations.length === 0) return undefined
  if (operations.every(({ op }) => REGISTER_OPS.has(op))) return 'cas-register'
  if (operations.every(({ op, key }) => KV_OPS.has(op) && key !== undefined)) return 'kv'
  if (longMicroNames && operations.every(({ op }) => op === 'txn')) return 'multi-register'
  return undefined
}

/** Knossos spells steps `:read` and `:write`, Elle `:r` and `:w`; only in the latter is nil a value. */
function hasLongMicroNames(event: unknown): boolean {
  if (typeof event !== 'object' || event === null) return false
  const { value } = event as { value?: unknown }
  if (!Array.isArray(value) || !Array.isArray(value[0])) return false
  const name: unknown = value[0][0]
  return name === 'read' || name === 'write'
}

/** Conventions of the models these files were written for: initial values, and reads that say nothing. */
function asModel(builder: HistoryBuilder, model: string | undefined): History {
  switch (model ?? '') {
    case 'register':
    case 'cas-register':
      splitKeys(builder.operations)
      // In Knossos a read of nil is one whose answer nobody kept: it fits every state.
      for (const operation of builder.operations)
        if (operation.op === 'read' && operation.output === null) operation.output = undefined
      return builder.history({ realTime: true, initial: 0 })
    case 'multi-register':
      for (const operation of builder.operations) {
        if (operation.status !== 'ok' || !Array.isArray(operation.output)) continue
        const told = (operation.output as MicroOperation[]).filter(
          ([op, , value]) => op !== 'r' || value !== null,
        )
        operation.output = told.length === 0 ? undefined : told
      }
      return builder.history({ realTime: true, initial: 0 })
    case 'kv':
      return builder.history({ realTime: true, initial: '' })
    default:
      return builder.history({ realTime: true })
  }
}

/**
 * `jepsen.independent` runs one register per key and writes `[key value]` for every value. That is what it is if
 * every value is a pair and every cas has a pair in its pair.
 */
function splitKeys(operations: readonly DraftOperation[]): void {
  const isPair = (value: unknown): value is [string | number, unknown] =>
    Array.isArray(value) &&
    value.length === 2 &&
    (typeof value[0] === 'string' || typeof value[0] === 'number')
  const valuesOf = ({ op, input, output, status }: DraftOperation): unknown[] =>
    op === 'read' ? (status === 'ok' ? [output] : []) : [input]
  const isIndependent = operations.every((operation) =>
    valuesOf(operation).every((value) => isPair(value) && (operation.op !== 'cas' || isPair(value[1]))),
  )
  if (!isIndependent || operations.length === 0) return
  for (const operation of operations) {
    const pair = (operation.op === 'read' ? operation.output : operation.input) as [string | number, unknown]
    if (operation.op === 'read' && operation.status !== 'ok') continue // says nothing about any key
    operation.key = pair[0]
    if (operation.op === 'read') operation.output = pair[1]
    else operation.input = pair[1]
  }
}
