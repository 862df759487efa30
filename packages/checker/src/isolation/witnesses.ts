import type { Violation } from '../result.ts'
import { LATER, type Versions, writerOf } from './evidence.ts'
import { NONE, type Transactions, UNKNOWN } from './transactions.ts'

/**
 * Adds those to a violation whose reads tell what it takes for granted: in which order versions of a list came, and
 * that a transaction of unknown status happened. One who is part of it anyway is as good as another.
 */
export function withWitnesses(txns: Transactions, versions: Versions, violation: Violation): Violation {
  const operations = new Set(violation.operations)
  const call = (saw: (slot: number) => boolean): void => {
    let witness = NONE
    for (let slot = 0; slot < versions.reads.length; slot++) {
      if (!saw(slot)) continue
      const reader = txns.owner[versions.reads[slot]!]!
      if (operations.has(reader)) return
      if (witness === NONE) witness = reader
    }
    if (witness !== NONE) operations.add(witness)
  }
  for (const [first, second, key] of ordersIn(txns, violation)) {
    const upTo = placeOfOrder(txns, versions, first, second, key)
    if (upTo !== NONE) call((slot) => txns.key[versions.reads[slot]!] === key && versions.seen[slot]! > upTo)
  }
  for (const txn of operations) {
    if (txns.status[txn] === UNKNOWN) call((slot) => sees(txns, versions, slot, txn))
  }
  return { ...violation, operations: [...operations] }
}

/** Who wrote a key before whom, as far as the violation rests on that. */
function ordersIn(
  txns: Transactions,
  { name, key, edges, operations }: Violation,
): readonly (readonly [first: number, second: number, key: number])[] {
  const overwritten = (edges ?? []).filter(({ kind }) => kind === 'ww')
  if (name === 'lost-update' && key !== undefined)
    return [[operations[1]!, operations[0]!, txns.keys.idOf(key)]]
  return overwritten.flatMap((edge) =>
    edge.key === undefined ? [] : [[edge.from, edge.to, txns.keys.idOf(edge.key)] as const],
  )
}

/** A read that saw more than so many versions of the key shows that `first` wrote it before `second`; {@link NONE} if no read does. */
function placeOfOrder(
  txns: Transactions,
  versions: Versions,
  first: number,
  second: number,
  key: number,
): number {
  const placesOf = (txn: number): number[] => {
    const places: number[] = []
    for (let step = txns.first[txn]!; step < txns.first[txn + 1]!; step++)
      if (txns.isWrite[step] === 1 && txns.key[step] === key) places.push(versions.place[txns.value[step]!]!)
    return places.filter((place) => place >= 0)
  }
  const earliest = Math.min(...placesOf(first))
  const latest = Math.min(...placesOf(second).filter((place) => place > earliest))
  if (earliest >= LATER || latest === Infinity) return NONE
  return latest === LATER ? earliest : latest
}

/** Did a read see something that `txn` wrote? */
function sees(txns: Transactions, versions: Versions, slot: number, txn: number): boolean {
  const element = versions.last[slot]!
  if (element === NONE) return false
  if (writerOf(txns, element) === txn) return true
  const key = txns.key[versions.reads[slot]!]!
  for (let step = txns.first[txn]!; step < txns.first[txn + 1]!; step++) {
    if (txns.isWrite[step] === 0 || txns.key[step] !== key) continue
    const place = versions.place[txns.value[step]!]!
    if (place >= 0 && place < versions.seen[slot]!) return true
  }
  return false
}
