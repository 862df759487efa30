import { type Happened, LATER, type Versions, writerOf } from './evidence.ts'
import { components, cyclicPart, DATA, type Graph, PROCESS, REAL_TIME, WR, WW } from './graph.ts'
import { COMMITTED, NONE, type Transactions } from './transactions.ts'

/** More orders than this of what nobody saw are not tried one by one. */
const MOST_ORDERS = 720

/** Complete orders of versions: where nothing is wrong in one of them, nothing is wrong. */
export interface Guesses {
  readonly orders: Iterable<Versions>
  /** Are these all there are, as far as levels above read committed can tell them apart? */
  readonly exhaustive: boolean
}

/** All versions in the order of their writers; what is in `order` stays first. */
export function ordered(txns: Transactions, versions: Versions, rank: (txn: number) => number): Versions {
  const place = versions.place.slice()
  const order = versions.order.map((known, key) => {
    const rest = (versions.rest[key] as readonly number[]).toSorted((a, b) => {
      const [first, second] = [writerOf(txns, a), writerOf(txns, b)]
      return rank(first) - rank(second) || first - second || stepOf(txns, a) - stepOf(txns, b)
    })
    const all = [...known, ...rest]
    all.forEach((element, at) => (place[element] = at))
    return all
  })
  const seen = versions.seen.map((count, slot) => {
    const element = versions.last[slot]!
    return count === -1 && element !== NONE && versions.place[element] === LATER ? place[element]! + 1 : count
  })
  return { ...versions, order, rest: order.map(() => []), place, seen }
}

const stepOf = (txns: Transactions, element: number): number => txns.elements.writer[element]!

/** Orders for registers: by completion, by what is known of all dependencies, and by who read from whom. */
export function registerGuesses(txns: Transactions, versions: Versions, graph: Graph): Guesses {
  const { operations } = txns.history
  const completion = (txn: number): number =>
    txns.status[txn] === COMMITTED ? (operations[txn]?.end as number) : (operations[txn]?.start as number)
  const ranks = [() => completion, ...knownRanks(graph)]
  return { orders: lazily(ranks, (rank) => ordered(txns, versions, rank())), exhaustive: false }
}

/**
 * Orders of transactions that follow what is known: of all dependencies, or only of those that weak levels look at. Where
 * these have no cycle, versions in this order make none.
 */
function knownRanks(graph: Graph): (() => (txn: number) => number)[] {
  return [DATA, WW | WR].flatMap((data) =>
    [PROCESS | REAL_TIME, PROCESS, 0].map((order) => () => {
      const { of } = components(graph, data | order)
      return (txn: number) => -of[txn]!
    }),
  )
}

/**
 * Orders for lists. Only appends that nobody saw are in no order, and their order matters only among transactions
 * that lie on a common cycle; everywhere else any order that follows the dependencies will do.
 */
export function listGuesses(
  txns: Transactions,
  versions: Versions,
  happened: Happened,
  graph: Graph,
): Guesses | undefined {
  const sub = cyclicPart(graph, DATA | PROCESS | REAL_TIME)
  if (sub === undefined) return undefined
  const { of } = components(graph, DATA | PROCESS | REAL_TIME)
  const onCycle = new Set(sub.nodeOf)
  const groups: number[][] = []
  for (const ofKey of versions.rest) {
    const parts = new Map<number, Set<number>>()
    for (const element of ofKey) {
      const writer = writerOf(txns, element)
      if (!onCycle.has(writer) || happened[writer] === 0) continue
      const part = of[writer]!
      const group = parts.get(part)
      if (group === undefined) parts.set(part, new Set([writer]))
      else group.add(writer)
    }
    for (const group of parts.values()) if (group.size > 1) groups.push([...group])
  }
  if (groups.length === 0) return undefined
  const members = [...new Set(groups.flat())]
  // One order of all that take part is an order of each key's appends; different keys may want different ones only
  // if two transactions are in two groups, and then opposite orders would be a cycle of overwrites.
  const rank = new Map<number, number>()
  const rankOf = (txn: number): number => -of[txn]! * (txns.count + 1) + (rank.get(txn) ?? 0)
  const exhaustive = hasFewOrders(members.length)
  const permutations = exhaustive ? [...allOrders(members)] : [members, members.toReversed()]
  const orders = lazily(permutations, (permutation) => {
    permutation.forEach((txn, at) => rank.set(txn, at + 1))
    return ordered(txns, versions, rankOf)
  })
  if (exhaustive) return { orders, exhaustive }
  const known = lazily(knownRanks(graph), (makeRank) => ordered(txns, versions, makeRank()))
  return { orders: both(known, orders), exhaustive }
}

function hasFewOrders(length: number): boolean {
  let orders = 1
  for (let n = 2; n <= length && orders <= MOST_ORDERS; n++) orders *= n
  return orders <= MOST_ORDERS
}

function* allOrders(items: readonly number[]): Iterable<number[]> {
  if (items.length === 0) yield []
  for (const [at, item] of items.entries())
    for (const rest of allOrders(items.toSpliced(at, 1))) yield [item, ...rest]
}

const both = <A>(first: Iterable<A>, second: Iterable<A>): Iterable<A> => ({
  *[Symbol.iterator]() {
    yield* first
    yield* second
  },
})

/** Made when somebody asks for it, again for each who asks. */
function lazily<A, B>(items: Iterable<A>, map: (item: A) => B): Iterable<B> {
  return {
    *[Symbol.iterator]() {
      for (const item of items) yield map(item)
    },
  }
}
