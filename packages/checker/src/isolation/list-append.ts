import { sameValue } from '../value.ts'
import { checkListReads } from './list-internal.ts'
import {
  type Findings,
  type Happened,
  LATER,
  linkSteps,
  show,
  showElement,
  showKey,
  type Versions,
  writerOf,
} from './evidence.ts'
import { ABORTED, COMMITTED, keyName, NONE, type Transactions, UNKNOWN } from './transactions.ts'

/**
 * Lists that only grow tell their own history: whoever reads `[1 2 3]` knows that 1, 2 and 3 were appended in this
 * order, and by whom (Kingsbury and Alvaro 2020, section 4). The order of versions of a key is its longest read;
 * every other read must be a beginning of it. Appends nobody saw come after it.
 *
 * What a transaction appended itself is taken off the end of what it reads: a database may show it its own appends
 * before it has fixed their place among those of others.
 */
export function listVersions(
  txns: Transactions,
  findings: Findings,
): { versions: Versions; happened: Happened } {
  const { elements, owner, status } = txns
  const links = linkSteps(txns)
  const lengths = checkListReads(txns, links, findings)
  const keys = txns.keys.size
  const happened: Happened = status.map((state) => (state === COMMITTED ? 1 : 0))
  const readsOf = groupReads(txns)
  const order: number[][] = []
  const slots = readsOf.steps.length
  const seen = new Int32Array(slots)
  const last = new Int32Array(slots).fill(NONE)
  for (let key = 0; key < keys; key++) {
    const from = readsOf.start[key]!
    const to = readsOf.start[key + 1]!
    order.push(
      orderOfKey({ txns, findings, lengths, happened, steps: readsOf.steps, seen, last, from, to }, key),
    )
  }
  const place = new Int32Array(elements.size).fill(-1)
  const rest: number[][] = Array.from({ length: keys }, () => [])
  order.forEach((ofKey) => ofKey.forEach((element, at) => (place[element] = at)))
  for (let step = 0; step < owner.length; step++) {
    if (txns.isWrite[step] === 0 || happened[owner[step]!] === 0) continue
    const element = txns.value[step]!
    if (place[element] !== -1 || elements.writer[element] !== step) continue
    place[element] = LATER
    rest[txns.key[step]!]?.push(element)
  }
  const versions = { order, rest, place, reads: readsOf.steps, seen, last }
  findIntermediateReads(txns, links.next, versions, findings)
  findDisorder(txns, links.previous, versions, findings)
  return { versions, happened }
}

interface KeyReads {
  readonly txns: Transactions
  readonly findings: Findings
  /** How many elements of each read are not the reader's own. */
  readonly lengths: Int32Array
  readonly happened: Happened
  readonly steps: Int32Array
  readonly seen: Int32Array
  readonly last: Int32Array
  readonly from: number
  readonly to: number
}

/** Steps that read, key by key. */
function groupReads(txns: Transactions): { steps: Int32Array; start: Int32Array } {
  const start = new Int32Array(txns.keys.size + 1)
  for (let step = 0; step < txns.owner.length; step++)
    if (txns.isWrite[step] === 0) start[txns.key[step]! + 1]!++
  for (let key = 0; key < txns.keys.size; key++) start[key + 1]! += start[key]!
  const steps = new Int32Array(start[txns.keys.size]!)
  const next = start.slice(0, -1)
  for (let step = 0; step < txns.owner.length; step++) {
    if (txns.isWrite[step] === 0) steps[next[txns.key[step]!]!++] = step
  }
  return { steps, start }
}

const listAt = (reads: KeyReads, slot: number): readonly unknown[] =>
  reads.txns.lists[reads.txns.value[reads.steps[slot]!] as number] as readonly unknown[]
const lengthAt = (reads: KeyReads, slot: number): number => reads.lengths[reads.steps[slot]!] as number

