import {
  type Components,
  components,
  cyclicPart,
  DATA,
  FREE,
  type Graph,
  GraphBuilder,
  PROCESS,
  REAL_TIME,
  RW,
  type Subgraph,
  WR,
  WW,
} from './graph.ts'
import { PathFinder } from './paths.ts'
import { NO, reachable, YES } from './reachability.ts'

/** Which orders besides the dependencies a cycle may use: none, that of processes, that of real time as well. */
export type Stage = 0 | 1 | 2

export type CycleName = 'G0' | 'G1c' | 'G-single-item' | 'G-prefix' | 'G-nonadjacent-item' | 'G2-item'

export interface Cycle {
  readonly name: CycleName
  readonly stage: Stage
  /** Edges of the whole graph in order; the last one leads back. */
  readonly edges: readonly number[]
}

export interface CycleSearch {
  readonly cycles: readonly Cycle[]
  /** What the budget left undecided. */
  readonly undecided: readonly { readonly name: CycleName; readonly stage: Stage }[]
  /** For each stage, the transactions whose reads make a cycle with that one `rw`, in it or in an earlier stage. */
  readonly missing: readonly ReadonlySet<number>[]
}

/** How many edges are looked at for the shortest cycle of a component before the shortest so far will do. */
const SEARCH_WORK = 2_000_000
const ORDER: readonly number[] = [0, PROCESS, PROCESS | REAL_TIME]
/** The order that is new in a stage: a cycle of that stage has an edge of it. */
const NEW_ORDER: readonly number[] = [0, PROCESS, REAL_TIME]

const SINGLE = 1
const NONADJACENT = 2
const ANY = 4
const PREFIX = 8

/**
 * Finds cycles of each kind. Adya (1999), section 3 and 4: G0 has `ww` only; G1c `ww` and `wr`; G-single one `rw`;
 * G2-item any number of `rw`. G-nonadjacent: no two `rw` follow each other, which is what snapshot isolation
 * forbids (Fekete et al. 2005; Cerone and Gotsman 2016, theorem 9). G-prefix: each `rw` follows a `wr` or an order
 * edge, which is what prefix consistency forbids (Cerone and Gotsman 2016). Each name is exact: an edge that makes
 * a G-single cycle is not reported again as G2-item; a cycle of a later stage needs an edge of that stage's order.
 *
 * Which edges lie on a cycle of a kind is decided by components (for G-nonadjacent and G-prefix of the product with
 * "may an `rw` come next"), for G-single by reachability; only then is one cycle per component searched.
 */
export function findCycles(graph: Graph, stages: number, withinBudget: () => boolean): CycleSearch {
  const cycles: Cycle[] = []
  const undecided: { name: CycleName; stage: Stage }[] = []
  const found = new Uint8Array(graph.from.length)
  const missing: Set<number>[] = []
  let before: { dirty: Int32Array; read: Int32Array } | undefined
  for (let stage = 0 as Stage; stage < stages; stage++) {
    const order = ORDER[stage]!
    const readers = new Set<number>(missing.at(-1))
    missing.push(readers)
    const sub = cyclicPart(graph, DATA | order)
    if (sub === undefined) continue
    const search = new StageSearch(sub, stage, cycles)
    const dirty = components(sub, WW | order)
    const read = components(sub, WW | WR | FREE | order)
    const kindOf = (edge: number): number => sub.kind[edge]!
    const inside = ({ of }: Components, edge: number): boolean => of[sub.from[edge]!] === of[sub.to[edge]!]
    const wasInside = (of: Int32Array | undefined, edge: number): boolean => {
      const part = of?.[sub.nodeOf[sub.from[edge]!] as number] ?? -1
      return part !== -1 && part === of?.[sub.nodeOf[sub.to[edge]!] as number]
    }
    const closes = stage === 0 ? WW : NEW_ORDER[stage]!
    const closesRead = stage === 0 ? WR : NEW_ORDER[stage]!
    const dirtyEdges: number[] = []
    const readEdges: number[] = []
    const antiEdges: number[] = []
    for (let edge = 0; edge < sub.from.length; edge++) {
      const kind = kindOf(edge)
      if (kind === RW) antiEdges.push(edge)
      else {
        const inDirty = inside(dirty, edge)
        if ((kind & closes) !== 0 && inDirty && !wasInside(before?.dirty, edge)) dirtyEdges.push(edge)
        const fresh = stage === 0 || (!inDirty && !wasInside(before?.read, edge))
        if ((kind & closesRead) !== 0 && fresh && inside(read, edge)) readEdges.push(edge)
      }
    }
    search.report('G0', dirtyEdges, dirty, WW | order)
    search.report('G1c', readEdges, read, WW | WR | FREE | order)

    const isSingle = reachable(
      sub,
      WW | WR | FREE | order,
      Int32Array.from(antiEdges, (edge) => sub.to[edge]!),
      Int32Array.from(antiEdges, (edge) => sub.from[edge]!),
      withinBudget,
      read,
    )
    if (isSingle === undefined) {
      undecided.push(
        { name: 'G-single-item', stage },
        { name: 'G-nonadjacent-item', stage },
        { name: 'G-prefix', stage },
        { name: 'G2-item', stage },
      )
      break
    }
    const flag = (edge: number): number => found[sub.edgeOf[edge]!] as number
    const mark = (edge: number, bit: number): void => {
      found[sub.edgeOf[edge]!]! |= bit
    }
    const singles: number[] = []
    antiEdges.forEach((edge, at) => {
      if (isSingle[at] === NO) return
      // What was left open is taken for one of these, which is right as far as levels go: there are many.
      readers.add(sub.nodeOf[sub.from[edge]!]!)
      if (isSingle[at] === YES && (flag(edge) & SINGLE) === 0) singles.push(edge)
      mark(edge, SINGLE)
    })
    const whole = components(sub, DATA | order)
    search.report('G-single-item', singles, whole, WW | WR | FREE | order)

    const nonadjacent = product(sub, WW | WR | order)
    const nonadjacentParts = components(nonadjacent, ~0)
    const inProduct = ({ of }: Components, edge: number): boolean =>
      of[sub.from[edge]! * 2 + 1] === of[sub.to[edge]! * 2]
    const several = antiEdges.filter((edge) => {
      if ((flag(edge) & (SINGLE | NONADJACENT)) !== 0 || !inProduct(nonadjacentParts, edge)) return false
      mark(edge, NONADJACENT)
      return true
    })
    search.reportProduct('G-nonadjacent-item', several, nonadjacent, nonadjacentParts)

    const prefix = product(sub, WR | order)
    const prefixParts = components(prefix, ~0)
    const early = antiEdges.filter((edge) => {
      if ((flag(edge) & PREFIX) !== 0 || !inProduct(prefixParts, edge)) return false
      mark(edge, PREFIX)
      return true
    })
    search.reportProduct('G-prefix', early, prefix, prefixParts)

    const rest = antiEdges.filter((edge) => (flag(edge) & (SINGLE | NONADJACENT | ANY)) === 0)
    for (const edge of rest) mark(edge, ANY)
    search.report('G2-item', rest, whole, DATA | order)
    before = { dirty: onWhole(graph, sub, dirty), read: onWhole(graph, sub, read) }
  }
  return { cycles, undecided, missing }
}

