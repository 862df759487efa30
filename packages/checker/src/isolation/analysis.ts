import { type Cycle, findCycles } from './cycles.ts'
import { addDependencies, addProcessOrder, addRealTime, findLostUpdates } from './dependencies.ts'
import { type Findings, type Happened, linkSteps, showElement, showKey, type Versions } from './evidence.ts'
import { cycleName } from './explain.ts'
import { type Graph, GraphBuilder } from './graph.ts'
import { keyName, type Transactions } from './transactions.ts'
import { findFracturedReads, findNonCausalReads, findNonMonotonicReads, tellFractured } from './weak-reads.ts'

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
  if (stages > 1) {
    const done = findNonCausalReads(
      txns,
      versions,
      graph,
      missing[1] ?? new Set(),
      withinBudget,
      (reader, writer, element) => {
        const key = txns.elements.keyOf(element)
        findings.add(
          'non-causal-read',
          keyName(txns, key),
          [reader, writer],
          () =>
            `#${reader} read ${showKey(txns, key)} without ${showElement(txns, element)}, though #${writer}, which wrote it, comes causally before`,
        )
      },
    )
    if (!done) open.add('non-causal-read')
  }
  const done = findNonMonotonicReads(
    txns,
    versions,
    graph,
    missing,
    withinBudget,
    (stage, reader, element) => {
      const key = txns.elements.keyOf(element)
      findings.add(
        cycleName({ name: 'G-monotonic', stage }),
        keyName(txns, key),
        [reader],
        () =>
          `#${reader} read ${showKey(txns, key)} without ${showElement(txns, element)}, on which what it had read before depends`,
      )
    },
  )
  if (!done)
    for (let stage = 0; stage < stages; stage++)
      open.add(cycleName({ name: 'G-monotonic', stage: stage as 0 }))
  return {
    graph,
    findings,
    cycles,
    names: new Set([...findings.counts.keys(), ...cycles.map(cycleName)]),
    undecided: open,
  }
}
