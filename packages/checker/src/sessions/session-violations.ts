import type { Edge, Violation } from '../result.ts'
import type { CreationTimes } from './creation-times.ts'
import { type EdgeColumns, IntGraph } from './int-graph.ts'
import {
  BY_CAS,
  BY_MONOTONIC_READS,
  BY_MONOTONIC_WRITES,
  BY_READ_YOUR_WRITES,
  BY_WRITES_FOLLOW_READS,
  eventOf,
  kindOf,
  type SessionGuarantee,
  type StaleRead,
} from './session-scan.ts'
import type { Findings, WeakInput } from './weak-check.ts'

const KIND_OF: Readonly<Record<SessionGuarantee, number>> = {
  'read-your-writes': BY_READ_YOUR_WRITES,
  'monotonic-reads': BY_MONOTONIC_READS,
  'monotonic-writes': BY_MONOTONIC_WRITES,
  'writes-follow-reads': BY_WRITES_FOLLOW_READS,
}

/** A read that is wrong by an order of versions that is known. */
export function staleReadViolation(
  { view, words }: WeakInput,
  { guarantee, read, because }: StaleRead,
  times: CreationTimes | undefined,
): Violation {
  const { transactions, from } = view
  const { source, eventTransaction } = transactions
  const reader = words.transactionOf(read)
  const earlier = words.transactionOf(because)
  const version = from[read]! < 0 ? -1 : source[read]!
  const newer = guarantee === 'read-your-writes' ? because : source[because]!
  const newerWriter = eventTransaction[newer]!
  const proof = version < 0 ? -1 : (times?.proof[version] ?? -1)
  const process = words.process(reader)
  const key = words.key(read)
  const did =
    guarantee === 'read-your-writes'
      ? `written ${words.value(newer)} (#${earlier})`
      : `read ${words.value(because)} (#${earlier}), which #${newerWriter} wrote`
  const older = version < 0 ? 'is the initial value' : `is older: ${created(words, version, newer, proof)}`
  const edges: Edge[] = [
    {
      from: reader,
      to: newerWriter,
      kind: 'rw',
      key,
      because: `#${reader} ${words.read(read)}, which ${older}`,
    },
  ]
  if (guarantee === 'monotonic-reads')
    edges.push(words.edge({ before: newerWriter, after: earlier, why: 'wr', event: because }))
  edges.push(words.edge({ before: earlier, after: reader, why: 'process', event: -1 }))
  const operations = [reader, earlier, newerWriter]
  if (version >= 0) operations.push(eventTransaction[version]!)
  if (proof >= 0) operations.push(words.transactionOf(proof))
  return {
    name: guarantee,
    message: `process ${process} ${words.read(read)} (#${reader})${version < 0 ? '' : `, which #${eventTransaction[version]} wrote`}, after it had ${did}; ${words.value(read)} ${older}`,
    operations: [...new Set(operations)],
    edges,
    key,
  }
}

function created(words: WeakInput['words'], version: number, newer: number, proof: number): string {
  const after = words.transactionOf(newer)
  return proof < 0
    ? `#${words.transactionOf(version)} had completed when #${after} began`
    : `#${words.transactionOf(proof)} had read it when #${after} began`
}

/** Guarantees that no order of versions satisfies, as cycles: each one by itself, or if there is none, all together. */
export function sessionCycles(
  input: WeakInput,
  guarantees: ReadonlySet<SessionGuarantee>,
  edges: EdgeColumns,
  nodes: number,
  times: CreationTimes | undefined,
): Findings {
  const { meter, maxViolations } = input
  const all = new IntGraph(nodes, edges, meter).cycles(maxViolations)
  if (all.count === 0) return { violations: [], count: 0 }
  const known = new IntGraph(nodes, edges, meter, (label) => kindOf(label) >= BY_CAS).cycles(maxViolations)
  const describe = (cycle: readonly number[]): Violation => cycleViolation(input, cycle, edges, times)
  if (known.count > 0) return { violations: known.cycles.map(describe), count: known.count }
  const violations: Violation[] = []
  let count = 0
  for (const guarantee of guarantees) {
    const kind = KIND_OF[guarantee]
    const keep = (label: number): boolean => kindOf(label) === kind || kindOf(label) >= BY_CAS
    const { count: found, cycles } = new IntGraph(nodes, edges, meter, keep).cycles(maxViolations)
    count += found
    violations.push(...cycles.map(describe))
  }
  if (count > 0) return { violations, count }
  return { violations: all.cycles.map(describe), count: all.count }
}

/** Why one version is older than the next, with the helper nodes left out. */
interface Step {
  readonly older: number
  newer: number
  readonly kind: number
  read: number
}