/** Components as numbers of the whole graph's nodes; -1 for a node outside. */
function onWhole(graph: Graph, sub: Subgraph, { of }: Components): Int32Array {
  const whole = new Int32Array(graph.nodes).fill(-1)
  sub.nodeOf.forEach((node, at) => (whole[node] = of[at]!))
  return whole
}

/**
 * Two nodes for each node: `2v` where no `rw` may come next, `2v + 1` where one may, because the edge that led
 * there is of a kind in `allows`. The `element` of an edge is its number in `sub`.
 */
function product(sub: Subgraph, allows: number): Graph {
  const builder = new GraphBuilder(sub.nodes * 2)
  for (let edge = 0; edge < sub.from.length; edge++) {
    const from = sub.from[edge]! * 2
    const to = sub.to[edge]! * 2
    const kind = sub.kind[edge]!
    if (kind === RW) builder.addEdge(from + 1, to, kind, edge)
    else if (kind === FREE) {
      builder.addEdge(from, to, kind, edge)
      builder.addEdge(from + 1, to + 1, kind, edge)
    } else {
      const next = (kind & allows) === 0 ? to : to + 1
      builder.addEdge(from, next, kind, edge)
      builder.addEdge(from + 1, next, kind, edge)
    }
  }
  return builder.build()
}

class StageSearch {
  readonly #sub: Subgraph
  readonly #stage: Stage
  readonly #cycles: Cycle[]

  constructor(sub: Subgraph, stage: Stage, cycles: Cycle[]) {
    this.#sub = sub
    this.#stage = stage
    this.#cycles = cycles
  }

  /** One shortest cycle for each component: through one of `edges`, and back over the kinds in `mask`. */
  report(name: CycleName, edges: readonly number[], parts: Components, mask: number): void {
    if (edges.length === 0) return
    const sub = this.#sub
    const finder = new PathFinder(sub, (node) => node >= sub.real)
    this.#each(
      name,
      edges,
      (edge) => parts.of[sub.from[edge]!] as number,
      (edge, limit) => finder.find(sub.to[edge]!, sub.from[edge]!, mask, limit),
      finder,
    )
  }

  reportProduct(name: CycleName, edges: readonly number[], graph: Graph, parts: Components): void {
    if (edges.length === 0) return
    const sub = this.#sub
    const finder = new PathFinder(graph, (node) => node >> 1 >= sub.real)
    this.#each(
      name,
      edges,
      (edge) => parts.of[sub.to[edge]! * 2] as number,
      (edge, limit) =>
        finder.find(sub.to[edge]! * 2, sub.from[edge]! * 2 + 1, ~0, limit)?.map((at) => graph.element[at]!),
      finder,
    )
  }

  #each(
    name: CycleName,
    edges: readonly number[],
    partOf: (edge: number) => number,
    pathBack: (edge: number, limit: number) => number[] | undefined,
    finder: PathFinder,
  ): void {
    const groups = new Map<number, number[]>()
    for (const edge of edges) {
      const part = partOf(edge)
      const group = groups.get(part)
      if (group === undefined) groups.set(part, [edge])
      else group.push(edge)
    }
    for (const group of groups.values()) {
      let best: number[] | undefined
      const enough = finder.work + SEARCH_WORK
      for (const edge of group) {
        if (best !== undefined && (best.length <= 2 || finder.work > enough)) break
        // An edge out of a helper is no step of its own.
        const steps = best?.filter((at) => this.#sub.from[at]! < this.#sub.real).length
        const limit = steps === undefined ? Infinity : steps - 2
        const back = pathBack(edge, limit)
        if (back !== undefined) best = [edge, ...back]
      }
      if (best !== undefined)
        this.#cycles.push({
          name,
          stage: this.#stage,
          edges: best.map((edge) => this.#sub.edgeOf[edge]!),
        })
    }
  }
}