/** The order of versions of one key; fills `seen` and `last` of its reads. */
function orderOfKey(reads: KeyReads, key: number): number[] {
  const { txns, from, to, seen, last, happened } = reads
  if (from === to) return []
  let longest = from
  for (let slot = from + 1; slot < to; slot++)
    if (lengthAt(reads, slot) > lengthAt(reads, longest)) longest = slot
  const list = listAt(reads, longest)
  const length = lengthAt(reads, longest)
  const ids: number[] = []
  const unique = new Set<number>()
  let plain = true
  for (let at = 0; at < length; at++) {
    const element = txns.elements.idOf(key, list[at])
    const writer = writerOf(txns, element)
    if (writer === NONE || txns.status[writer] === ABORTED) plain = false
    unique.add(element)
    ids.push(element)
  }
  plain &&= unique.size === length
  for (let slot = from; plain && slot < to; slot++)
    plain = isBeginning(listAt(reads, slot), list, lengthAt(reads, slot))
  if (!plain) return orderOfSuspectKey(reads, key)
  for (let slot = from; slot < to; slot++) {
    const count = lengthAt(reads, slot)
    seen[slot] = count
    if (count > 0) last[slot] = ids[count - 1]!
  }
  for (const element of ids) happened[writerOf(txns, element)] = 1
  return ids
}

function isBeginning(list: readonly unknown[], of: readonly unknown[], length: number): boolean {
  for (let at = 0; at < length; at++) if (list[at] !== of[at] && !sameValue(list[at], of[at])) return false
  return true
}

/** The same for a key of which something is wrong: every element of every read is looked at. */
function orderOfSuspectKey(reads: KeyReads, key: number): number[] {
  const { txns, findings, from, to, seen, last, happened } = reads
  const good: number[][] = []
  let longest: number[] = []
  let longestStep = NONE
  const reported = new Set<string>()
  for (let slot = from; slot < to; slot++) {
    const raw = listAt(reads, slot)
      .slice(0, lengthAt(reads, slot))
      .map((value) => txns.elements.idOf(key, value))
    const ids = [...new Set(raw)]
    const step = reads.steps[slot]!
    if (ids.length < raw.length) reportDuplicate(reads, key, step, raw)
    const kept = ids.filter((element) => {
      const writer = writerOf(txns, element)
      return writer !== NONE && txns.status[writer] !== ABORTED
    })
    if (kept.length < ids.length) reportDirtyReads(reads, key, step, ids, reported)
    good.push(kept)
    if (kept.length > longest.length) {
      longest = kept
      longestStep = step
    }
    for (const element of kept) happened[writerOf(txns, element)] = 1
  }
  for (let slot = from; slot < to; slot++) {
    const ids = good[slot - from]!
    last[slot] = ids.at(-1) ?? NONE
    const fits = ids.every((element, at) => element === longest[at])
    seen[slot] = fits ? ids.length : -1
    if (fits) continue
    const reader = txns.owner[reads.steps[slot]!] as number
    const other = txns.owner[longestStep]!
    findings.add(
      'incompatible-order',
      keyName(txns, key),
      [reader, other],
      () =>
        `#${reader} read ${showKey(txns, key)} as ${show(listAt(reads, slot))} and #${other} as ${show(txns.lists[txns.value[longestStep]!])}: neither is a beginning of the other, so no order of the appends explains both`,
    )
  }
  return longest
}

function reportDuplicate(
  { txns, findings }: KeyReads,
  key: number,
  step: number,
  ids: readonly number[],
): void {
  const reader = txns.owner[step]!
  const twice = ids.find((element, at) => ids.indexOf(element) < at) as number
  const writer = writerOf(txns, twice)
  findings.add(
    'duplicate-elements',
    keyName(txns, key),
    writer === NONE ? [reader] : [reader, writer],
    () =>
      `#${reader} read ${showElement(txns, twice)} twice in ${showKey(txns, key)}, which was appended once`,
  )
}

