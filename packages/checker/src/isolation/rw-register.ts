import {
  type Findings,
  type Happened,
  LATER,
  linkSteps,
  showElement,
  showKey,
  type Versions,
} from './evidence.ts'
import { ABORTED, COMMITTED, keyName, NONE, type Transactions } from './transactions.ts'

/** What the reads and writes of registers say, without any order among the values of a key but "first the initial one". */
export interface RegisterEvidence {
  /** Every version is in `rest`. A read of a value has `seen` -1, one of the initial state 0. */
  readonly versions: Versions
  readonly happened: Happened
  /** Element that stands for the initial state of each key though it is no null; {@link NONE} if there is none. */
  readonly initial: Int32Array
  /** A value that several writes may have written: nothing is known of its reads. */
  readonly ambiguous: number | undefined
}

/**
 * Where each read got its value from. Reads of what the transaction itself wrote last are checked and left out.
 *
 * If the history does not say what the initial state is, one value per key that was read and never written is taken
 * for it, unless null was read there: a second such value, or one beside null, came out of thin air.
 */
export function registerEvidence(txns: Transactions, findings: Findings): RegisterEvidence {
  const { elements, owner, status, isWrite } = txns
  const links = linkSteps(txns)
  const happened: Happened = status.map((state) => (state === COMMITTED ? 1 : 0))
  const initial = initialElements(txns)
  // If something else was there before all writes, then null was not.
  const nullIsInitial = (txns.history.initial ?? null) === null
  const isInitial = (element: number): boolean =>
    element === NONE ? nullIsInitial : initial[elements.keyOf(element)] === element
  let ambiguous: number | undefined
  const reads: number[] = []
  const seen: number[] = []
  const last: number[] = []
  for (let step = 0; step < owner.length; step++) {
    if (isWrite[step] === 1) continue
    const element = txns.value[step]!
    const before = links.previous[step]!
    if (before !== NONE && !agrees(txns, before, step, isInitial))
      reportInternal(txns, before, step, findings)
    if (before !== NONE && isWrite[before] === 1 && sameVersion(txns, before, step)) continue
    const key = txns.key[step]!
    const reader = owner[step]!
    const written = element === NONE ? NONE : elements.writer[element]!
    const unclear =
      element === NONE
        ? elements.writer[nullOf(txns, key)] !== NONE
        : elements.ambiguous.has(element) || (written !== NONE && initial[key] === element)
    if (unclear) {
      ambiguous ??= element === NONE ? elements.idOf(key, null) : element
      continue
    }
    if (isInitial(element)) {
      reads.push(step)
      seen.push(0)
      last.push(NONE)
    } else if (written === NONE) {
      findings.add(
        'thin-air-read',
        keyName(txns, key),
        [reader],
        () =>
          `#${reader} read ${showKey(txns, key)} = ${element === NONE ? 'null' : showElement(txns, element)}, which nobody wrote`,
      )
    } else if (owner[written] === reader) {
      if (written > step)
        findings.add(
          'future-read',
          keyName(txns, key),
          [reader],
          () =>
            `#${reader} read ${showKey(txns, key)} = ${showElement(txns, element)} before it wrote it itself`,
        )
    } else if (status[owner[written]!] === ABORTED) {
      findings.add(
        'G1a',
        keyName(txns, key),
        [reader, owner[written]!],
        () =>
          `#${reader} read ${showKey(txns, key)} = ${showElement(txns, element)}, which #${owner[written]} wrote and then aborted`,
      )
    } else {
      happened[owner[written]!] = 1
      reads.push(step)
      seen.push(-1)
      last.push(element)
      reportIntermediate(txns, links.next, step, written, findings)
    }
  }
  const place = new Int32Array(elements.size).fill(-1)
  const rest: number[][] = Array.from({ length: txns.keys.size }, () => [])
  for (let step = 0; step < owner.length; step++) {
    if (isWrite[step] === 0 || happened[owner[step]!] === 0) continue
    const element = txns.value[step]!
    if (place[element] !== -1 || elements.writer[element] !== step) continue
    place[element] = LATER
    rest[txns.key[step]!]?.push(element)
  }
  const versions: Versions = {
    order: rest.map(() => []),
    rest,
    place,
    reads: Int32Array.from(reads),
    seen: Int32Array.from(seen),
    last: Int32Array.from(last),
  }
  return { versions, happened, initial, ambiguous }
}

