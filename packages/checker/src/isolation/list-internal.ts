import { sameValue } from '../value.ts'
import { type Findings, show, showElement, showKey } from './evidence.ts'
import { ABORTED, keyName, NONE, type Transactions } from './transactions.ts'

interface Links {
  readonly previous: Int32Array
  readonly next: Int32Array
}

/**
 * Reads of lists against what the same transaction read and appended before: `internal` if they disagree,
 * `future-read` if it saw what it appended only later. Returns how many elements of each read come before the
 * reader's own appends at its end.
 */
export function checkListReads(txns: Transactions, links: Links, findings: Findings): Int32Array {
  const steps = txns.owner.length
  const lengths = new Int32Array(steps)
  for (let step = 0; step < steps; step++) {
    if (txns.isWrite[step] === 1) continue
    const list = listOf(txns, step)
    lengths[step] = list.length
    if (links.previous[step] !== NONE) {
      lengths[step] = withoutOwn(txns, step, list, findings)
      checkAgainstPast(txns, links, step, list, findings)
    }
    if (links.next[step] !== NONE) checkAgainstFuture(txns, links, step, list, findings)
  }
  return lengths
}

const listOf = (txns: Transactions, step: number): readonly unknown[] =>
  txns.lists[txns.value[step]!] as readonly unknown[]

/** How many elements are left when the reader's own appends are taken off the end. */
function withoutOwn(txns: Transactions, step: number, list: readonly unknown[], findings: Findings): number {
  const key = txns.key[step]!
  const own = new Set<number>()
  let length = list.length
  for (; length > 0; length--) {
    const element = txns.elements.idOf(key, list[length - 1])
    const writer = txns.elements.writer[element]!
    if (writer === NONE || writer > step || txns.owner[writer] !== txns.owner[step]) break
    own.add(element)
  }
  if (own.size === 0) return length
  const seen = own.size === list.length - length ? [...own] : []
  const once = seen.every((element) => list.indexOf(txns.elements.valueOf(element)) >= length)
  if (!once || seen.length === 0) {
    const reader = txns.owner[step]!
    findings.add(
      'duplicate-elements',
      keyName(txns, key),
      [reader],
      () => `#${reader} read its own append twice in ${showKey(txns, key)}: ${show(list)}`,
    )
  }
  return length
}

function checkAgainstPast(
  txns: Transactions,
  { previous }: Links,
  step: number,
  list: readonly unknown[],
  findings: Findings,
): void {
  const own: unknown[] = []
  let before = previous[step]!
  for (; before !== NONE && txns.isWrite[before] === 1; before = previous[before]!)
    own.push(txns.elements.valueOf(txns.value[before]!))
  own.reverse()
  const base = before === NONE ? list.slice(0, Math.max(0, list.length - own.length)) : listOf(txns, before)
  const expected = base.length + own.length
  const agrees =
    list.length === expected &&
    list.every((value, at) => {
      const wanted = at < base.length ? base[at] : own[at - base.length]
      return value === wanted || sameValue(value, wanted)
    })
  if (agrees) return
  const reader = txns.owner[step]!
  const key = txns.key[step]!
  findings.add('internal', keyName(txns, key), [reader], () => {
    const did = [
      ...(before === NONE ? [] : [`read ${show(base)}`]),
      ...(own.length === 0 ? [] : [`appended ${own.map(show).join(', ')}`]),
    ]
    return `#${reader} ${did.join(' and ')} in ${showKey(txns, key)}, and then read ${show(list)}`
  })
}

function checkAgainstFuture(
  txns: Transactions,
  { next }: Links,
  step: number,
  list: readonly unknown[],
  findings: Findings,
): void {
  for (let later = next[step]!; later !== NONE; later = next[later]!) {
    if (txns.isWrite[later] === 0) continue
    const element = txns.value[later]!
    // Who appended it twice in one transaction saw the first one.
    if (txns.elements.writer[element] !== later) continue
    const value = txns.elements.valueOf(element)
    if (!list.some((seen) => seen === value || sameValue(seen, value))) continue
    const reader = txns.owner[step]!
    const key = txns.key[step]!
    findings.add(
      'future-read',
      keyName(txns, key),
      [reader],
      () =>
        `#${reader} read ${showElement(txns, element)} in ${showKey(txns, key)} before it appended it itself`,
    )
    return
  }
}

/** An element that several transactions appended of which more than one may have committed; `undefined` if there is none. */
export function repeatedAppend(txns: Transactions): number | undefined {
  for (const element of txns.elements.ambiguous) return element
  const writers = txns.elements.writer
  for (let step = 0; step < txns.owner.length; step++) {
    if (txns.isWrite[step] === 0 || txns.status[txns.owner[step]!] === ABORTED) continue
    const writer = writers[txns.value[step]!] as number
    if (writer !== step && txns.owner[writer] === txns.owner[step]) return txns.value[step]!
  }
  return undefined
}
