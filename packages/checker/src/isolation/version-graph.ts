import { addFan } from './dependencies.ts'
import { type Findings, showElement, showKey, writerOf } from './evidence.ts'
import { components, GraphBuilder, WW } from './graph.ts'
import type { RegisterEvidence } from './rw-register.ts'
import type { VersionPair } from './version-pairs.ts'
import { keyName, NONE, type Transactions } from './transactions.ts'

/** What pairs of versions in order add to the graph of transactions. */
export interface VersionGraph {
  /** Pairs that contradict no other one. */
  readonly pairs: readonly VersionPair[]
  addEdges(builder: GraphBuilder): void
}

/** Puts pairs together; what runs in a circle is told as `cyclic-versions` and left out. */
export function versionGraph(
  txns: Transactions,
  evidence: RegisterEvidence,
  all: readonly VersionPair[],
  findings: Findings,
): VersionGraph {
  const { elements } = txns
  const initialOf = (key: number): number => elements.size + key
  const node = (element: number, key: number): number =>
    element === NONE || evidence.initial[key] === element ? initialOf(key) : element
  const keyOf = ({ before, after }: VersionPair): number => elements.keyOf(before === NONE ? after : before)
  const builder = new GraphBuilder(elements.size + txns.keys.size)
  evidence.versions.rest.forEach((ofKey, key) => {
    for (const element of ofKey) builder.addEdge(initialOf(key), element, WW)
  })
  for (const pair of all) builder.addEdge(node(pair.before, keyOf(pair)), node(pair.after, keyOf(pair)), WW)
  const { of } = components(builder.build(), WW)
  const circle = ({ before, after }: VersionPair, key: number): boolean =>
    of[node(before, key)] === of[node(after, key)]
  const pairs: VersionPair[] = []
  const told = new Set<number>()
  for (const pair of all) {
    const key = keyOf(pair)
    if (!circle(pair, key)) {
      pairs.push(pair)
      continue
    }
    const part = of[node(pair.before, key)] as number
    if (!pair.assumed || told.has(part)) continue
    told.add(part)
    const name = (element: number): string => (element === NONE ? 'null' : showElement(txns, element))
    const writers = [pair.before, pair.after]
      .filter((element) => element !== NONE)
      .map((element) => writerOf(txns, element))
    findings.add(
      'cyclic-versions',
      keyName(txns, key),
      writers.filter((writer) => writer !== NONE),
      () =>
        `${showKey(txns, key)} was ${name(pair.before)} before it was ${name(pair.after)}, and the other way round`,
    )
  }
  return {
    pairs,
    addEdges: (into) => {
      const readers = readersOf(txns, evidence)
      const after = new Map<number, number[]>()
      for (const pair of pairs) {
        // What comes after the initial state is known of every version; nothing has been written before it.
        if (node(pair.before, keyOf(pair)) >= elements.size) continue
        const list = after.get(pair.before)
        if (list === undefined) after.set(pair.before, [pair.after])
        else list.push(pair.after)
        if (pair.assumed)
          into.addEdge(writerOf(txns, pair.before), writerOf(txns, pair.after), WW, pair.after)
      }
      for (const [before, later] of after) {
        const ofVersion = readers.get(before)
        if (ofVersion !== undefined) addFan(txns, ofVersion, [...new Set(later)], into)
      }
    },
  }
}

function readersOf(txns: Transactions, { versions }: RegisterEvidence): Map<number, number[]> {
  const readers = new Map<number, number[]>()
  for (let slot = 0; slot < versions.reads.length; slot++) {
    const element = versions.last[slot]!
    if (element === NONE) continue
    const reader = txns.owner[versions.reads[slot]!] as number
    const list = readers.get(element)
    if (list === undefined) readers.set(element, [reader])
    else if (list.at(-1) !== reader) list.push(reader)
  }
  return readers
}