/** Elements of aborted transactions, or of nobody. Each is told once, however many see it; the findings count all. */
function reportDirtyReads(
  { txns, findings }: KeyReads,
  key: number,
  step: number,
  ids: readonly number[],
  reported: Set<string>,
): void {
  const reader = txns.owner[step]!
  const name = keyName(txns, key)
  const once = (what: string, report: () => void): void => {
    if (reported.has(what)) return
    reported.add(what)
    report()
  }
  let aborted = NONE
  for (const element of ids) {
    const writer = writerOf(txns, element)
    if (writer === NONE) {
      once(`thin-air ${element}`, () =>
        findings.add(
          'thin-air-read',
          name,
          [reader],
          () =>
            `#${reader} read ${showElement(txns, element)} in ${showKey(txns, key)}, which nobody appended`,
        ),
      )
    } else if (txns.status[writer] === ABORTED) {
      aborted = element
      once(`G1a ${element}`, () =>
        findings.add(
          'G1a',
          name,
          [reader, writer],
          () =>
            `#${reader} read ${showElement(txns, element)} in ${showKey(txns, key)}, which #${writer} appended and then aborted`,
        ),
      )
    } else if (aborted !== NONE && txns.status[writer]! !== UNKNOWN) {
      const before = aborted
      aborted = NONE
      once(`dirty ${before}`, () =>
        findings.add(
          'dirty-update',
          name,
          [writer, writerOf(txns, before), reader],
          () =>
            `#${writer} committed ${showElement(txns, element)} in ${showKey(txns, key)} on top of ${showElement(txns, before)}, which #${writerOf(txns, before)} appended and then aborted (#${reader} read both)`,
        ),
      )
    }
  }
}

/** G1b: a read that ends with an append after which its transaction appended more to the same key. */
function findIntermediateReads(
  txns: Transactions,
  next: Int32Array,
  versions: Versions,
  findings: Findings,
): void {
  const { reads, last } = versions
  for (let slot = 0; slot < reads.length; slot++) {
    const element = last[slot]!
    if (element === NONE) continue
    const step = txns.elements.writer[element]!
    const reader = txns.owner[reads[slot]!] as number
    const writer = txns.owner[step]!
    if (writer === reader) continue
    let later = next[step]!
    while (later !== NONE && txns.isWrite[later] === 0) later = next[later]!
    if (later === NONE) continue
    const missing = txns.value[later]!
    findings.add(
      'G1b',
      keyName(txns, txns.key[step]!),
      [reader, writer],
      () =>
        `#${reader} read ${showKey(txns, txns.key[step]!)} up to ${showElement(txns, element)}, in the middle of #${writer}, which appended ${showElement(txns, missing)} as well`,
    )
  }
}

/** Appends of one transaction to one key that were seen in another order than it made them. */
function findDisorder(
  txns: Transactions,
  previous: Int32Array,
  { order, place, reads, seen }: Versions,
  findings: Findings,
): void {
  let longest: Int32Array | undefined
  order.forEach((ofKey, key) =>
    ofKey.forEach((element, at) => {
      let earlier = previous[txns.elements.writer[element]!] as number
      while (earlier !== NONE && txns.isWrite[earlier] === 0) earlier = previous[earlier]!
      const before = earlier === NONE ? NONE : txns.value[earlier]!
      if (before === NONE || place[before]! < at) return
      const writer = writerOf(txns, element)
      const reader = txns.owner[reads[(longest ??= longestReads(txns, reads, seen))[key]!]!]!
      findings.add(
        'incompatible-order',
        keyName(txns, key),
        [writer, reader],
        () =>
          `#${writer} appended ${showElement(txns, before)} to ${showKey(txns, key)} before ${showElement(txns, element)}, and #${reader} saw it the other way round`,
      )
    }),
  )
}

/** For each key the slot of a read that saw all versions in order. */
function longestReads(txns: Transactions, reads: Int32Array, seen: Int32Array): Int32Array {
  const longest = new Int32Array(txns.keys.size).fill(NONE)
  reads.forEach((step, slot) => {
    const key = txns.key[step]!
    if (longest[key] === NONE || seen[slot]! > seen[longest[key]!]!) longest[key] = slot
  })
  return longest
}
