import {
  AMBIGUOUS,
  EXTERNAL,
  INITIAL,
  WRITE,
  type RegisterTransactions,
} from '../../transactions/register-transactions.ts'
import type { Problem } from './problem.ts'

/**
 * The versions of each key and who read them, in columns. Transactions go by their place in `members`. Key `k` has the
 * versions `keyStart[k] … keyStart[k + 1] - 1`, the first of which is the initial one.
 */
export interface Versions {
  readonly keyStart: Int32Array
  /** Member that wrote the version; -1 for an initial one. */
  readonly writer: Int32Array
  /** Members that read it from outside, without doubles: `reader[readerStart[v]] … `. */
  readonly readerStart: Int32Array
  readonly reader: Int32Array
  /** Version of the same key that this reader itself wrote; -1 if it wrote none. */
  readonly readerWrote: Int32Array
}

/** A read that counts: a source in another transaction, or the initial state. */
function isOutsideRead(problem: Problem, event: number): boolean {
  const kind = problem.transactions.readKind[event]
  return kind === EXTERNAL || kind === INITIAL || (kind === AMBIGUOUS && problem.guess)
}

/** `members` in ascending order. */
export function versionsOf(problem: Problem, members: Int32Array): Versions {
  const { transactions } = problem
  const { eventStart, eventKey, isFinal, source, eventKind } = transactions
  const keyStart = countVersions(transactions, members)
  const versions = keyStart[keyStart.length - 1] as number
  const writer = new Int32Array(versions).fill(-1)
  const next = keyStart.slice(0, -1)
  const versionOfWrite = new Map<number, number>()
  const small = members.length * 16 < transactions.size
  const column = small ? undefined : new Int32Array(eventKind.length).fill(-1)
  for (let m = 0; m < members.length; m++) {
    const t = members[m] as number
    for (let event = eventStart[t] as number; event < (eventStart[t + 1] as number); event++) {
      if (isFinal[event] === 0) continue
      const key = eventKey[event] as number
      const version = (next[key] as number) + 1
      next[key] = version
      writer[version] = m
      if (column === undefined) versionOfWrite.set(event, version)
      else column[event] = version
    }
  }
  const versionOf = (event: number): number =>
    column === undefined ? (versionOfWrite.get(event) ?? -1) : (column[event] as number)

  // Version read, reader and the version it wrote, for each read that counts; then grouped by version.
  const reads: number[] = []
  const wrote = new Int32Array(keyStart.length - 1)
  const wroteBy = new Int32Array(keyStart.length - 1).fill(-1)
  const lastReader = new Int32Array(versions).fill(-1)
  const readerStart = new Int32Array(versions + 1)
  for (let m = 0; m < members.length; m++) {
    const t = members[m] as number
    const end = eventStart[t + 1] as number
    for (let event = eventStart[t] as number; event < end; event++) {
      if (isFinal[event] === 0) continue
      wrote[eventKey[event] as number] = versionOf(event)
      wroteBy[eventKey[event] as number] = m
    }
    for (let event = eventStart[t] as number; event < end; event++) {
      if (eventKind[event] === WRITE || !isOutsideRead(problem, event)) continue
      const key = eventKey[event] as number
      const from = source[event] as number
      const version = from === -1 ? (keyStart[key] as number) : versionOf(from)
      if (version === -1 || lastReader[version] === m) continue
      lastReader[version] = m
      reads.push(version, m, wroteBy[key] === m ? (wrote[key] as number) : -1)
      ;(readerStart[version + 1] as number)++
    }
  }
  for (let v = 0; v < versions; v++)
    readerStart[v + 1] = (readerStart[v + 1] as number) + (readerStart[v] as number)
  const reader = new Int32Array(reads.length / 3)
  const readerWrote = new Int32Array(reads.length / 3)
  const nextReader = readerStart.slice(0, -1)
  for (let i = 0; i < reads.length; i += 3) {
    const version = reads[i] as number
    const at = nextReader[version] as number
    nextReader[version] = at + 1
    reader[at] = reads[i + 1] as number
    readerWrote[at] = reads[i + 2] as number
  }
  return { keyStart, writer, readerStart, reader, readerWrote }
}

function countVersions(transactions: RegisterTransactions, members: Int32Array): Int32Array {
  const { eventStart, eventKey, isFinal } = transactions
  const keyStart = new Int32Array(transactions.keys.size + 1).fill(1)
  keyStart[0] = 0
  for (const t of members)
    for (let event = eventStart[t] as number; event < (eventStart[t + 1] as number); event++)
      if (isFinal[event] === 1) (keyStart[(eventKey[event] as number) + 1] as number)++
  for (let key = 1; key < keyStart.length; key++)
    keyStart[key] = (keyStart[key] as number) + (keyStart[key - 1] as number)
  return keyStart
}
