import type { Fault, History } from '../history.ts'
import type { Key, Operation, Process, Status } from '../operation.ts'
import type { JsonReader } from './json-reader.ts'
import { shown, type Source } from './source.ts'

/** Of what {@link serializeHistory} writes. A version that this reader does not know is refused. */
const VERSION = 1

type Fields = Readonly<Record<string, unknown>>

/** A history as a plain object, for `JSON.stringify`. What never ended has no `end`. */
export function historyToJson(history: History): Record<string, unknown> {
  return {
    format: 'quorate-history',
    version: VERSION,
    name: history.name,
    realTime: history.realTime,
    initial: history.initial,
    faults: history.faults.map((fault) => ({ ...fault, end: finite(fault.end) })),
    operations: history.operations.map(
      ({ process, op, key, input, output, status, start, end, startMs, endMs }) => ({
        process,
        op,
        key,
        input,
        output,
        status,
        start,
        end: finite(end),
        startMs,
        endMs,
      }),
    ),
  }
}

/**
 * A history as text that {@link parseHistory} reads back: JSON, one operation per line. Values are kept as JSON
 * keeps them; a `bigint` is written as a number, and read back as one if a `number` holds it exactly.
 *
 * @throws TypeError for a value that JSON has no word for: `NaN`, `Infinity`, a function, a symbol, a cycle.
 */
export function serializeHistory(history: History): string {
  const { operations, faults, ...facts } = historyToJson(history) as {
    operations: object[]
    faults: object[]
  }
  const head = written(facts, 'the history').slice(1, -1)
  const rows = (items: readonly object[], what: string): string =>
    items.length === 0 ? '[]' : `[\n${items.map((item, i) => written(item, `${what} #${i}`)).join(',\n')}\n]`
  return `{${head},\n"faults":${rows(faults, 'fault')},\n"operations":${rows(operations, 'operation')}}\n`
}

const finite = (place: number): number | undefined => (place === Infinity ? undefined : place)

function written(value: unknown, where: string): string {
  let hasLarge = false
  const json = JSON.stringify(value, (_key, field: unknown) => {
    if (typeof field === 'bigint' || isLarge(field)) {
      hasLarge = true
      return null
    }
    if (typeof field === 'number' && !Number.isFinite(field))
      throw new TypeError(`Cannot serialize ${where}: JSON has no word for ${field}`)
    if (typeof field === 'function' || typeof field === 'symbol')
      throw new TypeError(`Cannot serialize ${where}: JSON has no word for a ${typeof field}`)
    return field
  })
  return hasLarge ? withLarge(value) : json
}

/** A `number` that reads back as `bigint` if it is written as plain digits. */
function isLarge(value: unknown): value is number {
  return Number.isInteger(value) && !Number.isSafeInteger(value)
}

/** `JSON.stringify` for what passed through it already, except that it keeps large numbers and `bigint` apart. */
function withLarge(value: unknown): string {
  if (typeof value === 'bigint') return String(value)
  if (isLarge(value)) return /^-?\d+$/.test(String(value)) ? `${value}.0` : String(value)
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null'
  if ('toJSON' in value) return JSON.stringify(value)
  if (Array.isArray(value)) return `[${value.map(withLarge).join(',')}]`
  const fields = Object.entries(value).filter(([, field]) => field !== undefined)
  return `{${fields.map(([name, field]) => `${JSON.stringify(name)}:${withLarge(field)}`).join(',')}}`
}

/** Reads what {@link serializeHistory} wrote, and trusts none of it. */
export function readQuorate(source: Source, reader: JsonReader, document: Fields): History {
  const { version, name, realTime, operations, faults } = document
  if (version !== VERSION)
    source.fail(1, `version ${shown(version)} is not one that this reader knows (${VERSION})`)
  if (typeof realTime !== 'boolean') source.fail(1, 'realTime must be true or false')
  if (name !== undefined && typeof name !== 'string') source.fail(1, 'name must be a text')
  if (!Array.isArray(operations) || !Array.isArray(faults))
    source.fail(1, 'operations and faults must be lists')
  if (operations.length > source.limits.maxOperations)
    source.fail(1, `more than ${source.limits.maxOperations} operations (maxOperations)`)
  const check = (item: unknown): Checked => new Checked(source, reader.lineOf.get(item as object) ?? 1, item)
  const read = operations.map((item) => operationOf(check(item))).toSorted((a, b) => a.start - b.start)
  mustFitTogether(source, read)
  return {
    operations: read.map((operation, index) => ({ ...operation, index })),
    faults: faults.map((item) => faultOf(check(item))),
    realTime,
    ...(document['initial'] === undefined ? {} : { initial: document['initial'] }),
    ...(name === undefined ? {} : { name }),
  }
}

