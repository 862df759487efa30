import type { Edge, Violation } from '../result.ts'
import { findCausalPatterns } from './causal-patterns.ts'
import { findCycles, shortened, type Step } from './order-graph.ts'
import type { View } from './view.ts'
import type { Findings, WeakInput } from './weak-check.ts'

/** The bad patterns of causal consistency as violations. */
export function causalFindings(input: WeakInput, variant: 'cc' | 'ccv'): Findings {
  const { view, writers, words, meter, maxViolations } = input
  const patterns = findCausalPatterns(view, writers(), meter, {
    convergent: variant === 'ccv',
    maxViolations,
  })
  const { cyclic, initialReads, staleReads, conflictCycle } = patterns
  const violations: Violation[] = []
  const add = (make: () => Violation): void => {
    if (violations.length < maxViolations) violations.push(make())
  }
  let cycles = 0
  if (cyclic.length > 0) {
    const found = findCycles(view, undefined, meter, maxViolations)
    cycles = found.count
    for (const cycle of found.cycles)
      add(() => {
        const edges = cycle.map((step) => words.edge(step))
        return {
          name: 'CyclicCO',
          message: `${words.who(cycle[0]!.before)} comes before itself: ${edges.map((edge) => edge.because).join('; ')}`,
          operations: cycle.map((step) => step.before),
          edges,
        }
      })
  }
  for (const [read, missed] of initialReads.first)
    add(() => missedWrite(input, read, missed, 'WriteCOInitRead'))
  for (const [read, missed] of staleReads.first) add(() => missedWrite(input, read, missed, 'WriteCORead'))
  if (conflictCycle !== undefined)
    add(() => {
      const { transactions, reads } = conflictCycle
      const edges: Edge[] = []
      const operations = new Set<number>()
      const readers = new Set<number>()
      transactions.forEach((before, index) => {
        const after = transactions[(index + 1) % transactions.length]!
        const read = reads[index]!
        if (read < 0) {
          const path = causalPath(view, before, after)
          for (const step of path) operations.add(step.before)
          edges.push(...path.map((step) => words.edge(step)))
          return
        }
        operations.add(before)
        readers.add(words.transactionOf(read))
        for (const step of causalPath(view, before, words.transactionOf(read))) operations.add(step.before)
        edges.push(words.edge({ before, after, why: 'ww', event: read }))
      })
      return {
        name: 'CyclicCF',
        message: `No order of versions suits all reads: ${edges.map((edge) => edge.because).join('; ')}`,
        operations: [...new Set([...readers, ...operations])],
        edges,
      }
    })
  return {
    violations,
    count: cycles + initialReads.count + staleReads.count + (conflictCycle === undefined ? 0 : 1),
  }
}

/** A read that saw less than its transaction knew of. */
function missedWrite({ view, words }: WeakInput, read: number, missed: number, name: string): Violation {
  const reader = words.transactionOf(read)
  const source = view.from[read]!
  const toReader = causalPath(view, missed, reader)
  const toMissed = source < 0 ? [] : causalPath(view, source, missed)
  const because = `#${reader} ${words.read(read)}, which is older than what ${words.wrote(missed, read)}`
  const edges: Edge[] = [
    { from: reader, to: missed, kind: 'rw', key: words.key(read), because },
    ...toReader.map((step) => words.edge(step)),
  ]
  const old = source < 0 ? 'the initial value' : `which #${source} wrote`
  const newer = source < 0 ? '' : ` after #${source}`
  const operations = [reader, missed, ...(source < 0 ? [] : [source]), ...toMissed.map((step) => step.before)]
  return {
    name,
    message: `${words.who(reader)} ${words.read(read)}, ${old}, although it came after #${missed}, which wrote ${words.wroteValue(missed, read)}${newer}`,
    operations: [...new Set([...operations, ...toReader.map((step) => step.before)])],
    edges,
    key: words.key(read),
  }
}

/** The shortest chain of sessions and reads from one transaction to another; searched backwards. */
function causalPath(view: View, before: number, after: number): Step[] {
  const { chain, chainStart, chainTransactions, parent, from, transactions } = view
  const next = new Map<number, Step>()
  const reached = (step: Step): void => {
    if (next.has(step.before)) return
    next.set(step.before, step)
    queue.push(step.before)
  }
  const position = positions(view)
  const queue = [after]
  for (let i = 0; i < queue.length && !next.has(before); i++) {
    const t = queue[i]!
    for (let event = transactions.eventStart[t]!; event < transactions.eventStart[t + 1]!; event++)
      if (from[event]! >= 0) reached({ before: from[event]!, after: t, why: 'wr', event })
    // Within one session one step goes as far as wanted.
    if (chain[t] === chain[before] && position[t]! > position[before]!)
      reached({ before, after: t, why: 'process', event: -1 })
    const at = position[t]!
    const previous = at === chainStart[chain[t]!]! ? parent[chain[t]!]! : chainTransactions[at - 1]!
    if (previous >= 0) reached({ before: previous, after: t, why: 'process', event: -1 })
  }
  const path: Step[] = []
  for (let t = before; t !== after;) {
    const step = next.get(t)
    if (step === undefined) return path
    path.push(step)
    t = step.after
  }
  return shortened(view, path)
}

const known = new WeakMap<View, Int32Array>()

/** Where each transaction is in `chainTransactions`. */
function positions(view: View): Int32Array {
  let position = known.get(view)
  if (position === undefined) {
    position = new Int32Array(view.transactions.size)
    for (let i = 0; i < view.chainStart[view.chainCount]!; i++) position[view.chainTransactions[i]!] = i
    known.set(view, position)
  }
  return position
}
