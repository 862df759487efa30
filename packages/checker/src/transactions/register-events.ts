import { HistoryContentError } from '../errors.ts'
import type { Operation } from '../operation.ts'
import type { ValueIds } from './value-ids.ts'

/** The events of all transactions, in columns. */
export interface Events {
  readonly eventStart: Int32Array
  readonly eventTransaction: Int32Array
  /** 0 read, 1 write. */
  readonly eventKind: Uint8Array
  readonly eventKey: Int32Array
  /** -1 if nobody knows. */
  readonly eventValue: Int32Array
}

/** Turns operations into reads and writes. @throws HistoryContentError for what is neither. */
export function readEvents(operations: readonly Operation[], keys: ValueIds, values: ValueIds): Events {
  let capacity = 0
  for (const operation of operations) capacity += eventsOf(operation)
  const eventStart = new Int32Array(operations.length + 1)
  const eventTransaction = new Int32Array(capacity)
  const eventKind = new Uint8Array(capacity)
  const eventKey = new Int32Array(capacity)
  const eventValue = new Int32Array(capacity)
  let count = 0
  const add = (t: number, kind: 0 | 1, key: number, value: number): void => {
    eventTransaction[count] = t
    eventKind[count] = kind
    eventKey[count] = key
    eventValue[count++] = value
  }
  for (let t = 0; t < operations.length; t++) {
    const operation = operations[t]!
    const { op, status } = operation
    eventStart[t] = count
    if (op === 'read' || op === 'get') {
      if (status === 'ok') add(t, 0, keys.idOf(operation.key), values.idOf(operation.output))
    } else if (op === 'write' || op === 'put') {
      add(t, 1, keys.idOf(operation.key), values.idOf(operation.input))
    } else if (op === 'cas') {
      const [old, next] = casInput(operation)
      // One that compared unequal saw some other value, nobody knows which.
      if (status === 'ok' && operation.output === false) continue
      add(t, 0, keys.idOf(operation.key), values.idOf(old))
      add(t, 1, keys.idOf(operation.key), values.idOf(next))
    } else {
      for (const micro of microOperations(operation)) {
        const [name, key, value] = micro as [unknown, unknown, unknown]
        if (name === 'r' || name === 'read' || name === 'get')
          add(t, 0, keys.idOf(key), status === 'ok' ? values.idOf(value) : -1)
        else if (name === 'w' || name === 'write' || name === 'put')
          add(t, 1, keys.idOf(key), values.idOf(value))
        else throw wrong(operation, `'${String(name)}' is not a read or a write of a register`)
      }
    }
  }
  eventStart[operations.length] = count
  return {
    eventStart,
    eventTransaction: eventTransaction.subarray(0, count),
    eventKind: eventKind.subarray(0, count),
    eventKey: eventKey.subarray(0, count),
    eventValue: eventValue.subarray(0, count),
  }
}

const WRITES: ReadonlySet<unknown> = new Set(['w', 'write', 'put'])

/** At most. */
function eventsOf(operation: Operation): number {
  switch (operation.op) {
    case 'read':
    case 'get':
      return operation.status === 'ok' ? 1 : 0
    case 'write':
    case 'put':
      return 1
    case 'cas':
      return 2
    case 'txn':
      return microOperations(operation).length
    default:
      throw wrong(operation, `'${operation.op}' is not an operation of a register: read, write, cas or txn`)
  }
}

function microOperations(operation: Operation): readonly (readonly unknown[])[] {
  const { status, input, output } = operation
  const list = status === 'ok' ? (output ?? input) : (input ?? output)
  if (!Array.isArray(list) || !list.every((micro) => Array.isArray(micro) && micro.length >= 2))
    throw wrong(operation, "the output of a txn is a list of ['r' | 'w', key, value]")
  if (status === 'ok' && list !== output && list.some(([name]) => !WRITES.has(name)))
    throw wrong(operation, 'it completed and read, but its output does not say what')
  return list as unknown[][]
}

function casInput(operation: Operation): readonly [unknown, unknown] {
  const { input } = operation
  if (!Array.isArray(input) || input.length !== 2) throw wrong(operation, 'the input of a cas is [old, new]')
  return input as [unknown, unknown]
}

const wrong = (operation: Operation, reason: string): HistoryContentError =>
  new HistoryContentError(operation.index, reason, operation.line)
