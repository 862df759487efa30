import { IntList } from './int-list.ts'

/**
 * A graph with open choices, the form in which every isolation level is decided here (a *polygraph*,
 * Papadimitriou 1979): some edges are known; each choice stands for two lists of edges, of which one list has
 * to be taken whole. The question: can the choices be made so that the graph has no cycle?
 *
 * A *literal* is one side of a choice: choice `c` has the literals `2c` and `2c + 1`, so `literal ^ 1` is its other side.
 * All lists are flat arrays: edges `from[i] → to[i]`, and those of a literal at `sideStart[literal] … sideStart[literal + 1]`.
 * The first edge of a side is the one that the choice is about; the others follow from it.
 */
export interface ConstraintGraph {
  readonly nodes: number
  /** Nodes below this number lie mostly on a few long paths (a session's transactions); the others are helpers. */
  readonly chainNodes: number
  readonly from: Int32Array
  readonly to: Int32Array
  /** What an edge stands for; opaque to the solver. */
  readonly label: Int32Array
  readonly choices: number
  readonly sideStart: Int32Array
  readonly sideFrom: Int32Array
  readonly sideTo: Int32Array
  readonly sideLabel: Int32Array
}

/** Bytes of a graph's tables. */
export function graphBytes(graph: ConstraintGraph): number {
  return 12 * graph.from.length + 4 * graph.sideStart.length + 12 * graph.sideFrom.length
}

/** Collects a {@link ConstraintGraph}. A choice is added by `openSide()`, edges, `openSide()`, edges. */
export class GraphBuilder {
  nodes: number
  readonly #chainNodes: number
  readonly #from = new IntList()
  readonly #to = new IntList()
  readonly #label = new IntList()
  readonly #sideStart = new IntList()
  readonly #sideFrom = new IntList()
  readonly #sideTo = new IntList()
  readonly #sideLabel = new IntList()

  constructor(nodes: number) {
    this.nodes = nodes
    this.#chainNodes = nodes
  }

  addNode(): number {
    return this.nodes++
  }

  addEdge(from: number, to: number, label: number): void {
    this.#from.push(from)
    this.#to.push(to)
    this.#label.push(label)
  }

  openSide(): void {
    this.#sideStart.push(this.#sideFrom.length)
  }

  addSideEdge(from: number, to: number, label: number): void {
    this.#sideFrom.push(from)
    this.#sideTo.push(to)
    this.#sideLabel.push(label)
  }

  /** Of what was collected so far. */
  get bytes(): number {
    return 12 * this.#from.length + 4 * this.#sideStart.length + 12 * this.#sideFrom.length
  }

  build(): ConstraintGraph {
    const choices = this.#sideStart.length / 2
    const sideStart = new Int32Array(choices * 2 + 1).fill(this.#sideFrom.length)
    sideStart.set(this.#sideStart.view())
    return {
      nodes: this.nodes,
      chainNodes: this.#chainNodes,
      from: this.#from.copy(),
      to: this.#to.copy(),
      label: this.#label.copy(),
      choices,
      sideStart,
      sideFrom: this.#sideFrom.copy(),
      sideTo: this.#sideTo.copy(),
      sideLabel: this.#sideLabel.copy(),
    }
  }
}
