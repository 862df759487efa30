import { type Cycle, findCycles, type Stage } from './cycles.ts'
import { addDependencies, addProcessOrder, addRealTime, findLostUpdates } from './dependencies.ts'
import {
  type Findings,
  type Happened,
  linkSteps,
  showElement,
  showKey,
  type Versions,
  writerOf,
} from './evidence.ts'
import { cycleName } from './explain.ts'
import { type Graph, GraphBuilder } from './graph.ts'
import { keyName, type Transactions } from './transactions.ts'
import { findNonCausalReads, findNonMonotonicReads } from './causal-reads.ts'
import { findFracturedReads, tellFractured } from './fractured-reads.ts'

/** What is wrong with transactions, given what is known of the order of versions. */
export interface Analysis {
  readonly graph: Graph
  readonly findings: Findings
  readonly cycles: readonly Cycle[]
  /** Names of all anomalies, of cycles too. */
  readonly names: ReadonlySet<string>
  /** Names for which the budget did not suffice. */
  readonly undecided: ReadonlySet<string>
}

export interface AnalysisInput {
  readonly txns: Transactions
  readonly versions: Versions
  readonly happened: Happened
  /** 1: no order but that of data. 2: order of processes too. 3: real time too. */
  readonly stages: number
  readonly withinBudget: () => boolean
  /** Adds to these. */
  readonly findings: Findings
  /** More edges, of versions whose order is known only in pairs. */
  readonly addEdges?: (builder: GraphBuilder) => void
}

export function analyse(input: AnalysisInput): Analysis {
  const { txns, versions, happened, stages, withinBudget, findings } = input
  const builder = new GraphBuilder(txns.count)
  addDependencies(txns, versions, happened, builder)
  input.addEdges?.(builder)
  if (stages > 1) addProcessOrder(txns, happened, builder)
  if (stages > 2) addRealTime(txns, happened, builder)
  const graph = builder.build()

  findLostUpdates(txns, versions, happened, linkSteps(txns).next, (loser, between, key, element) =>
    findings.add(
      'lost-update',
      keyName(txns, key),
      [loser, between],
      () =>
        `#${loser} read ${showKey(txns, key)} and then wrote it, but #${between} had written ${showElement(txns, element)} in between`,
    ),
  )
  findFracturedReads(txns, versions, happened, stages, (...missed) =>
    tellFractured(txns, findings, ...missed),
  )
  const { cycles, undecided, missing } = findCycles(graph, stages, withinBudget)
  const open = new Set(undecided.map(cycleName))
  const missed = (name: string, why: string) => (reader: number, element: number) => {
    const key = txns.elements.keyOf(element)
    findings.add(
      name,
      keyName(txns, key),
      [reader, writerOf(txns, element)],
      () =>
        `#${reader} read ${showKey(txns, key)} without ${showElement(txns, element)}, which #${writerOf(txns, element)} wrote, though ${why}`,
    )
  }
  if (stages > 1) {
    const report = missed('non-causal-read', 'this or a later version comes causally before it')
    if (!findNonCausalReads(txns, versions, graph, missing[1] ?? new Set(), withinBudget, report))
      open.add('non-causal-read')
  }
  missing.forEach((readers, at) => {
    const stage = at as Stage
    const name = cycleName({ name: 'G-monotonic', stage })
    const report = missed(name, 'something it had read or overwritten before depends on it')
    if (!findNonMonotonicReads(txns, versions, happened, graph, stage, readers, withinBudget, report))
      open.add(name)
  })
  return {
    graph,
    findings,
    cycles,
    names: new Set([...findings.counts.keys(), ...cycles.map(cycleName)]),
    undecided: open,
  }
}
