import type { Edge, Violation } from '../../result.ts'
import { INITIAL, WRITE, type RegisterTransactions } from '../../transactions/register-transactions.ts'
import { keyOf, kindOf, KINDS, READ_WRITE } from './labels.ts'
import { lightestCycle, type Edges, type MemberEdge } from './lightest-cycle.ts'
import type { Meter } from './meter.ts'
import { polygraphOf, type Polygraph } from './polygraph.ts'
import type { Problem } from './problem.ts'
import { certainOf, prune, take, type Certain } from './prune.ts'

/** Why a version order was taken as it is. */
const FORCED = 1
const ASSUMED = 2

/**
 * A cycle of these members, which contradict each other. Where a version order is open, the side taken is either the one
 * that is left because the other one closes a cycle at once, or one of two that both end in a cycle; the edge says which.
 */
export function explain(problem: Problem, members: Int32Array, meter: Meter): Violation | undefined {
  const polygraph = polygraphOf(problem, members, meter)
  if (polygraph === undefined) return undefined
  const { graph } = polygraph
  const certain = certainOf(graph)
  const whys = new Uint8Array(graph.choices * 2)
  for (;;) {
    const pruned = prune(graph, certain, meter)
    if (pruned.kind === 'spent') return undefined
    for (let literal = 0; literal < whys.length; literal++)
      if (certain.taken[literal] === 1 && whys[literal] === 0) whys[literal] = FORCED
    if (pruned.kind === 'contradiction') {
      const cycle = lightestOf(polygraph, certain, pruned.choice)
      return cycle === undefined ? undefined : violationOf(problem, polygraph, cycle, whys)
    }
    const open = certain.taken.findIndex((taken, literal) => taken === 0 && certain.taken[literal ^ 1] === 0)
    if (open === -1) return undefined
    take(graph, certain, open)
    whys[open] = ASSUMED
  }
}

/** Of what is certain; if the contradiction is a choice, with the better one of its sides. */
function lightestOf(
  polygraph: Polygraph,
  certain: Certain,
  choice: number | undefined,
): readonly MemberEdge[] | undefined {
  const { graph } = polygraph
  const sides = choice === undefined ? [-1] : [choice * 2, choice * 2 + 1]
  let best: readonly MemberEdge[] | undefined
  for (const side of sides) {
    const edges: Edges = { from: [], to: [], label: [], literal: [] }
    const add = (from: number, to: number, label: number, literal: number): void => {
      ;(edges.from as number[]).push(from)
      ;(edges.to as number[]).push(to)
      ;(edges.label as number[]).push(label)
      ;(edges.literal as number[]).push(literal)
    }
    graph.from.forEach((from, i) => add(from, graph.to[i] as number, graph.label[i] as number, -1))
    for (let literal = 0; literal < graph.choices * 2; literal++) {
      if (certain.taken[literal] === 0 && literal !== side) continue
      for (let i = graph.sideStart[literal] as number; i < (graph.sideStart[literal + 1] as number); i++)
        add(graph.sideFrom[i] as number, graph.sideTo[i] as number, graph.sideLabel[i] as number, literal)
    }
    const cycle = lightestCycle(polygraph, graph.nodes, edges)
    if (cycle !== undefined && (best === undefined || weight(cycle) < weight(best))) best = cycle
  }
  return best
}

const countOf = (cycle: readonly MemberEdge[], kind: number): number =>
  cycle.filter((edge) => kindOf(edge.label) === kind).length

const weight = (cycle: readonly MemberEdge[]): number => countOf(cycle, READ_WRITE) * 100 + cycle.length

function violationOf(
  problem: Problem,
  polygraph: Polygraph,
  cycle: readonly MemberEdge[],
  whys: Uint8Array,
): Violation {
  const { members } = polygraph
  const edges = cycle.map((edge) => edgeOf(problem, polygraph, edge, whys))
  const onCycle = edges.map((edge) => edge.from)
  const operations = [...new Set([...onCycle, ...members])]
  const name = nameOf(edges)
  const others = operations.length - new Set(onCycle).size
  const rest = others === 0 ? '' : `; the order of versions is that of ${others} more`
  return {
    name,
    message: `${meaningOf(name, edges)}: ${edges.map((edge) => edge.because).join('; ')}${rest}`,
    operations,
    edges,
  }
}

