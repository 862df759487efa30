import { HistoryContentError } from '../errors.ts'
import type { History } from '../history.ts'
import type { Key, Operation, Process } from '../operation.ts'
import { Interner, valueKey } from '../value.ts'

/** What a transaction is worth as evidence. */
export const COMMITTED = 0
/** Crashed: committed if somebody saw a write of it, else nothing is said about it. */
export const UNKNOWN = 1
export const ABORTED = 2

/** No element: of a read, that the object was in its initial state. */
export const NONE = -1

/**
 * Transactions in flat arrays. A *transaction* is known by its place in `history.operations`. An *element* is one
 * value of one key: what an append adds, or what a write sets; the same value under another key is another element.
 */
export interface Transactions {
  readonly history: History
  readonly count: number
  /** {@link COMMITTED}, {@link UNKNOWN} or {@link ABORTED}. */
  readonly status: Uint8Array
  readonly process: Int32Array
  readonly processes: Interner
  /** Micro-operations of transaction `t`: from `first[t]` to `first[t + 1]`. */
  readonly first: Int32Array
  readonly isWrite: Uint8Array
  readonly key: Int32Array
  /** Of a write: its element. Of a read of a register: the element seen or {@link NONE}. Of a read of a list: a place in `lists`. */
  readonly value: Int32Array
  /** Transaction of each micro-operation. */
  readonly owner: Int32Array
  readonly keys: Interner
  readonly lists: readonly (readonly unknown[])[]
  readonly elements: Elements
}

/** All elements, by number. */
export class Elements {
  readonly #byKey: Map<unknown, number>[] = []
  readonly #key: number[] = []
  readonly #value: unknown[] = []
  /** The micro-operation that wrote it; {@link NONE} if nobody did. */
  readonly writer: number[] = []
  /** Written by several transactions of which more than one may have committed: the others have twins of it. */
  readonly ambiguous: Set<number> = new Set()
  readonly #twinOf = new Map<number, number>()

  get size(): number {
    return this.#key.length
  }

  idOf(key: number, value: unknown): number {
    // A structure cannot be mistaken for a text: texts of values that are texts begin with a quote only inside.
    const plain = typeof value !== 'object' || value === null ? value : `\u0000${valueKey(value)}`
    let ids = this.#byKey[key]
    if (ids === undefined) this.#byKey[key] = ids = new Map()
    let id = ids.get(plain)
    if (id === undefined) {
      id = this.#key.length
      ids.set(plain, id)
      this.#key.push(key)
      this.#value.push(value)
      this.writer.push(NONE)
    }
    return id
  }

  /** One more element of the same key and value, for another transaction that wrote it. No read is of it. */
  twinOf(element: number): number {
    this.ambiguous.add(element)
    const twin = this.#key.length
    this.#key.push(this.#key[element]!)
    this.#value.push(this.#value[element])
    this.writer.push(NONE)
    this.#twinOf.set(twin, element)
    return twin
  }

  /** The element that reads of this one's value are of: itself, unless it is a twin. */
  seenAs(element: number): number {
    return this.#twinOf.get(element) ?? element
  }

  keyOf(element: number): number {
    return this.#key[element]!
  }

  valueOf(element: number): unknown {
    return this.#value[element]
  }
}

export const keyName = (txns: Transactions, key: number): Key => txns.keys.valueOf(key) as Key
export const processName = (txns: Transactions, txn: number): Process =>
  txns.processes.valueOf(txns.process[txn]!) as Process
/** Bytes per micro-operation in the arrays and maps above, roughly. */
const BYTES_PER_STEP = 80

export const bytesOf = (txns: Transactions): number => txns.owner.length * BYTES_PER_STEP

