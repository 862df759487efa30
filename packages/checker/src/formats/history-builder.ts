import type { Fault, History } from '../history.ts'
import type { Key, Operation, Process, Status } from '../operation.ts'
import type { Source } from './source.ts'

type Mutable<T> = { -readonly [P in keyof T]: T[P] }
/** An operation while its history is being read. */
export type DraftOperation = Mutable<Operation>
export type DraftFault = Mutable<Fault>

export interface Invocation {
  readonly process: Process
  readonly op: string
  readonly key?: Key | undefined
  readonly input?: unknown
  readonly line: number
  readonly timeMs?: number | undefined
}

/**
 * Builds a history from its events in their order. Every event takes one place on the time line, so `start` and
 * `end` are the numbers of events in the file, from 0.
 */
export class HistoryBuilder {
  readonly operations: DraftOperation[] = []
  readonly faults: DraftFault[] = []
  readonly #open = new Map<Process, DraftOperation>()
  readonly #source: Source
  #places = 0

  constructor(source: Source) {
    this.#source = source
  }

  /** The place of an event. */
  place(): number {
    return this.#places++
  }

  openOf(process: Process): DraftOperation | undefined {
    return this.#open.get(process)
  }

  invoke({ process, op, key, input, line, timeMs }: Invocation): DraftOperation {
    const open = this.#open.get(process)
    if (open !== undefined)
      this.#source.fail(
        line,
        `process ${process} begins ${op} while its ${open.op} of line ${open.line} goes on`,
      )
    const operation: DraftOperation = {
      index: this.#nextIndex(line),
      process,
      op,
      key,
      input,
      output: undefined,
      status: 'unknown',
      start: this.place(),
      end: Infinity,
      startMs: timeMs,
      endMs: undefined,
      line,
    }
    this.operations.push(operation)
    this.#open.set(process, operation)
    return operation
  }

  complete(operation: DraftOperation, status: Status, output?: unknown, timeMs?: number): void {
    this.#open.delete(operation.process)
    const place = this.place()
    operation.status = status
    operation.output = output
    operation.endMs = timeMs
    if (status !== 'unknown') operation.end = place
  }

  /** A transaction of a format that lists what each session did, one after the other. */
  transaction(process: Process, status: 'ok' | 'fail', line: number, input: unknown, output: unknown): void {
    this.operations.push({
      index: this.#nextIndex(line),
      process,
      op: 'txn',
      input,
      output: status === 'ok' ? output : undefined,
      status,
      start: this.place(),
      end: this.place(),
      line,
    })
  }

  history(facts: Pick<History, 'realTime'> & Partial<History>): History {
    return { operations: this.operations, faults: this.faults, ...facts }
  }

  #nextIndex(line: number): number {
    const { maxOperations } = this.#source.limits
    const index = this.operations.length
    if (index >= maxOperations)
      this.#source.fail(line, `more than ${maxOperations} operations (maxOperations)`)
    return index
  }
}
