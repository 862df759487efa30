import { historyToJson } from './formats/quorate-json.ts'
import type { Fault, History } from './history.ts'
import type { Key, Operation, Process, Status } from './operation.ts'
import { systemMonotonic } from './system-clock.ts'

/** What is about to be done, in the words of a model: see {@link Operation}. */
export interface CallDescription {
  readonly process: Process
  readonly op: string
  readonly key?: Key | undefined
  readonly input?: unknown
}

/** Did an operation that threw happen? `undefined`: ask the error itself. */
export type ClassifyError = (error: unknown) => 'fail' | 'unknown' | undefined

/** Options of {@link createHistory}. */
export interface CreateHistoryOptions {
  /** For the times in a picture only; the order is by count. Default: the machine's. */
  readonly clock?: { monotonic(): number } | undefined
  /** For messages and the title of the picture. */
  readonly name?: string | undefined
  /** The value every object has before its first write. Default: what the model says. */
  readonly initial?: unknown
  /**
   * Decides for errors of your driver whether the operation did not happen (`fail`) or may have (`unknown`).
   * Default, and where it returns `undefined`: `fail` if `error.outcome` is `'not-applied'`, else `unknown`.
   */
  readonly classify?: ClassifyError | undefined
}

/** One operation between its start and its answer. Each can be answered once. */
export interface RecordedCall {
  /** Index of the operation. */
  readonly index: number
  /** It happened. @throws TypeError if it has been answered. */
  ok(output?: unknown): void
  /** It did not happen and never will. @throws TypeError if it has been answered. */
  fail(): void
  /** Nobody knows, and its process gives up on it. @throws TypeError if it has been answered. */
  unknown(): void
}

/** A fault that goes on. */
export interface RecordedFault {
  /** It is healed. Later calls do nothing. */
  end(): void
  [Symbol.dispose](): void
}

/**
 * A history while it is recorded: it can be checked at any time, and what is still open counts as unknown.
 *
 * A process does one thing at a time. After an operation whose answer it never got it may go on under the same
 * name, in Jepsen's words without a new process: the lost operation has no end, so it is before nothing, not even
 * before what its own process does next. Linearizability lets it take effect at any later time or never; the
 * checks of sessions order only what has ended, so they ask nothing of it and lose nothing of the session.
 */
export interface RecordedHistory extends History {
  /**
   * Runs one operation and records what became of it: `ok` with what it returned, or, if it throws, `fail` or
   * `unknown` (see {@link CreateHistoryOptions.classify}). Values are kept, not copied: do not change them later.
   *
   * @returns what `run` returns; what it throws is thrown on.
   * @throws TypeError if the process is still doing something else; `run` is not called then.
   */
  record<T>(call: CallDescription, run: () => T | PromiseLike<T>): Promise<T>
  /** The same by hand. @throws TypeError if the process is still doing something else. */
  start(call: CallDescription): RecordedCall
  /** Notes that something is broken from now on, for the picture. */
  fault(fault: Pick<Fault, 'name' | 'targets' | 'detail'>): RecordedFault
  /** For `JSON.stringify`; `parseHistory` reads the text. */
  toJSON(): Record<string, unknown>
}

type Mutable<T> = { -readonly [P in keyof T]: T[P] }

/**
 * Begins a history.
 *
 * @example
 * ```ts
 * import { createHistory } from '@quorate/checker'
 *
 * const history = createHistory()
 * await history.record({ process: 'alice', op: 'write', key: 'sku-1', input: 3 }, async () => {})
 * console.log(history.operations[0]?.status) // ok
 * ```
 */
export function createHistory(options: CreateHistoryOptions = {}): RecordedHistory {
  return new Recorder(options)
}

class Recorder implements RecordedHistory {
  readonly operations: Mutable<Operation>[] = []
  readonly faults: Mutable<Fault>[] = []
  readonly realTime = true
  readonly name: string | undefined
  readonly initial: unknown
  readonly #classify: ClassifyError | undefined
  readonly #monotonic: () => number
  readonly #beganMs: number
  readonly #open = new Map<Process, Operation>()
  #places = 0

  constructor({ clock, name, initial, classify }: CreateHistoryOptions) {
    this.name = name
    this.initial = initial
    this.#classify = classify
    this.#monotonic = clock === undefined ? systemMonotonic : () => clock.monotonic()
    this.#beganMs = this.#monotonic()
  }

  async record<T>(description: CallDescription, run: () => T | PromiseLike<T>): Promise<T> {
    const call = this.start(description)
    let output: T
    try {
      output = await run()
    } catch (error) {
      let outcome: 'fail' | 'unknown' = 'unknown'
      try {
        outcome = this.#outcomeOf(error)
      } finally {
        call[outcome]() // also where `classify` throws: the process must be able to go on
      }
      throw error
    }
    call.ok(output)
    return output
  }

  start({ process, op, key, input }: CallDescription): RecordedCall {
    if (typeof process !== 'string' && typeof process !== 'number')
      throw new TypeError(`A process must be a name or a number, not ${String(process)}`)
    if (typeof op !== 'string' || op === '')
      throw new TypeError('op, the name of the operation, must be a text')
    const open = this.#open.get(process)
    if (open !== undefined)
      throw new TypeError(
        `Process ${process} cannot start ${op}: its ${open.op} (#${open.index}) is still open, and a process does ` +
          'one thing at a time; give each concurrent client its own name',
      )
    const operation: Mutable<Operation> = {
      index: this.operations.length,
      process,
      op,
      key,
      input,
      output: undefined,
      status: 'unknown',
      start: this.#places++,
      end: Infinity,
      startMs: this.#nowMs(),
      endMs: undefined,
    }
    this.operations.push(operation)
    this.#open.set(process, operation)
    return {
      index: operation.index,
      ok: (output) => this.#answer(operation, 'ok', output),
      fail: () => this.#answer(operation, 'fail'),
      unknown: () => this.#answer(operation, 'unknown'),
    }
  }

  fault({ name, targets, detail }: Pick<Fault, 'name' | 'targets' | 'detail'>): RecordedFault {
    const fault: Mutable<Fault> = {
      name,
      targets: [...targets],
      start: this.#places++,
      end: Infinity,
      startMs: this.#nowMs(),
      endMs: undefined,
      detail,
    }
    this.faults.push(fault)
    const end = (): void => {
      if (fault.end !== Infinity) return
      fault.end = this.#places++
      fault.endMs = this.#nowMs()
    }
    return { end, [Symbol.dispose]: end }
  }

  toJSON(): Record<string, unknown> {
    return historyToJson(this)
  }

  #answer(operation: Mutable<Operation>, status: Status, output?: unknown): void {
    if (this.#open.get(operation.process) !== operation)
      throw new TypeError(`Operation #${operation.index} (${operation.op}) has been answered already`)
    this.#open.delete(operation.process)
    operation.status = status
    operation.output = output
    operation.endMs = this.#nowMs()
    if (status !== 'unknown') operation.end = this.#places++
  }

  #outcomeOf(error: unknown): 'fail' | 'unknown' {
    const said = this.#classify?.(error)
    if (said !== undefined) return said
    const isNotApplied =
      typeof error === 'object' && error !== null && 'outcome' in error && error.outcome === 'not-applied'
    return isNotApplied ? 'fail' : 'unknown'
  }

  #nowMs(): number {
    return this.#monotonic() - this.#beganMs
  }
}
