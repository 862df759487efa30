import type { Dot } from '@quorate/vector-clock'
import { CausalContext, type DotRun } from '@quorate/vector-clock/causal-context'
import type { CrdtType } from './crdt.ts'
import { DotIndex } from './dot-index.ts'
import { DuplicateReplicaError } from './errors.ts'

/** What keys may be. Within one type of CRDT, a 1 and a 1n are two. */
export type Key = string | number | bigint

/** What an edit puts in. */
export interface Content<K, P> {
  readonly key: K
  /** What the type makes of it: nothing in a set, a quantity in a cart. Never changes: it is a part of the event. */
  readonly payload: P
}

/** An element with the event that put it there. */
export interface Entry<K, P> extends Dot, Content<K, P> {}

/** An entry as a store has it; those of one key form a list. */
export interface Live<K, P> extends Entry<K, P> {
  next: Live<K, P> | undefined
  previous: Live<K, P> | undefined
}

/** An entry for a store. All are made here, so that they are of one shape for the machine. */
export const makeEntry = <K, P>(key: K, node: string, counter: number, payload: P): Live<K, P> => ({
  key,
  node,
  counter,
  payload,
  next: undefined,
  previous: undefined,
})

/**
 * A state or a part of one. An event in `context` with no entry has been removed.
 *
 * In every fragment, whoever made it: with a removal, all that it removed. So fragments may go to whom they were
 * not made for, and come in any order.
 */
export interface Fragment<K, P> {
  readonly context: CausalContext
  readonly entries: readonly Entry<K, P>[]
}

/** What must be known of a type to join its fragments. */
export interface StoreRules<P> {
  readonly type: CrdtType
  /** True if two payloads are one. One event with two is the mark of two writers with one name. */
  samePayload(a: P, b: P): boolean
}

/** What one edit did: a fragment whose context is made when somebody asks, which for most edits is never. */
export class Edit<K, P> implements Fragment<K, P> {
  readonly node: string
  readonly from: number
  /** The last event of the edit. */
  readonly counter: number
  readonly removed: readonly Dot[]
  readonly entries: readonly Entry<K, P>[]
  #context: CausalContext | undefined

  constructor(
    node: string,
    from: number,
    counter: number,
    removed: readonly Dot[],
    entries: readonly Entry<K, P>[],
  ) {
    this.node = node
    this.from = from
    this.counter = counter
    this.removed = removed
    this.entries = entries
  }

  get context(): CausalContext {
    if (this.#context !== undefined) return this.#context
    this.#context = new CausalContext(this.removed)
    if (this.from <= this.counter) this.#context.addRun(this.node, this.from, this.counter)
    return this.#context
  }
}

/** Adds runs to a context; in order, as one in the middle would move all after it. */
export function addRuns(context: CausalContext, runs: Iterable<DotRun>): void {
  for (const { node, from, to } of [...runs].toSorted((a, b) => a.from - b.from))
    context.addRun(node, from, to)
}

/** Adds to `context` all that the fragments have removed, and the removals. */
export function addRemoved<K, P>(context: CausalContext, fragments: readonly Fragment<K, P>[]): void {
  addRuns(
    context,
    fragments.flatMap((one) =>
      one.context.size > one.entries.length ? [...runsWithout(one.context, one.entries)] : [],
    ),
  )
}

/** What a context holds above a counter of each node. */
export function above(context: CausalContext, counterOf: (node: string) => number): CausalContext {
  const rest = new CausalContext()
  for (const { node, from, to } of context.runs()) {
    const start = Math.max(from, counterOf(node) + 1)
    if (start <= to) rest.addRun(node, start, to)
  }
  return rest
}

/** The highest event of each node. */
export function lastDots(context: CausalContext): Dot[] {
  return context.nodes.map((node) => ({ node, counter: context.last(node) }))
}

/** The runs of a context without some of its events. */
export function* runsWithout(context: CausalContext, without: Iterable<Dot>): Generator<DotRun> {
  const counters = countersOf(without)
  let last = ''
  let at = 0
  for (const { node, from, to } of context.runs()) {
    // Each counter is passed once, however many runs there are.
    if (node !== last) at = 0
    last = node
    const list = counters.get(node)
    let start = from
    for (let counter = list?.[at]; counter !== undefined && counter <= to; counter = list?.[++at]) {
      if (counter > start) yield { node, from: start, to: counter - 1 }
      start = counter + 1
    }
    if (start <= to) yield { node, from: start, to }
  }
}

/** The counters of each node, ascending. */
export function countersOf(dots: Iterable<Dot>): Map<string, Float64Array> {
  const lists = new Map<string, number[]>()
  for (const { node, counter } of dots) if (!lists.get(node)?.push(counter)) lists.set(node, [counter])
  return new Map([...lists].map(([node, list]) => [node, Float64Array.from(list).toSorted()]))
}

/**
 * One fragment that holds all: what one of them removed is not in it.
 *
 * @throws DuplicateReplicaError if one event has two contents.
 */
export function group<K extends Key, P>(
  rules: StoreRules<P>,
  fragments: readonly Fragment<K, P>[],
): Fragment<K, P> {
  const context = new CausalContext()
  const entries = new DotIndex<Entry<K, P>>([])
  for (const fragment of fragments) {
    context.merge(fragment.context)
    for (const entry of fragment.entries) {
      const { key, payload } = entries.get(entry.node, entry.counter) ?? entry
      if (key !== entry.key || !rules.samePayload(payload, entry.payload)) {
        throw new DuplicateReplicaError(rules.type, entry.node, false)
      }
      entries.add(entry)
    }
  }
  const removed = new CausalContext()
  addRemoved(removed, fragments)
  return { context, entries: [...entries].filter((entry) => !removed.has(entry)) }
}