function edgeOf(problem: Problem, polygraph: Polygraph, edge: MemberEdge, whys: Uint8Array): Edge {
  const { transactions } = problem
  const from = polygraph.members[edge.from] as number
  const to = polygraph.members[edge.to] as number
  const kind = KINDS[kindOf(edge.label)] as Edge['kind']
  const ordered = kind !== 'process' && kind !== 'real-time'
  const because = becauseOf(transactions, from, to, kind, keyOf(edge.label))
  const why =
    edge.literal === -1
      ? ''
      : whys[edge.literal] === FORCED
        ? ' (the other way round they are in a circle at once)'
        : ' (the other way round they are in a circle as well)'
  return {
    from,
    to,
    kind,
    key: ordered ? (transactions.keys.valueOf(keyOf(edge.label)) as Edge['key']) : undefined,
    because: because + why,
  }
}

function becauseOf(
  transactions: RegisterTransactions,
  from: number,
  to: number,
  kind: Edge['kind'],
  key: number,
): string {
  const name = String(transactions.keys.valueOf(key))
  switch (kind) {
    case 'process':
      return `#${from} came before #${to} in process ${transactions.processes[transactions.session[from] as number]}`
    case 'real-time':
      return `#${from} had completed when #${to} began`
    case 'wr':
      return `#${to} read ${name} = ${seenBy(transactions, to, key)}, which #${from} wrote`
    case 'ww':
      return `#${to} wrote ${name} after #${from}`
    case 'rw':
      return `#${from} read ${name} = ${seenBy(transactions, from, key)}, and #${to} overwrote that`
    default:
      return kind satisfies never
  }
}

/** What a transaction read from a key, from outside. */
function seenBy(transactions: RegisterTransactions, t: number, key: number): string {
  const { eventStart, eventKey, eventKind, eventValue, readKind } = transactions
  for (let event = eventStart[t] as number; event < (eventStart[t + 1] as number); event++) {
    if (eventKey[event] !== key || eventKind[event] === WRITE) continue
    const text = JSON.stringify(transactions.values.valueOf(eventValue[event] as number)) ?? 'nothing'
    return readKind[event] === INITIAL ? `${text} (the initial state)` : text
  }
  return 'nothing'
}

/** In the names of Adya (1999) and Elle, which `checkIsolation()` uses as well. */
function nameOf(edges: readonly Edge[]): string {
  const rw = edges.filter((edge) => edge.kind === 'rw').length
  const data = edges.filter((edge) => edge.kind === 'wr').length + rw
  const suffix = edges.some((edge) => edge.kind === 'real-time')
    ? '-realtime'
    : edges.some((edge) => edge.kind === 'process')
      ? '-process'
      : ''
  if (isLostUpdate(edges)) return 'lost-update'
  if (data === 0) return `G0${suffix}`
  if (rw === 0) return `G1c${suffix}`
  if (rw === 1) return `G-single-item${suffix}`
  const adjacent = edges.some((edge, i) => edge.kind === 'rw' && edges[(i + 1) % edges.length]?.kind === 'rw')
  return `${adjacent ? 'G2-item' : 'G-nonadjacent-item'}${suffix}`
}

/** Two transactions of which one overwrote the key after a state that did not have what the other one wrote. */
function isLostUpdate(edges: readonly Edge[]): boolean {
  const [first, second] = edges
  if (edges.length !== 2 || first === undefined || second === undefined || first.key !== second.key)
    return false
  const kinds = `${first.kind} ${second.kind}`
  return kinds === 'rw rw' || kinds === 'ww rw' || kinds === 'rw ww'
}

function meaningOf(name: string, edges: readonly Edge[]): string {
  const count = edges.length
  const plain = name.replace(/-(process|realtime)$/, '')
  const size = `${count} transactions in a circle`
  const rw = edges.filter((edge) => edge.kind === 'rw').length
  const wr = edges.filter((edge) => edge.kind === 'wr').length
  if (name === 'lost-update') return 'Lost update'
  if (plain === 'G-single-item') return `Read skew, ${size}`
  if (plain === 'G2-item') return count === 2 ? 'Write skew' : `Not serializable, ${size}`
  if (plain === 'G-nonadjacent-item')
    return count === 4 && rw === 2 && wr === 2 ? 'Long fork' : `No snapshots explain these, ${size}`
  if (plain === 'G1c') return `Circular information flow, ${size}`
  return `Writes that overwrite each other, ${size}`
}
