import type { Graph } from './graph.ts'

/**
 * Shortest paths, by breadth. An edge out of a helper node costs nothing, so that a path through helpers is as long
 * as the edges it stands for. One finder is used again and again for its graph: nothing is cleared between searches.
 */
export class PathFinder {
  readonly #graph: Graph
  readonly #isHelper: (node: number) => boolean
  readonly #seenIn: Int32Array
  readonly #cameBy: Int32Array
  #search = 0
  /** Edges looked at so far. */
  work = 0

  constructor(graph: Graph, isHelper: (node: number) => boolean) {
    this.#graph = graph
    this.#isHelper = isHelper
    this.#seenIn = new Int32Array(graph.nodes)
    this.#cameBy = new Int32Array(graph.nodes)
  }

  /** Edges of a shortest path over the kinds in `mask` of at most `limit` steps; `undefined` if there is none. */
  find(source: number, target: number, mask: number, limit: number): number[] | undefined {
    const { head, to, kind, from } = this.#graph
    const search = ++this.#search
    let layer = [source]
    this.#seenIn[source] = search
    this.#cameBy[source] = -1
    for (let steps = 0; layer.length > 0; steps++) {
      const next: number[] = []
      // The layer grows while it is walked: what a helper leads to is as near as the helper.
      for (let at = 0; at < layer.length; at++) {
        const node = layer[at]!
        if (node === target) {
          const path: number[] = []
          for (let edge = this.#cameBy[node]!; edge !== -1;) {
            path.push(edge)
            edge = this.#cameBy[from[edge]!] as number
          }
          return path.toReversed()
        }
        const helper = this.#isHelper(node)
        if (!helper && steps >= limit) continue
        const end = head[node + 1]!
        this.work += end - head[node]!
        for (let edge = head[node]!; edge < end; edge++) {
          if ((kind[edge]! & mask) === 0) continue
          const over = to[edge]!
          if (this.#seenIn[over] === search) continue
          this.#seenIn[over] = search
          this.#cameBy[over] = edge
          if (helper) layer.push(over)
          else next.push(over)
        }
      }
      layer = next
    }
    return undefined
  }
}
