import { HistoryContentError } from '../errors.ts'
import type { Violation } from '../result.ts'
import { COMMITTED, OWN, UNSEEN, WRITE } from '../transactions/register-transactions.ts'
import type { CompareVersions, SessionGuarantee } from './session-scan.ts'
import type { Findings, WeakInput } from './weak-check.ts'
import { text } from './words.ts'

/**
 * Session guarantees where values tell which version is older: each read and write is compared with the newest
 * version its session wrote and read before, key by key. Equal values are the same version; the initial value
 * is older than all others.
 */
export function scanValues(
  input: WeakInput,
  guarantees: ReadonlySet<SessionGuarantee>,
  order: 'ascending' | CompareVersions,
): Findings {
  const { view, meter, maxViolations } = input
  const { transactions, chain } = view
  const { eventStart, eventKey, eventKind, eventTransaction, eventValue, isFinal, readKind } = transactions
  const { keys, values, history, initialValue, sessionCount, sessionStart, sessionTransactions, status } =
    transactions
  const compare = order === 'ascending' ? ascending : order
  const violations: Violation[] = []
  let count = 0
  meter.reserve(keys.size * 12)
  const stamp = new Int32Array(keys.size).fill(-1)
  const written = new Int32Array(keys.size) // the event, newest by value; -1 if there is none
  const seen = new Int32Array(keys.size)

  const isOlder = (event: number, than: number): boolean => {
    const [a, b] = [eventValue[event]!, eventValue[than]!]
    if (a === b || b === initialValue) return false
    if (a === initialValue) return true
    const sign: unknown = compare(values.valueOf(a), values.valueOf(b), input.words.key(event))
    // A function that answers with a boolean, as `(a, b) => a < b` does, would find nothing older than anything.
    if (typeof sign !== 'number') throw new TypeError(`versionOrder must return a number, got ${typeof sign}`)
    if (!Number.isNaN(sign)) return sign < 0
    const { index, line } = history.operations[eventTransaction[event]!]!
    const pair = `${text(values.valueOf(a))} and ${text(values.valueOf(b))}`
    throw new HistoryContentError(index, `versionOrder cannot compare ${pair}`, line)
  }
  const check = (guarantee: SessionGuarantee, event: number, earlier: number): void => {
    if (earlier < 0 || !guarantees.has(guarantee) || !isOlder(event, earlier)) return
    if (count++ < maxViolations) violations.push(violation(input, guarantee, event, earlier))
  }

  for (let s = 0; s < sessionCount; s++)
    for (let i = sessionStart[s]!; i < sessionStart[s + 1]!; i++) {
      const t = sessionTransactions[i]!
      if (chain[t]! < 0) continue
      meter.step()
      for (let event = eventStart[t]!; event < eventStart[t + 1]!; event++) {
        const key = eventKey[event]!
        if (stamp[key] !== s) {
          stamp[key] = s
          written[key] = seen[key] = -1
        }
        if (eventKind[event] === WRITE) {
          if (isFinal[event] === 0) continue
          check('monotonic-writes', event, written[key]!)
          check('writes-follow-reads', event, seen[key]!)
          if (status[t] === COMMITTED && (written[key]! < 0 || isOlder(written[key]!, event)))
            written[key] = event
        } else if (readKind[event] !== OWN && readKind[event] !== UNSEEN) {
          check('read-your-writes', event, written[key]!)
          check('monotonic-reads', event, seen[key]!)
          if (status[t] === COMMITTED && (seen[key]! < 0 || isOlder(seen[key]!, event))) seen[key] = event
        }
      }
    }
  return { violations, count }
}

function ascending(a: unknown, b: unknown): number {
  const comparable = (value: unknown): value is number | bigint =>
    (typeof value === 'number' && !Number.isNaN(value)) || typeof value === 'bigint'
  if (!comparable(a) || !comparable(b)) return Number.NaN
  return a < b ? -1 : a > b ? 1 : 0
}

function violation(
  { words }: WeakInput,
  guarantee: SessionGuarantee,
  event: number,
  earlier: number,
): Violation {
  const late = words.transactionOf(event)
  const early = words.transactionOf(earlier)
  const reads = guarantee === 'read-your-writes' || guarantee === 'monotonic-reads'
  const hadRead = guarantee === 'monotonic-reads' || guarantee === 'writes-follow-reads'
  const key = words.key(event)
  const process = words.edge({ before: early, after: late, why: 'process', event: -1 })
  return {
    name: guarantee,
    message: `process ${words.process(late)} ${reads ? 'read' : 'wrote'} ${words.value(event)} (#${late}), an older version of ${words.keyText(event)}, after it had ${hadRead ? 'read' : 'written'} ${words.value(earlier)} (#${early})`,
    operations: [late, early],
    edges: [process],
    key,
  }
}
