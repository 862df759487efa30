import type { Key, Process } from '../operation.ts'
import type { HistoryBuilder } from './history-builder.ts'
import { recordNemesis, type NemesisEvent } from './nemesis.ts'
import { shown, type Source } from './source.ts'
import { inputOf, outputOf } from './vocabulary.ts'

/** One entry of a history as Jepsen writes it: `{:type :invoke, :process 3, :f :read, :value nil, :time 12}`. */
export type EventMap = Readonly<Record<string, unknown>>

/** Reads such entries, one by one, into a history. */
export class EventReader {
  readonly #source: Source
  readonly #builder: HistoryBuilder
  readonly #nemesis: NemesisEvent[] = []
  #firstTime: number | undefined

  constructor(source: Source, builder: HistoryBuilder) {
    this.#source = source
    this.#builder = builder
  }

  add(event: unknown, line: number): void {
    if (typeof event !== 'object' || event === null || Array.isArray(event))
      this.#source.fail(
        line,
        `${shown(event)} where an operation is expected, a map with type, process and value`,
      )
    const fields = event as EventMap
    const { type, process, value } = fields
    if (type !== 'invoke' && type !== 'ok' && type !== 'fail' && type !== 'info')
      this.#source.fail(line, `the type must be invoke, ok, fail or info, not ${shown(type)}`)
    const timeMs = this.#timeMs(fields['time'], line)
    const op = this.#nameOf(fields, line)
    if (process === 'nemesis' || (typeof process === 'string' && type === 'info' && !this.#isOpen(process))) {
      this.#nemesis.push({ name: op, value, place: this.#builder.place(), timeMs })
      return
    }
    const who = this.#process(process, line)
    if (type === 'invoke') {
      const key = this.#key(fields['key'], line)
      this.#builder.invoke({ process: who, op, key, input: inputOf(op, value), line, timeMs })
      return
    }
    const open = this.#builder.openOf(who)
    if (open === undefined)
      this.#source.fail(
        line,
        `process ${who} completes ${op} without an invocation before it, or a second time`,
      )
    if (open.op !== op)
      this.#source.fail(line, `process ${who} completes ${op}, but invoked ${open.op} in line ${open.line}`)
    const status = type === 'info' ? 'unknown' : type
    this.#builder.complete(open, status, status === 'ok' ? outputOf(op, value) : undefined, timeMs)
  }

  /** To be called once, after the last entry. */
  finish(): void {
    recordNemesis(this.#nemesis, this.#builder)
  }

  #isOpen(process: Process): boolean {
    return this.#builder.openOf(process) !== undefined
  }

  #nameOf(fields: EventMap, line: number): string {
    const { f, value } = fields
    if (typeof f === 'string' && f !== '') return f
    if (f === undefined && (Array.isArray(value) || value === null || value === undefined)) return 'txn'
    return this.#source.fail(line, 'f, the name of the operation, is missing')
  }

  #process(process: unknown, line: number): Process {
    if (typeof process === 'string' || Number.isSafeInteger(process)) return process as Process
    return this.#source.fail(line, `the process must be a name or a whole number, not ${shown(process)}`)
  }

  #key(key: unknown, line: number): Key | undefined {
    if (key === undefined || key === null) return undefined
    if (typeof key === 'string' || (typeof key === 'number' && Number.isFinite(key))) return key
    return this.#source.fail(line, 'the key must be a text or a number')
  }

  /** Jepsen counts nanoseconds; the picture wants ms since the history began. */
  #timeMs(time: unknown, line: number): number | undefined {
    if (time === undefined || time === null) return undefined
    if (typeof time !== 'number' && typeof time !== 'bigint')
      this.#source.fail(line, `the time must be a number, not ${shown(time)}`)
    const timeMs = Number(time) / 1e6
    this.#firstTime ??= timeMs
    return timeMs - this.#firstTime
  }
}
