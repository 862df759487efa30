import type { Piece } from './piece.ts'
import type { Shelf } from './shelf.ts'

// Measured on the trace of a paper (260,000 edits): 16 to 64 make no difference that shows.
const FAN_OUT = 32
/** Of nodes that are made full: there is room for some edits before they split. */
export const FILLED = 24

/** A node of the tree whose children are nodes. */
export class Branch {
  readonly children: (Branch | Leaf)[] = []
  /** Visible UTF-16 units and code points below. */
  units = 0
  points = 0
  /** The least depth of a piece below, and the least level of those that have it. */
  depth: number = Infinity
  level = 0
  parent: Branch | undefined = undefined
}

/** Pieces that stand side by side. Never empty, but in an empty document. */
export class Leaf {
  #pieces: Piece[] | undefined
  units = 0
  points = 0
  depth: number = Infinity
  level = 0
  parent: Branch | undefined = undefined
  before: Leaf | undefined = undefined
  after: Leaf | undefined = undefined
  /** Where its pieces are as long as nobody has looked at them: those from one place up to another. */
  shelf: Shelf | undefined
  readonly from: number
  readonly to: number

  constructor(shelf?: Shelf, from = 0, to = 0) {
    this.#pieces = shelf === undefined ? [] : undefined
    this.shelf = shelf
    this.from = from
    this.to = to
  }

  get pieces(): Piece[] {
    return this.#pieces ?? this.#take()
  }

  #take(): Piece[] {
    const pieces = this.shelf?.byPlace(this.from, this.to) ?? []
    this.shelf = undefined
    this.#pieces = pieces
    return pieces
  }
}

/** Adds to the sums of a leaf and all above it. */
export function grow(leaf: Leaf, points: number, units: number): void {
  leaf.units += units
  leaf.points += points
  for (let node = leaf.parent; node !== undefined; node = node.parent) {
    node.units += units
    node.points += points
  }
}

/** A piece of a leaf is that deep now, and less so than before, or new. */
export function deepen(leaf: Leaf, depth: number, level: number): void {
  for (let node: Branch | Leaf | undefined = leaf; node !== undefined; node = node.parent) {
    if (node.depth < depth || (node.depth === depth && node.level <= level)) return
    node.depth = depth
    node.level = level
  }
}

/** The first piece of a leaf, which may have been the least deep, is deeper than it was. */
export function recede(leaf: Leaf): void {
  measure(leaf, leaf.pieces)
  for (let node = leaf.parent; node !== undefined; node = node.parent) measure(node, node.children)
}

function measure(node: Branch | Leaf, items: readonly (Branch | Leaf | Piece)[]): void {
  node.depth = Infinity
  node.level = 0
  for (const { depth, level } of items) include(node, depth, level)
}

/** Something so deep is below a node. */
export function include(node: Branch | Leaf, depth: number, level: number): void {
  if (depth > node.depth || (depth === node.depth && level >= node.level)) return
  node.depth = depth
  node.level = level
}

/** A B+tree of all pieces in document order. Leaves are never removed, as deleted pieces keep their place. */
export class Tree {
  root: Branch | Leaf
  first: Leaf
  last: Leaf

  constructor() {
    this.first = new Leaf()
    this.last = this.first
    this.root = this.first
  }

  /** Puts a piece into a leaf. Its own place, and that of its neighbours, is known by `piece.leaf` afterwards. */
  insert(leaf: Leaf, slot: number, piece: Piece): void {
    const { pieces } = leaf
    pieces.push(piece)
    for (let i = pieces.length - 1; i > slot; i--) pieces[i] = pieces[i - 1] as Piece
    pieces[slot] = piece
    piece.leaf = leaf
    deepen(leaf, piece.depth, piece.level)
    if (!piece.deleted) grow(leaf, piece.length, piece.length * piece.width)
    if (pieces.length > FAN_OUT) this.#splitLeaf(leaf)
  }

  /** Takes out a piece that was joined to another one of the same leaf, and counts for nothing any more. */
  remove(leaf: Leaf, slot: number): void {
    leaf.pieces.splice(slot, 1)
  }

