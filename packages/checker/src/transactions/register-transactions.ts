import { HistoryContentError } from '../errors.ts'
import type { History } from '../history.ts'
import type { Operation, Process } from '../operation.ts'
import { ABORTED, COMMITTED, UNKNOWN } from './codes.ts'
import { readEvents } from './register-events.ts'
import { resolveReads } from './resolve-reads.ts'
import { ValueIds } from './value-ids.ts'

/**
 * Terminology. A *transaction* is one operation of the history, and has its number: transaction `t` is
 * `history.operations[t]`. Its *events* are its reads and writes in order; a single read or write is a
 * transaction of one event, a `cas` that was done is a read and then a write. A transaction *happened* if it
 * is committed, or if its status is unknown and a transaction that happened read what it wrote.
 */

export { ValueIds } from './value-ids.ts'
export {
  ABORTED,
  AMBIGUOUS,
  COMMITTED,
  EXTERNAL,
  FROM_ABORTED,
  FUTURE,
  INITIAL,
  INTERMEDIATE,
  NOT_A_READ,
  NOT_OWN,
  OBSERVED,
  OWN,
  READ,
  THIN_AIR,
  UNKNOWN,
  UNSEEN,
  WRITE,
} from './codes.ts'

/**
 * A history of registers in columns: transactions `0 … size - 1`, their events, and where each read comes from.
 * Values must be unique per key for that to be known; where two writes gave a key the same value, reads of it
 * are `AMBIGUOUS` and `duplicate` names the writes.
 */
export interface RegisterTransactions {
  readonly history: History
  /** How many transactions: as many as operations. */
  readonly size: number
  /** `ABORTED`, `COMMITTED`, `UNKNOWN` or `OBSERVED`. */
  readonly status: Uint8Array

  /** Events of transaction `t` are `eventStart[t] … eventStart[t + 1] - 1`, in program order. */
  readonly eventStart: Int32Array
  readonly eventTransaction: Int32Array
  /** `READ` or `WRITE`. */
  readonly eventKind: Uint8Array
  readonly eventKey: Int32Array
  /** Id of the value written or read; -1 for a read of which nobody knows the value. */
  readonly eventValue: Int32Array
  /** 1 for a write that is the last of its key in its transaction: the one that others may read. */
  readonly isFinal: Uint8Array
  /** For a read: `EXTERNAL` …; `NOT_A_READ` for a write. */
  readonly readKind: Uint8Array
  /** For a read: the event it reads from, -1 if there is none. */
  readonly source: Int32Array

  /** Session of each transaction. Sessions are the processes, `0 … sessionCount - 1`, in order of first use. */
  readonly session: Int32Array
  readonly sessionCount: number
  readonly processes: readonly Process[]
  /**
   * Transactions of session `s` that are not aborted, in program order:
   * `sessionTransactions[sessionStart[s] … sessionStart[s + 1] - 1]`. A committed one comes before all that
   * follow it; an UNKNOWN or OBSERVED one comes after all committed ones before it, and before none.
   */
  readonly sessionStart: Int32Array
  readonly sessionTransactions: Int32Array

  readonly keys: ValueIds
  readonly values: ValueIds
  /** Id of the value that every key has before its first write. */
  readonly initialValue: number
  /** Events of the reads that no level of isolation from read committed on allows, in order. */
  readonly badReads: readonly number[]
  /** Number of `AMBIGUOUS` reads. */
  readonly ambiguousReads: number
  /**
   * `true` if every ambiguous read has a guessed `source` (-1 for the initial state included). A promise that
   * is kept with the guesses is kept; one that is broken without the ambiguous reads is broken; between them
   * the verdict is `unknown`.
   */
  readonly guesses: boolean
  /** Two writes (events) that gave a key the same value; the first is -1 if it is the initial state. Of the first ambiguous read. */
  readonly duplicate: readonly [number, number] | undefined
  /** Bytes of all columns. */
  readonly bytes: number
}

/**
 * Reads a history of registers: `read`/`get`, `write`/`put`, `cas`, and `txn` of `r`/`read`/`get` and
 * `w`/`write`/`put`.
 * @throws HistoryContentError for another operation, an input or output of the wrong shape, and a process
 * that does two things at a time.
 */
export function registerTransactions(history: History): RegisterTransactions {
  const { operations } = history
  const size = operations.length
  const status = new Uint8Array(size)
  const keys = new ValueIds()
  const values = new ValueIds()
  const events = readEvents(operations, keys, values)
  for (let t = 0; t < size; t++) {
    const known = operations[t]!.status
    status[t] = known === 'ok' ? COMMITTED : known === 'fail' ? ABORTED : UNKNOWN
  }
  const sessions = groupBySession(history, status)
  const initialValue = values.idOf(history.initial ?? null)
  const columns = { size, status, ...events, initialValue, keyCount: keys.size }
  const reads = resolveReads(columns)
  return {
    history,
    size,
    status,
    ...events,
    ...sessions,
    ...reads,
    keys,
    values,
    initialValue,
    bytes: size * 17 + events.eventKind.length * 27 + reads.tableBytes,
  }
}

type SessionColumns = Pick<
  RegisterTransactions,
  'session' | 'sessionCount' | 'processes' | 'sessionStart' | 'sessionTransactions'
>

function groupBySession(history: History, status: Uint8Array): SessionColumns {
  const { operations } = history
  const ids = new Map<Process, number>()
  const session = new Int32Array(operations.length)
  const counts: number[] = []
  const last: (Operation | undefined)[] = []
  for (let t = 0; t < operations.length; t++) {
    const operation = operations[t]!
    let id = ids.get(operation.process)
    if (id === undefined) {
      id = ids.size
      ids.set(operation.process, id)
      counts.push(0)
      last.push(undefined)
    }
    session[t] = id
    if (status[t] === ABORTED) continue
    counts[id]!++
    if (status[t] === COMMITTED && history.realTime) {
      const before = last[id]
      if (before !== undefined && before.end > operation.start) {
        const reason = `process ${operation.process} began it before its #${before.index} had completed; a process does one thing at a time`
        throw new HistoryContentError(operation.index, reason, operation.line)
      }
      last[id] = operation
    }
  }
  const sessionStart = new Int32Array(counts.length + 1)
  counts.forEach((count, id) => (sessionStart[id + 1] = sessionStart[id]! + count))
  const next = sessionStart.slice(0, -1)
  const sessionTransactions = new Int32Array(sessionStart[counts.length]!)
  for (let t = 0; t < operations.length; t++)
    if (status[t] !== ABORTED) sessionTransactions[next[session[t]!]!++] = t
  return {
    session,
    sessionCount: counts.length,
    processes: [...ids.keys()],
    sessionStart,
    sessionTransactions,
  }
}
