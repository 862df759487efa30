import type { History } from '../../history.ts'
import type { MicroOperation, Operation } from '../../operation.ts'

/**
 * Definitions, tried on every order. Slow, and written without the fast code's ideas: no clocks, no bad
 * patterns, no transitive shortcuts, and every choice of what happened and of who wrote a value is tried.
 */
export interface Event {
  readonly kind: 'r' | 'w'
  readonly key: string
  readonly value: unknown
}

export interface Txn {
  readonly index: number
  readonly process: unknown
  readonly certain: boolean
  readonly events: readonly Event[]
}

/** External reads with the writer that is tried: index into the transactions, or -1 for the initial state. */
export interface Read {
  readonly reader: number
  readonly position: number
  readonly key: string
  readonly writer: number
}

export interface World {
  readonly txns: readonly Txn[]
  readonly reads: readonly Read[]
  readonly so: readonly (readonly boolean[])[]
}

const transactionOf = (o: Operation): Txn => {
  const events: Event[] = []
  const certain = o.status === 'ok'
  const r = (key: unknown, value: unknown): unknown =>
    events.push({ kind: 'r', key: String(key), value: value ?? null })
  const w = (key: unknown, value: unknown): unknown => events.push({ kind: 'w', key: String(key), value })
  if (o.op === 'read' && certain) r(o.key, o.output)
  if (o.op === 'write') w(o.key, o.input)
  if (o.op === 'cas' && !(certain && o.output === false)) {
    const [old, next] = o.input as [unknown, unknown]
    r(o.key, old)
    w(o.key, next)
  }
  if (o.op === 'txn')
    for (const [kind, key, value] of (certain ? o.output : o.input) as MicroOperation[])
      if (kind === 'w') w(key, value)
      else if (certain) r(key, value)
  return { index: o.index, process: o.process, certain, events }
}

/**
 * Every way in which it may have been: which unknown operations happened, and which write each read saw.
 * With `badReadsBreak` false, a read that nothing explains is left out.
 */
export function* worlds(history: History, badReadsBreak = true): Generator<World> {
  const possible = history.operations.filter((o) => o.status !== 'fail').map(transactionOf)
  const unsure = possible.filter((txn) => !txn.certain)
  for (let chosen = 0; chosen < 2 ** unsure.length; chosen++) {
    const txns = possible.filter((txn) => txn.certain || ((chosen >> unsure.indexOf(txn)) & 1) === 1)
    const choices: Read[][] = []
    let fine = true
    txns.forEach((txn, reader) => {
      txn.events.forEach((event, position) => {
        if (event.kind === 'w' || !fine) return
        const own = txn.events.slice(0, position).findLast((e) => e.kind === 'w' && e.key === event.key)
        if (own !== undefined) {
          if (own.value !== event.value && badReadsBreak) fine = false
          return
        }
        const writers: number[] = event.value === null ? [-1] : []
        txns.forEach((other, index) => {
          const last = other.events.findLast((e) => e.kind === 'w' && e.key === event.key)
          if (other !== txn && last?.value === event.value && last !== undefined) writers.push(index)
        })
        const explicable = (): boolean =>
          possible.some(
            (other) =>
              other !== txn &&
              other.events.findLast((e) => e.kind === 'w' && e.key === event.key)?.value === event.value,
          )
        if (writers.length === 0 && !badReadsBreak && !explicable()) return
        if (writers.length === 0) fine = false
        choices.push(writers.map((writer) => ({ reader, position, key: event.key, writer })))
      })
    })
    if (!fine) continue
    // An unknown operation comes before nothing in its process.
    const so = txns.map((a) => txns.map((b) => a.process === b.process && a.index < b.index && a.certain))
    for (const reads of product(choices)) yield { txns, reads, so }
  }
}

/** Is there a read that no write explains, whatever happened? */
export const hasUnexplainedRead = (history: History): boolean => worlds(history).next().done === true