/** Fields of an object, each of the type that is asked for. */
class Checked {
  readonly line: number
  readonly #source: Source
  readonly #fields: Fields

  constructor(source: Source, line: number, item: unknown) {
    this.#source = source
    this.line = line
    if (typeof item !== 'object' || item === null || Array.isArray(item))
      source.fail(line, 'an object is expected')
    this.#fields = item as Fields
  }

  raw(name: string): unknown {
    return this.#fields[name]
  }

  text(name: string): string {
    const value = this.#fields[name]
    return typeof value === 'string' && value !== '' ? value : this.fail(`${name} must be a text`)
  }

  textOrNumber(name: string): string | number {
    const value = this.#fields[name]
    return typeof value === 'string' || (typeof value === 'number' && Number.isFinite(value))
      ? value
      : this.fail(`${name} must be a text or a number`)
  }

  place(name: string): number {
    const value = this.#fields[name]
    return Number.isSafeInteger(value) && (value as number) >= 0
      ? (value as number)
      : this.fail(`${name} must be a whole number from 0`)
  }

  milliseconds(name: string): { [field: string]: number } {
    const value = this.#fields[name]
    if (value === undefined) return {}
    return typeof value === 'number' ? { [name]: value } : this.fail(`${name} must be a number`)
  }

  fail(reason: string): never {
    return this.#source.fail(this.line, reason)
  }
}

function operationOf(fields: Checked): Operation {
  const status = fields.raw('status')
  if (status !== 'ok' && status !== 'fail' && status !== 'unknown')
    fields.fail('status must be ok, fail or unknown')
  const start = fields.place('start')
  const end = fields.raw('end') === undefined ? Infinity : fields.place('end')
  if (!(end > start)) fields.fail('end must come after start')
  if ((end === Infinity) !== (status === 'unknown'))
    fields.fail('an operation ends exactly if its status is ok or fail')
  return {
    index: 0,
    process: fields.textOrNumber('process') satisfies Process,
    op: fields.text('op'),
    ...(fields.raw('key') === undefined ? {} : { key: fields.textOrNumber('key') satisfies Key }),
    ...(fields.raw('input') === undefined ? {} : { input: fields.raw('input') }),
    ...(fields.raw('output') === undefined ? {} : { output: fields.raw('output') }),
    status: status satisfies Status,
    start,
    end,
    ...fields.milliseconds('startMs'),
    ...fields.milliseconds('endMs'),
    line: fields.line,
  }
}

function faultOf(fields: Checked): Fault {
  const targets = fields.raw('targets')
  if (!Array.isArray(targets) || !targets.every((one) => typeof one === 'string'))
    fields.fail('targets must be a list of names')
  const start = fields.place('start')
  const end = fields.raw('end') === undefined ? Infinity : fields.place('end')
  if (!(end > start)) fields.fail('end must come after start')
  return {
    name: fields.text('name'),
    targets,
    start,
    end,
    ...fields.milliseconds('startMs'),
    ...fields.milliseconds('endMs'),
    ...(fields.raw('detail') === undefined ? {} : { detail: fields.text('detail') }),
  }
}

/** Places are taken once, and a process does one thing at a time. */
function mustFitTogether(source: Source, operations: readonly Operation[]): void {
  const taken = new Set<number>()
  const last = new Map<Process, Operation>()
  for (const operation of operations) {
    for (const place of [operation.start, operation.end]) {
      if (place === Infinity) continue
      if (taken.has(place)) source.fail(operation.line, `place ${place} is taken twice`)
      taken.add(place)
    }
    const before = last.get(operation.process)
    if (before !== undefined && before.status !== 'unknown' && before.end > operation.start)
      source.fail(
        operation.line,
        `process ${operation.process} begins before its operation of line ${before.line} ends`,
      )
    last.set(operation.process, operation)
  }
}
