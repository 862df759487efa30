/**
 * Terminology. An *operation* is one call of one *process* (a client, a session: it does one thing at a time).
 * A *history* is all operations of a run. An operation *completes* when its process learns what became of it;
 * one that never completes is *unknown*, which others call crashed, indeterminate or `:info`.
 */

/** Name or number of a process. */
export type Process = number | string

/** What an object under test is called; histories are often checked key by key. */
export type Key = number | string

/**
 * What a process knows about its operation:
 * - `ok`: it happened, with this output.
 * - `fail`: it did not happen and never will.
 * - `unknown`: it may have happened, may happen at any later time, or never.
 */
export type Status = 'ok' | 'fail' | 'unknown'

/**
 * One operation. `op` names what was asked in the words of a model (`read`, `write`, `cas`, `txn` …),
 * `input` what it was asked with, `output` what came back.
 *
 * - `read` (or `get`): the value is the output. `write` (or `put`): it is the input.
 * - `cas`: input `[old, new]`; output `false` if it compared unequal, anything else means that it was set.
 * - `append`: the text is the input. `add`: an element or an amount.
 * - `enqueue`: the element is the input. `dequeue`: it is the output; `null` if the queue was empty.
 * - `acquire`, `release`; `acquire` of a fenced mutex puts out its token.
 * - `txn`: a list of {@link MicroOperation}; the output is the same with what the reads saw filled in.
 */
export interface Operation {
  /** Its place in `history.operations`: results name operations by it. */
  readonly index: number
  readonly process: Process
  readonly op: string
  readonly key?: Key | undefined
  readonly input?: unknown
  readonly output?: unknown
  readonly status: Status
  /**
   * Places on the history's time line, each taken once: an operation with `end` below another's `start`
   * happened before it. They count events, so that equal milliseconds make no false order.
   */
  readonly start: number
  /** `Infinity` if it never completed. An `unknown` operation has `Infinity` as well, however soon its process gave up. */
  readonly end: number
  /** For drawing only: ms since the history began. */
  readonly startMs?: number | undefined
  /** For drawing only: when the process learnt the answer, or gave up. */
  readonly endMs?: number | undefined
  /** Where it was read from: line of the file, from 1. */
  readonly line?: number | undefined
}

/**
 * A step of a transaction: `['r', key, seen]`, `['w', key, value]`, `['append', key, element]`.
 * In an input, what a read will see is `null`.
 */
export type MicroOperation = readonly [op: string, key: Key, value: unknown]
