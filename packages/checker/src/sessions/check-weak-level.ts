import type { History } from '../history.ts'
import type { CheckResult, Violation } from '../result.ts'
import { causalFindings } from './causal-findings.ts'
import { findCycles, type Step } from './order-graph.ts'
import { readAtomicEdges, readCommittedEdges, type VersionEdges } from './version-edges.ts'
import { checkWeakly, type Findings, type WeakCheckOptions, type WeakInput } from './weak-check.ts'

/** Levels of isolation that can be decided in nearly linear time although nobody knows the order of versions. */
export type WeakLevel = 'read-committed' | 'read-atomic' | 'causal'

/**
 * Is there an order of all transactions, sessions and reads kept, that explains every read?
 *
 * With `co` for that order, `so` for sessions and `wr` for reads, a transaction `t3` that reads `x` from `t1`
 * must not have missed another writer `t2` of `x`: `t2` is before `t1` in `co` whenever
 * - `read-committed`: `t3` had read something else from `t2` before;
 * - `read-atomic`: `t3` reads anything from `t2`, or follows it in its session;
 * - `causal`: `t3` follows `t2` by any chain of sessions and reads.
 *
 * Sessions count at every level, as they do in the literature these definitions are from: Biswas and Enea, "On
 * the Complexity of Checking Transactional Consistency", OOPSLA 2019; Møldrup and Pavlogiannis, "AWDIT",
 * PLDI 2025. Reads from aborted (G1a), intermediate (G1b) or missing writes break every level.
 *
 * Violations: `thin-air-read`, `G1a`, `G1b`, `future-read`, `internal`; cycles `G1c` (reads only), `G1c-process`
 * (sessions too), `non-monotonic-read` (read committed), `fractured-read` (read atomic); those of
 * `checkCausal()` for `causal`.
 *
 * `unknown` if values are written twice and that matters, or the budget ends.
 * @throws HistoryContentError if the history is not one of registers.
 */
export function checkWeakLevel(
  history: History,
  level: WeakLevel,
  options: WeakCheckOptions = {},
): CheckResult {
  const find = FIND[level]
  if (find === undefined)
    throw new RangeError(`level must be 'read-committed', 'read-atomic' or 'causal', got '${level}'`)
  return checkWeakly(history, level, options, find)
}

const FIND: Readonly<Record<string, ((input: WeakInput) => Findings) | undefined>> = {
  'read-committed': (input) =>
    cycleFindings(input, readCommittedEdges(input.view, input.writers(), input.meter), 'non-monotonic-read'),
  'read-atomic': (input) =>
    cycleFindings(input, readAtomicEdges(input.view, input.writers(), input.meter), 'fractured-read'),
  causal: (input) => causalFindings(input, 'ccv'),
}

function cycleFindings(input: WeakInput, edges: VersionEdges, name: string): Findings {
  const { view, meter, maxViolations } = input
  const violations: Violation[] = []
  let count = 0
  for (let i = 0; i < edges.count; i++) {
    if (edges.after[i]! >= 0) continue
    count++
    if (violations.length < maxViolations)
      violations.push(missedWrite(input, edges.before[i]!, edges.read[i]!, name))
  }
  const { count: cycles, cycles: listed } = findCycles(view, edges, meter, maxViolations)
  for (const cycle of listed) violations.push(cycleViolation(input, cycle, name))
  return { violations, count: count + cycles, stats: { edges: edges.count } }
}

/** A read of the initial state by one that should have seen a write. */
function missedWrite({ words, view }: WeakInput, writer: number, read: number, name: string): Violation {
  const reader = words.transactionOf(read)
  const { eventStart } = view.transactions
  let seen = -1
  for (let event = eventStart[reader]!; event < eventStart[reader + 1]!; event++)
    if (view.from[event] === writer) seen = event
  const first: Step =
    seen < 0
      ? { before: writer, after: reader, why: 'process', event: -1 }
      : { before: writer, after: reader, why: 'wr', event: seen }
  const saw = seen < 0 ? 'which came before it in its session' : `from which it ${words.read(seen)}`
  const because = `#${reader} ${words.read(read)}, which is older than what ${words.wrote(writer, read)}`
  return {
    name,
    message: `${words.who(reader)} ${words.read(read)}, the initial value, but ${words.wrote(writer, read)}, ${saw}`,
    operations: [reader, writer],
    edges: [words.edge(first), { from: reader, to: writer, kind: 'rw', key: words.key(read), because }],
    key: words.key(read),
  }
}

function cycleViolation({ words }: WeakInput, cycle: readonly Step[], name: string): Violation {
  const version = cycle.find((step) => step.why === 'ww')
  const edges = cycle.map((step) => words.edge(step))
  const onCycle = cycle.map((step) => step.before)
  const readers = cycle.filter((step) => step.why === 'ww').map((step) => words.transactionOf(step.event))
  if (version === undefined) {
    const sessions = cycle.some((step) => step.why === 'process')
    return {
      name: sessions ? 'G1c-process' : 'G1c',
      message: `${words.who(onCycle[0]!)} comes before itself: ${edges.map((edge) => edge.because).join('; ')}`,
      operations: onCycle,
      edges,
    }
  }
  const { event, before, after } = version
  const reader = words.transactionOf(event)
  return {
    name,
    message: `${words.who(reader)} ${words.read(event)}, which #${after} wrote, although it came after #${before}, which wrote ${words.wroteValue(before, event)}; no order of versions allows that: ${edges.map((edge) => edge.because).join('; ')}`,
    operations: [...new Set([reader, ...readers, ...onCycle])],
    edges,
    key: words.key(event),
  }
}