function cycleViolation(
  input: WeakInput,
  cycle: readonly number[],
  edges: EdgeColumns,
  times: CreationTimes | undefined,
): Violation {
  const { view, words } = input
  const { eventTransaction } = view.transactions
  const isVersion = (node: number): boolean => node < view.from.length
  const start = cycle.findIndex((edge) => isVersion(edges.from[edge]!))
  const steps: Step[] = []
  for (const edge of [...cycle.slice(start), ...cycle.slice(0, start)]) {
    const label = edges.label[edge]!
    const read = eventOf(label)
    if (isVersion(edges.from[edge]!))
      steps.push({ older: edges.from[edge]!, newer: edges.to[edge]!, kind: kindOf(label), read })
    const step = steps.at(-1)!
    step.newer = edges.to[edge]!
    if (read >= 0) step.read = read
  }
  const explained = steps.map((step) => explain(input, step, times))
  const involved = (guarantee: SessionGuarantee): boolean =>
    steps.some((step) => step.kind === KIND_OF[guarantee])
  const names = (Object.keys(KIND_OF) as SessionGuarantee[]).filter(involved)
  const operations = new Set<number>()
  const reads = steps.filter((step) => step.read >= 0).map((step) => words.transactionOf(step.read))
  for (const reader of reads.toSorted((a, b) => b - a)) operations.add(reader)
  for (const { older } of steps) operations.add(eventTransaction[older]!)
  for (const { evidence } of explained) for (const operation of evidence) operations.add(operation)
  const key = words.key(steps[0]!.older)
  return {
    name: names.length === 0 ? 'cyclic-versions' : names.join(' or '),
    message: `no order of versions allows that ${explained.map(({ edge }) => edge.because).join(', that ')}`,
    operations: [...operations],
    edges: explained.map(({ edge }) => edge),
    ...(steps.every((step) => words.key(step.older) === key) ? { key } : {}),
  }
}

function explain(
  { view, words }: WeakInput,
  { older, newer, kind, read }: Step,
  times: CreationTimes | undefined,
): { readonly edge: Edge; readonly evidence: readonly number[] } {
  const from = words.transactionOf(older)
  const to = words.transactionOf(newer)
  const key = words.key(older)
  const what = (version: number): string =>
    `${words.value(version)} to ${words.keyText(version)} (#${words.transactionOf(version)})`
  const reader = read < 0 ? -1 : words.transactionOf(read)
  const process = reader < 0 ? words.process(to) : words.process(reader)
  const edge = (because: string, edgeKind: Edge['kind'] = 'ww'): Edge =>
    words.key(newer) === key
      ? { from, to, kind: edgeKind, key, because }
      : { from, to, kind: edgeKind, because }
  switch (kind) {
    case BY_READ_YOUR_WRITES:
      return {
        edge: edge(
          `process ${process} wrote ${what(older)} and then read ${words.value(newer)} (#${reader})`,
        ),
        evidence: [reader],
      }
    case BY_MONOTONIC_READS: {
      const before = earlierRead(view, read, older)
      return {
        edge: edge(
          `process ${process} read ${words.value(older)} (#${before}) and then ${words.value(newer)} (#${reader}) from ${words.keyText(older)}`,
        ),
        evidence: [before, reader],
      }
    }
    case BY_MONOTONIC_WRITES:
      return {
        edge: edge(`process ${process} wrote ${what(older)} and then ${what(newer)}`, 'process'),
        evidence: [],
      }
    case BY_WRITES_FOLLOW_READS:
      return {
        edge: edge(
          `process ${process} read ${words.value(older)} from ${words.keyText(older)} (#${reader}) and then wrote ${what(newer)}`,
        ),
        evidence: [reader],
      }
    case BY_CAS:
      return { edge: edge(`#${to} replaced ${words.value(older)} by ${words.value(newer)}`), evidence: [] }
    default: {
      const proof = times?.proof[older] ?? -1
      return {
        edge: edge(created(words, older, newer, proof), proof < 0 ? 'real-time' : 'ww'),
        evidence: proof < 0 ? [] : [words.transactionOf(proof)],
      }
    }
  }
}

/** The last read of `version` in the session before `read`. */
function earlierRead(view: WeakInput['view'], read: number, version: number): number {
  const { source, eventTransaction, session } = view.transactions
  const s = session[eventTransaction[read]!]
  for (let event = read - 1; event >= 0; event--)
    if (source[event] === version && view.from[event]! >= 0 && session[eventTransaction[event]!] === s)
      return eventTransaction[event]!
  return eventTransaction[version]!
}