/** The element of a null that is written to this key. Then a read of null may be of that. */
const nullOf = (txns: Transactions, key: number): number => txns.elements.idOf(key, null)

/** Does a read see what an earlier step of its transaction wrote or read? A null that was read has no element of its own. */
function sameVersion(txns: Transactions, before: number, step: number): boolean {
  const was = txns.value[before]!
  const is = txns.value[step]!
  return was === is || txns.elements.seenAs(was) === (is === NONE ? nullOf(txns, txns.key[step]!) : is)
}

function initialElements(txns: Transactions): Int32Array {
  const { history, elements, isWrite } = txns
  const initial = new Int32Array(txns.keys.size).fill(NONE)
  if (history.initial !== undefined) {
    if (history.initial !== null)
      for (let key = 0; key < initial.length; key++) initial[key] = elements.idOf(key, history.initial)
    return initial
  }
  const sawNull = new Uint8Array(txns.keys.size)
  for (let step = 0; step < isWrite.length; step++)
    if (isWrite[step] === 0 && txns.value[step] === NONE) sawNull[txns.key[step]!] = 1
  for (let step = 0; step < isWrite.length; step++) {
    const element = txns.value[step]!
    const key = txns.key[step]!
    if (isWrite[step] === 1 || sawNull[key] === 1 || initial[key] !== NONE) continue
    if (elements.writer[element] === NONE) initial[key] = element
  }
  return initial
}

function agrees(
  txns: Transactions,
  before: number,
  step: number,
  isInitial: (element: number) => boolean,
): boolean {
  if (sameVersion(txns, before, step)) return true
  return txns.isWrite[before] === 0 && isInitial(txns.value[before]!) && isInitial(txns.value[step]!)
}

function reportInternal(txns: Transactions, before: number, step: number, findings: Findings): void {
  const reader = txns.owner[step]!
  const key = txns.key[step]!
  const value = (at: number): string =>
    txns.value[at] === NONE ? 'null' : showElement(txns, txns.value[at]!)
  findings.add(
    'internal',
    keyName(txns, key),
    [reader],
    () =>
      `#${reader} ${txns.isWrite[before] === 1 ? 'wrote' : 'read'} ${showKey(txns, key)} = ${value(before)}, and then read ${value(step)}`,
  )
}

function reportIntermediate(
  txns: Transactions,
  next: Int32Array,
  step: number,
  written: number,
  findings: Findings,
): void {
  let later = next[written]!
  while (later !== NONE && txns.isWrite[later] === 0) later = next[later]!
  if (later === NONE) return
  const reader = txns.owner[step]!
  const writer = txns.owner[written]!
  const key = txns.key[step]!
  findings.add(
    'G1b',
    keyName(txns, key),
    [reader, writer],
    () =>
      `#${reader} read ${showKey(txns, key)} = ${showElement(txns, txns.value[step]!)}, which #${writer} overwrote itself with ${showElement(txns, txns.value[later]!)}`,
  )
}

/**
 * Two transactions that read the same version of a key and then wrote the key: whichever came later lost the
 * update of the other one, in whatever order versions came.
 */
export function findSharedUpdates(txns: Transactions, versions: Versions, findings: Findings): void {
  const { next } = linkSteps(txns)
  const updaters = new Map<string, number>()
  for (let slot = 0; slot < versions.reads.length; slot++) {
    const step = versions.reads[slot]!
    let write = next[step]!
    while (write !== NONE && txns.isWrite[write] === 0) write = next[write]!
    if (write === NONE) continue
    const key = txns.key[step]!
    const element = versions.last[slot]!
    // Of the initial state it is known that it comes first: updates of it are found with all others.
    if (element === NONE) continue
    const txn = txns.owner[step]!
    const version = `${key} ${element}`
    const other = updaters.get(version)
    if (other === undefined) updaters.set(version, txn)
    else if (other !== txn)
      findings.add(
        'lost-update',
        keyName(txns, key),
        [txn, other],
        () =>
          `#${other} and #${txn} both read ${showKey(txns, key)} = ${showElement(txns, element)}, and both wrote it: one of the updates is lost`,
      )
  }
}