  /** Takes all pieces of a document into an empty tree. */
  fill(shelf: Shelf): void {
    const leaves: Leaf[] = []
    for (let from = 0; from < shelf.size; from += FILLED) {
      const leaf = new Leaf(shelf, from, Math.min(shelf.size, from + FILLED))
      shelf.measure(leaf)
      const last = leaves.at(-1)
      leaf.before = last
      if (last !== undefined) last.after = leaf
      leaves.push(leaf)
    }
    shelf.leaves = leaves
    let nodes: readonly (Branch | Leaf)[] = leaves
    while (nodes.length > 1) {
      const parents: Branch[] = []
      for (const [i, node] of nodes.entries()) {
        if (i % FILLED === 0) parents.push(new Branch())
        const parent = parents[parents.length - 1] as Branch
        parent.children.push(node)
        node.parent = parent
        parent.units += node.units
        parent.points += node.points
        include(parent, node.depth, node.level)
      }
      nodes = parents
    }
    const [root] = nodes
    if (root === undefined) return
    this.root = root
    this.first = leaves[0] as Leaf
    this.last = leaves.at(-1) as Leaf
  }

  #splitLeaf(leaf: Leaf): void {
    const next = new Leaf()
    next.pieces.push(...leaf.pieces.splice(leaf.after === undefined ? FAN_OUT - 2 : FAN_OUT / 2))
    for (const piece of next.pieces) {
      piece.leaf = next
      if (piece.deleted) continue
      next.points += piece.length
      next.units += piece.length * piece.width
    }
    leaf.points -= next.points
    leaf.units -= next.units
    measure(next, next.pieces)
    measure(leaf, leaf.pieces)
    next.after = leaf.after
    next.before = leaf
    if (leaf.after === undefined) this.last = next
    else leaf.after.before = next
    leaf.after = next
    this.#addAfter(leaf, next)
  }

  /** Hangs a new node beside the one it was split from, whose parent counts it already. */
  #addAfter(node: Branch | Leaf, next: Branch | Leaf): void {
    let { parent } = node
    if (parent === undefined) {
      parent = new Branch()
      parent.units = node.units + next.units
      parent.points = node.points + next.points
      include(parent, node.depth, node.level)
      include(parent, next.depth, next.level)
      parent.children.push(node)
      node.parent = parent
      this.root = parent
    }
    next.parent = parent
    const { children } = parent
    children.splice(children.indexOf(node) + 1, 0, next)
    if (children.length <= FAN_OUT) return
    const half = new Branch()
    half.children.push(...children.splice(FAN_OUT / 2))
    for (const child of half.children) {
      child.parent = half
      half.units += child.units
      half.points += child.points
    }
    parent.units -= half.units
    parent.points -= half.points
    measure(half, half.children)
    measure(parent, children)
    this.#addAfter(parent, half)
  }
}

/** The visible characters before a piece: code points, or UTF-16 units. */
export function visibleBefore(piece: Piece, inPoints: boolean): number {
  const leaf = piece.leaf as Leaf
  let sum = 0
  for (const other of leaf.pieces) {
    if (other === piece) break
    if (!other.deleted) sum += inPoints ? other.length : other.length * other.width
  }
  let node: Branch | Leaf = leaf
  for (let parent = node.parent; parent !== undefined; parent = node.parent) {
    for (const sibling of parent.children) {
      if (sibling === node) break
      sum += inPoints ? sibling.points : sibling.units
    }
    node = parent
  }
  return sum
}

/** True if the first of two different pieces stands before the other. */
export function standsBefore(a: Piece, b: Piece): boolean {
  let one: Branch | Leaf = a.leaf as Leaf
  let other: Branch | Leaf = b.leaf as Leaf
  if (one === other) {
    const { pieces } = one
    return pieces.indexOf(a) < pieces.indexOf(b)
  }
  // All leaves are equally deep, so the two meet at the same height.
  while (one.parent !== other.parent) {
    one = one.parent as Branch
    other = other.parent as Branch
  }
  const { children } = one.parent as Branch
  return children.indexOf(one) < children.indexOf(other)
}