/** Reads a history as transactions over lists or over registers. */
export function readTransactions(history: History, model: 'list-append' | 'rw-register'): Transactions {
  const { operations } = history
  const count = operations.length
  const status = new Uint8Array(count)
  const process = new Int32Array(count)
  const first = new Int32Array(count + 1)
  const processes = new Interner()
  const keys = new Interner()
  const elements = new Elements()
  const lists: (readonly unknown[])[] = []
  const isWrite: number[] = []
  const key: number[] = []
  const value: number[] = []
  const owner: number[] = []
  const writeName = model === 'list-append' ? 'append' : 'w'
  for (let t = 0; t < count; t++) {
    const operation = operations[t] as Operation
    first[t] = owner.length
    const state = operation.status === 'ok' ? COMMITTED : operation.status === 'unknown' ? UNKNOWN : ABORTED
    status[t] = state
    process[t] = processes.idOf(operation.process)
    for (const step of stepsOf(operation)) {
      const [name, stepKey, seen] = microOperation(operation, step)
      const reads = isRead(step)
      if (!reads && name !== writeName && !(name === 'write' && model === 'rw-register')) {
        refuse(operation, `a transaction over ${model} has steps 'r' and '${writeName}', not ${quote(name)}`)
      }
      // What a transaction saw that did not complete is not known, and what an aborted one saw does not matter.
      if (reads && state !== COMMITTED) continue
      const k = keys.idOf(stepKey)
      owner.push(t)
      key.push(k)
      isWrite.push(reads ? 0 : 1)
      if (!reads) value.push(addWrite(elements, k, seen, owner.length - 1, owner, status))
      else if (model === 'list-append') {
        value.push(lists.length)
        lists.push(listOf(operation, seen))
      } else value.push(seen === null || seen === undefined ? NONE : elements.idOf(k, seen))
    }
  }
  first[count] = owner.length
  return {
    history,
    count,
    status,
    process,
    processes,
    first,
    isWrite: Uint8Array.from(isWrite),
    key: Int32Array.from(key),
    value: Int32Array.from(value),
    owner: Int32Array.from(owner),
    keys,
    lists,
    elements,
  }
}

/** The element that step `at` writes: one of its own if another transaction that may have committed wrote the same. */
function addWrite(
  elements: Elements,
  key: number,
  value: unknown,
  at: number,
  owner: readonly number[],
  status: Uint8Array,
): number {
  const element = elements.idOf(key, value ?? null)
  const before = elements.writer[element]!
  if (before === NONE) {
    elements.writer[element] = at
    return element
  }
  const was = status[owner[before]!] as number
  const is = status[owner[at]!] as number
  if (owner[before] !== owner[at] && was !== ABORTED && is !== ABORTED) {
    const twin = elements.twinOf(element)
    elements.writer[twin] = at
    return twin
  }
  if (is <= was) elements.writer[element] = at
  return element
}

/** The steps of an operation; one that is not a transaction is one with a single step. */
function stepsOf(operation: Operation): readonly unknown[] {
  const { op, key, input, output, status } = operation
  if (op === 'txn') {
    const steps = status === 'ok' && output !== undefined && output !== null ? output : input
    if (!Array.isArray(steps)) return refuse(operation, 'a transaction is a list of steps')
    if (status === 'ok' && steps !== output && steps.some(isRead))
      return refuse(operation, 'it completed and read, but its output does not say what')
    return steps
  }
  if (key !== undefined) {
    if (op === 'read' || op === 'get' || op === 'r') return [['r', key, output]]
    if (op === 'write' || op === 'put' || op === 'w') return [['w', key, input]]
    if (op === 'append') return [['append', key, input]]
  }
  return refuse(
    operation,
    `${quote(op)} is no transaction: expected 'txn', or 'read', 'write' or 'append' with a key`,
  )
}

function isRead(step: unknown): boolean {
  const name: unknown = Array.isArray(step) ? step[0] : undefined
  return name === 'r' || name === 'read' || name === ':r' || name === ':read'
}

function microOperation(operation: Operation, step: unknown): readonly [string, Key, unknown] {
  if (!Array.isArray(step) || step.length < 2) return refuse(operation, 'a step is [op, key, value]')
  const [name, key, value] = step as unknown[]
  if (typeof name !== 'string') return refuse(operation, 'the first entry of a step is its name')
  if (typeof key !== 'string' && typeof key !== 'number') {
    return refuse(operation, 'the key of a step is a text or a number')
  }
  return [name.startsWith(':') ? name.slice(1) : name, key, value]
}

function listOf(operation: Operation, seen: unknown): readonly unknown[] {
  if (seen === null || seen === undefined) return []
  return Array.isArray(seen) ? seen : refuse(operation, 'a read of list-append sees a list')
}

const quote = (value: unknown): string => JSON.stringify(value) ?? String(value)

function refuse(operation: Operation, reason: string): never {
  throw new HistoryContentError(operation.index, reason, operation.line)
}
