import {
  AMBIGUOUS,
  COMMITTED,
  EXTERNAL,
  INITIAL,
  OBSERVED,
  type RegisterTransactions,
} from '../transactions/register-transactions.ts'
import type { Meter } from './meter.ts'

/** In {@link View.from}: the read saw the initial state. */
export const FROM_INITIAL = -1
/** In {@link View.from}: no read, or one that orders nothing. */
export const FROM_NOTHING = -2

/**
 * Transactions that happened, by chains. A chain is a session, or a single transaction of unknown status that
 * somebody read from and that others of its session follow: it comes after what precedes it in its session and
 * before nothing, so it hangs off the session as a *leaf*.
 */
export interface View {
  readonly transactions: RegisterTransactions
  /** For each event: the transaction it reads from, or {@link FROM_INITIAL} or {@link FROM_NOTHING}. */
  readonly from: Int32Array
  readonly chainCount: number
  /** Chain of each transaction; -1 if it did not happen. */
  readonly chain: Int32Array
  /** Transactions of chain `c` in order: `chainTransactions[chainStart[c] … chainStart[c + 1] - 1]`. */
  readonly chainStart: Int32Array
  readonly chainTransactions: Int32Array
  /** Per chain: the transaction it directly follows, or -1. Not -1 only for leaves. */
  readonly parent: Int32Array
}

/** @param guess Take ambiguous reads as guessed; otherwise leave them out. */
export function viewOf(transactions: RegisterTransactions, guess: boolean, meter: Meter): View {
  const { eventKind, eventTransaction, readKind, source, size, status } = transactions
  meter.reserve(eventKind.length * 4 + size * 8)
  const from = new Int32Array(eventKind.length).fill(FROM_NOTHING)
  for (let event = 0; event < from.length; event++) {
    const kind = readKind[event]!
    if (kind === EXTERNAL) from[event] = eventTransaction[source[event]!]!
    else if (kind === INITIAL) from[event] = FROM_INITIAL
    else if (kind === AMBIGUOUS && guess)
      from[event] = source[event]! < 0 ? FROM_INITIAL : eventTransaction[source[event]!]!
  }
  const chain = new Int32Array(size).fill(-1)
  const { sessionStart, sessionTransactions, sessionCount } = transactions
  const chainTransactions: number[] | Int32Array = new Int32Array(sessionTransactions.length)
  const starts: number[] = []
  const parents: number[] = []
  const leaves: number[] = []
  let count = 0
  for (let s = 0; s < sessionCount; s++) {
    starts.push(count)
    parents.push(-1)
    let last = sessionStart[s + 1]! - 1
    while (last >= sessionStart[s]! && !happened(status[sessionTransactions[last]!]!)) last--
    let before = -1
    for (let i = sessionStart[s]!; i <= last; i++) {
      const t = sessionTransactions[i]!
      if (status[t] === COMMITTED || (status[t] === OBSERVED && i === last)) {
        chain[t] = s
        chainTransactions[count++] = t
        before = t
      } else if (status[t] === OBSERVED) leaves.push(t, before)
    }
  }
  for (let i = 0; i < leaves.length; i += 2) {
    chain[leaves[i]!] = starts.length
    starts.push(count)
    parents.push(leaves[i + 1]!)
    chainTransactions[count++] = leaves[i]!
  }
  starts.push(count)
  return {
    transactions,
    from,
    chainCount: starts.length - 1,
    chain,
    chainStart: Int32Array.from(starts),
    chainTransactions,
    parent: Int32Array.from(parents),
  }
}

const happened = (status: number): boolean => status === COMMITTED || status === OBSERVED
