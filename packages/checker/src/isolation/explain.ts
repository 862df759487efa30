import type { Edge, Violation } from '../result.ts'
import type { Cycle } from './cycles.ts'
import { showElement, showKey, writerOf } from './evidence.ts'
import { type Graph, PROCESS, RW, WR, WW } from './graph.ts'
import { keyName, processName, type Transactions } from './transactions.ts'

const SUFFIX = ['', '-process', '-realtime'] as const

/** `G1c`, `G-single-item-process` … */
export const cycleName = (cycle: { readonly name: string; readonly stage: Cycle['stage'] }): string =>
  `${cycle.name}${SUFFIX[cycle.stage]}`

const MEANING: Readonly<Record<Cycle['name'], string>> = {
  G0: 'each overwrote what the one before it had written',
  G1c: 'each depends on the one before it, so each would have to come before itself',
  'G-single-item': 'one of them did not see what comes before it by all the others',
  'G-prefix': 'what one of them saw is no beginning of any order of commits',
  'G-nonadjacent-item': 'no order of snapshots and commits explains what they saw',
  'G2-item': 'no serial order explains what they saw',
}

/** A cycle in words. */
export function explainCycle(
  txns: Transactions,
  graph: Graph,
  cycle: Cycle,
  model: 'list-append' | 'rw-register',
): Violation {
  const edges = collapse(graph, cycle.edges).map(({ from, to, kind, element }): Edge => {
    const key = element === -1 ? undefined : keyName(txns, txns.elements.keyOf(element))
    const name =
      kind === WW
        ? 'ww'
        : kind === WR
          ? 'wr'
          : kind === RW
            ? 'rw'
            : kind === PROCESS
              ? 'process'
              : 'real-time'
    return { from, to, kind: name, key, because: because(txns, from, to, name, element, model) }
  })
  const operations = edges.map(({ from }) => from)
  const what = `${operations.length} transactions in a circle: ${MEANING[cycle.name]}`
  return {
    name: cycleName(cycle),
    message: `${what}. ${edges.map((edge) => edge.because).join('; ')}`,
    operations: [...new Set(operations)],
    edges,
  }
}

interface PlainEdge {
  readonly from: number
  readonly to: number
  readonly kind: number
  readonly element: number
}

/** Takes helper nodes out: what leads into one and what leads out of it are one edge. */
function collapse(graph: Graph, edges: readonly number[]): PlainEdge[] {
  const start = edges.findIndex((edge) => graph.from[edge]! < graph.real)
  const turned = [...edges.slice(start), ...edges.slice(0, start)]
  const plain: PlainEdge[] = []
  for (const edge of turned) {
    const to = graph.to[edge]!
    const element = graph.element[edge]!
    const open = plain.at(-1)
    if (open !== undefined && open.to >= graph.real) plain[plain.length - 1] = { ...open, to, element }
    else plain.push({ from: graph.from[edge]!, to, kind: graph.kind[edge]!, element })
  }
  return plain
}

function because(
  txns: Transactions,
  from: number,
  to: number,
  kind: Edge['kind'],
  element: number,
  model: 'list-append' | 'rw-register',
): string {
  if (kind === 'process') return `process ${processName(txns, from)} did #${from} before #${to}`
  if (kind === 'real-time') return `#${from} had completed when #${to} began`
  const key = showKey(txns, txns.elements.keyOf(element))
  const value = showElement(txns, element)
  if (model === 'list-append') {
    if (kind === 'ww') return `#${to} appended ${value} to ${key} after an append of #${from}`
    if (kind === 'wr') return `#${to} read ${value} in ${key}, which #${from} appended`
    return `#${from} read ${key} without ${value}, which #${to} appended`
  }
  if (kind === 'ww') return `#${to} set ${key} to ${value} after #${from} had set it`
  if (kind === 'wr') return `#${to} read ${key} = ${value}, which #${writerOf(txns, element)} wrote`
  return `#${from} read ${key} before #${to} set it to ${value}`
}
