import type { Piece } from './piece.ts'
import { Branch, Leaf } from './tree.ts'

// All characters of one left origin L follow it, each with all that is derived from it behind it: all of these are
// deeper than L. Those that are right children of L (level 0) stand in the order of their right origins and names;
// each has its left children (level 1) right before it, in the order of names, these theirs (level 2), and so on.
// So the children of one parent are what has the least depth and level between two places, and they are sorted:
// places are found by binary search in the nodes of the tree, in O(log² n) steps however many share one.

type Item = Branch | Leaf | Piece

const itemsOf = (node: Branch | Leaf): readonly Item[] => (node instanceof Leaf ? node.pieces : node.children)

/** Finds places among pieces that share one. */
export class Siblings {
  /** How many nodes and pieces were looked at: for tests. */
  steps = 0
  /** Reused: where in a node those are that have the level looked for. */
  readonly #found: number[] = []

  /**
   * The last piece before a place that is less deep than a depth and level, or that has both and goes before the new one.
   *
   * @param slot of the place in the leaf.
   * @param precedes true for those of that depth and level up to one, and false from there on.
   * @returns `undefined` for the start of the document.
   */
  lastBefore(
    leaf: Leaf,
    slot: number,
    depth: number,
    level: number,
    precedes: (piece: Piece) => boolean,
  ): Piece | undefined {
    let node: Branch | Leaf = leaf
    let end = slot
    for (;;) {
      const items = itemsOf(node)
      const item = items[this.#pick(items, end, depth, level, precedes)]
      if (item === undefined) {
        const { parent }: Branch | Leaf = node
        if (parent === undefined) return undefined
        end = parent.children.indexOf(node)
        node = parent
      } else if (item instanceof Leaf || item instanceof Branch) {
        node = item
        end = itemsOf(node).length
      } else return item
    }
  }

  /** The first piece after a place that is at most so deep. @param slot the place after it in the leaf. */
  firstUpTo(leaf: Leaf, slot: number, depth: number): Piece | undefined {
    let node: Branch | Leaf = leaf
    let start = slot
    for (;;) {
      const items = itemsOf(node)
      while (start < items.length && (items[start] as Item).depth > depth) start++
      this.steps += start + 1
      const item = items[start]
      if (item === undefined) {
        const { parent }: Branch | Leaf = node
        if (parent === undefined) return undefined
        start = parent.children.indexOf(node) + 1
        node = parent
      } else if (item instanceof Leaf || item instanceof Branch) {
        node = item
        start = 0
      } else return item
    }
  }

  /** Which of the first `end` items has the piece that {@link lastBefore} looks for; −1 if none. */
  #pick(
    items: readonly Item[],
    end: number,
    depth: number,
    level: number,
    precedes: (piece: Piece) => boolean,
  ): number {
    const found = this.#found
    found.length = 0
    let at = end - 1
    for (; at >= 0; at--) {
      const item = items[at] as Item
      if (item.depth > depth) continue
      if (item.depth < depth || item.level < level) break
      if (item.level === level) found.push(at)
    }
    this.steps += end - at
    // The last are first.
    let low = 0
    for (let high = found.length; low < high;) {
      const middle = (low + high) >>> 1
      if (precedes(this.#first(items[found[middle] as number] as Item, depth, level))) high = middle
      else low = middle + 1
    }
    return found[low] ?? at
  }

  /** The first piece of that depth and level, which are the least there. */
  #first(item: Item, depth: number, level: number): Piece {
    let one = item
    while (one instanceof Branch || one instanceof Leaf) {
      const items = itemsOf(one)
      const at = items.findIndex((other) => other.depth === depth && other.level === level)
      this.steps += at + 1
      one = items[at] as Item
    }
    this.steps++
    return one
  }
}