function* product<T>(choices: readonly (readonly T[])[]): Generator<T[]> {
  if (choices.length === 0) yield []
  else for (const rest of product(choices.slice(1))) for (const first of choices[0]!) yield [first, ...rest]
}

const writes = (txn: Txn, key: string): boolean => txn.events.some((e) => e.kind === 'w' && e.key === key)

/** (so ∪ wr)+, by trying all middles. */
function causality({ txns, reads, so }: World): boolean[][] {
  const before = so.map((row) => [...row])
  for (const { reader, writer } of reads) if (writer >= 0) before[writer]![reader] = true
  for (let k = 0; k < txns.length; k++)
    for (let i = 0; i < txns.length; i++)
      for (let j = 0; j < txns.length; j++)
        if (before[i]![k] === true && before[k]![j] === true) before[i]![j] = true
  return before
}

/** Is there a total order over `count` things that contains `before` and has `holds`? Positions by thing. */
export function someOrder(
  count: number,
  before: readonly (readonly boolean[])[],
  holds: (position: readonly number[]) => boolean,
): boolean {
  const position = Array.from({ length: count }, () => -1)
  const place = (next: number): boolean => {
    if (next === count) return holds(position)
    for (let i = 0; i < count; i++) {
      if (position[i]! >= 0) continue
      if (before.some((row, j) => row[i] === true && position[j]! < 0)) continue
      position[i] = next
      if (place(next + 1)) return true
      position[i] = -1
    }
    return false
  }
  return place(0)
}

/** The axioms of Biswas and Enea, OOPSLA 2019, figure 2, for every commit order. */
export function bruteForceLevel(
  history: History,
  level: 'read-committed' | 'read-atomic' | 'causal',
): boolean {
  for (const world of worlds(history)) {
    const { txns, reads, so } = world
    const causal = causality(world)
    const wr = so.map((row) => row.map(() => false))
    for (const { reader, writer } of reads) if (writer >= 0) wr[writer]![reader] = true
    const related = (t2: number, read: Read): boolean => {
      const t3 = read.reader
      if (level === 'causal') return causal[t2]![t3]!
      if (level === 'read-atomic') return so[t2]![t3]! || wr[t2]![t3]!
      return reads.some(
        (other) => other.reader === t3 && other.writer === t2 && other.position < read.position,
      )
    }
    const kept = someOrder(txns.length, causal, (position) =>
      reads.every((read) =>
        txns.every((txn, t2) => {
          if (t2 === read.writer || t2 === read.reader || !writes(txn, read.key) || !related(t2, read))
            return true
          return read.writer >= 0 && position[t2]! < position[read.writer]!
        }),
      ),
    )
    if (kept) return true
  }
  return false
}

/** Causal consistency by its definition: for each read an order of what came before it that explains it. */
export function bruteForceCc(history: History): boolean {
  for (const world of worlds(history)) {
    const { txns, reads } = world
    const causal = causality(world)
    if (txns.some((_, t) => causal[t]![t])) continue
    const kept = reads.every((read) => {
      const past = txns.map((_, t) => t).filter((t) => causal[t]![read.reader])
      const within = past.map((a) => past.map((b) => causal[a]![b]!))
      return someOrder(past.length, within, (position) => {
        let last = -1
        past.forEach((t, i) => {
          if (writes(txns[t]!, read.key) && (last < 0 || position[i]! > position[last]!)) last = i
        })
        return (last < 0 ? -1 : past[last]!) === read.writer
      })
    })
    if (kept) return true
  }
  return false
}

/** Causal convergence by its definition: one order of all, and each read sees the last write of those before it. */
export function bruteForceCcv(history: History): boolean {
  for (const world of worlds(history)) {
    const { txns, reads } = world
    const causal = causality(world)
    const kept = someOrder(txns.length, causal, (position) =>
      reads.every((read) => {
        let last = -1
        txns.forEach((txn, t) => {
          if (!causal[t]![read.reader] || !writes(txn, read.key)) return
          if (last < 0 || position[t]! > position[last]!) last = t
        })
        return last === read.writer
      }),
    )
    if (kept) return true
  }
  return false
}
