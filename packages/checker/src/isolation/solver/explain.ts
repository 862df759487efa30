import type { Key } from '../../operation.ts'
import type { Edge, Violation } from '../../result.ts'
import { text } from '../../sessions/words.ts'
import { INITIAL, OWN, WRITE, type RegisterTransactions } from '../../transactions/register-transactions.ts'
import { cycleOf, type BestCycle } from './cycle-of.ts'
import { keyOf, kindOf, KINDS } from './labels.ts'
import type { MemberEdge } from './lightest-cycle.ts'
import type { Meter } from './meter.ts'
import { polygraphOf, type Polygraph } from './polygraph.ts'
import type { Problem } from './problem.ts'

/** Of more than anybody reads no cycle is told; the search for the best one is made for few. */
const MAX_MEMBERS = 64

/**
 * What is wrong with these members, which contradict each other. An edge that follows from a version order that nobody saw
 * says whether the other order is impossible at once, or ends in a circle as well.
 */
export function explain(problem: Problem, members: Int32Array, meter: Meter): Violation | undefined {
  if (members.length > MAX_MEMBERS) return undefined
  const polygraph = polygraphOf(problem, members, meter, false)
  const cycle = polygraph && cycleOf(polygraph, meter)
  return cycle && violationOf(problem, polygraph, cycle)
}

function violationOf(problem: Problem, polygraph: Polygraph, cycle: BestCycle): Violation {
  const { members } = polygraph
  const edges = cycle.edges.map((edge) => edgeOf(problem, polygraph, edge, cycle.forced))
  const onCycle = edges.map((edge) => edge.from)
  const operations = [...new Set([...onCycle, ...members])]
  const name = nameOf(edges)
  const others = [...members].filter((t) => !onCycle.includes(t)).map((t) => `#${t}`)
  const rest =
    others.length === 0 ? '' : `. What ${others.join(', ')} read rules out other orders of versions`
  return {
    name,
    message: `${meaningOf(name, edges)}: ${edges.map((edge) => edge.because).join('; ')}${rest}`,
    operations,
    edges,
  }
}

function edgeOf(problem: Problem, polygraph: Polygraph, edge: MemberEdge, forced: ReadonlySet<number>): Edge {
  const { transactions } = problem
  const from = polygraph.members[edge.from] as number
  const to = polygraph.members[edge.to] as number
  const kind = KINDS[kindOf(edge.label)] as Edge['kind']
  const ordered = kind !== 'process' && kind !== 'real-time'
  const because = becauseOf(transactions, from, to, kind, keyOf(edge.label))
  const why =
    edge.literal === -1
      ? ''
      : forced.has(edge.literal)
        ? ' (with the versions the other way round there is a circle at once)'
        : ' (with the versions the other way round there is a circle as well)'
  return {
    from,
    to,
    kind,
    key: ordered ? ((transactions.keys.valueOf(keyOf(edge.label)) ?? undefined) as Edge['key']) : undefined,
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
  const name = String((transactions.keys.valueOf(key) as Key | null) ?? 'the register')
  switch (kind) {
    case 'process':
      return `#${from} came before #${to} in process ${transactions.processes[transactions.session[from] as number]}`
    case 'real-time':
      return `#${from} had completed when #${to} began`
    case 'wr':
      return `#${to} read ${name} = ${seenBy(transactions, to, key, from)}, which #${from} wrote`
    case 'ww':
      return `#${to} wrote ${name} after #${from}`
    case 'rw':
      return `#${from} read ${name} = ${seenBy(transactions, from, key, undefined, to)}, and #${to} overwrote that`
    default:
      return kind satisfies never
  }
}

/** What `reader` read from a key, from `writer`, or from anybody but `notFrom`. */
function seenBy(
  transactions: RegisterTransactions,
  reader: number,
  key: number,
  writer: number | undefined,
  notFrom?: number,
): string {
  const { eventStart, eventKey, eventKind, eventTransaction, eventValue, readKind, source, values } =
    transactions
  for (let event = eventStart[reader] as number; event < (eventStart[reader + 1] as number); event++) {
    if (eventKey[event] !== key || eventKind[event] === WRITE || readKind[event] === OWN) continue
    const from = eventTransaction[source[event] as number]
    if ((writer !== undefined && from !== writer) || (notFrom !== undefined && from === notFrom)) continue
    const seen = text(values.valueOf(eventValue[event] as number))
    return readKind[event] === INITIAL ? `${seen} (the initial state)` : seen
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
