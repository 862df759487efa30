import { NOWHERE } from './ops.ts'
import type { Piece } from './piece.ts'
import { Site } from './site.ts'
import { Branch, deepen, grow, type Leaf, recede, Tree, visibleBefore } from './tree.ts'

/** How far to walk from the place of the last edit before it is quicker to come down from the root. */
const WALK = 8

/** The pieces of a document, in order: how to find them, cut them and join them. */
export class PieceList {
  readonly tree: Tree = new Tree()
  /** Everybody who wrote; under the empty name the site that stands for start and end. */
  readonly sites: Map<string, Site> = new Map()
  readonly nowhere: Site = new Site(NOWHERE)
  /** True if positions count code points, not UTF-16 units. */
  readonly inPoints: boolean
  /** A piece near the last local edit, and its position: what comes next is mostly there. */
  near: Piece | undefined
  nearStart = 0
  /** Where the piece found last stands in its leaf. A hint. */
  #slot = 0

  constructor(inPoints: boolean) {
    this.inPoints = inPoints
    this.sites.set(NOWHERE, this.nowhere)
  }

  /** The visible text, in positions. */
  get length(): number {
    return this.inPoints ? this.tree.root.points : this.tree.root.units
  }

  /** The piece that has the character at a position. */
  at(index: number): Piece {
    return this.find(index)
  }

  /** The position of the first character of a piece. */
  startOf(piece: Piece): number {
    return visibleBefore(piece, this.inPoints)
  }

  /** The position of a character, or, if it is deleted, where it was. */
  indexOf(piece: Piece, counter: number): number {
    const before = visibleBefore(piece, this.inPoints)
    return piece.deleted ? before : before + (counter - piece.counter) * (this.inPoints ? 1 : piece.width)
  }

  /** The piece that starts with a character, cut off from what is before it if need be. */
  startingAt(site: Site, counter: number): Piece {
    const piece = site.find(counter) as Piece
    return piece.counter === counter ? piece : this.split(piece, counter - piece.counter)
  }

  /** The position right after a piece. */
  indexAfter(piece: Piece | undefined): number {
    return piece === undefined ? 0 : this.indexOf(piece, piece.counter + piece.length)
  }

  /** Deletes characters of a visible piece. Mostly that moves a border, and makes nothing new. */
  hide(piece: Piece, from: number, length: number): void {
    const { width } = piece
    const end = from + length
    if (from > 0 && end === piece.length) {
      const next = this.after(piece)
      if (next?.deleted === true && piece.goesOnIn(next)) {
        grow(piece.leaf as Leaf, -length, -length * width)
        piece.length -= length
        next.counter -= length
        next.leftCounter -= length
        next.depth -= length
        deepen(next.leaf as Leaf, next.depth, next.level)
        next.length += length
        next.at -= length * width
        return
      }
    } else if (from === 0 && end < piece.length) {
      const before = this.before(piece)
      if (before?.deleted === true && before.goesOnIn(piece)) {
        grow(piece.leaf as Leaf, -length, -length * width)
        before.length += length
        piece.counter += length
        piece.depth += length
        piece.length -= length
        piece.at += length * width
        piece.leftSite = piece.site
        piece.leftCounter = piece.counter - 1
        // In the same leaf the piece before it is less deep.
        if (piece.leaf !== before.leaf) recede(piece.leaf as Leaf)
        return
      }
    }
    if (end < piece.length) this.split(piece, end)
    const hidden = from === 0 ? piece : this.split(piece, from)
    grow(hidden.leaf as Leaf, -length, -length * width)
    hidden.deleted = true
    this.join(hidden)
  }

  /** Makes one of a deleted piece and deleted neighbours that it goes on from or in. */
  join(piece: Piece): void {
    const { pieces } = piece.leaf as Leaf
    const slot = this.slotOf(piece)
    const next = pieces[slot + 1]
    if (next?.deleted === true && piece.goesOnIn(next)) this.swallow(piece, next, slot + 1)
    const before = pieces[slot - 1]
    if (before?.deleted === true && before.goesOnIn(piece)) {
      if (this.near === piece) this.near = before
      this.swallow(before, piece, slot)
    }
  }

  swallow(piece: Piece, next: Piece, slot: number): void {
    next.site.remove(next)
    this.tree.remove(piece.leaf as Leaf, slot)
    piece.length += next.length
    next.length = 0
  }

  /** Cuts a piece in two and returns the second. */
  split(piece: Piece, offset: number): Piece {
    const tail = piece.cut(offset)
    if (!tail.deleted) grow(piece.leaf as Leaf, -tail.length, -tail.length * tail.width)
    this.insertAfter(piece, tail)
    tail.site.add(tail)
    return tail
  }

  insertAfter(piece: Piece | undefined, added: Piece): void {
    if (piece === undefined) this.tree.insert(this.tree.first, 0, added)
    else this.tree.insert(piece.leaf as Leaf, this.slotOf(piece) + 1, added)
  }

  slotOf(piece: Piece): number {
    const { pieces } = piece.leaf as Leaf
    const slot = this.#slot
    if (pieces[slot] === piece) return slot
    // What was cut off from the piece found last is the next one.
    this.#slot = pieces[slot + 1] === piece ? slot + 1 : pieces.indexOf(piece)
    return this.#slot
  }

  after(piece: Piece | undefined): Piece | undefined {
    if (piece === undefined) return this.tree.first.pieces[0]
    const leaf = piece.leaf as Leaf
    return leaf.pieces[this.slotOf(piece) + 1] ?? leaf.after?.pieces[0]
  }

  before(piece: Piece): Piece | undefined {
    const leaf = piece.leaf as Leaf
    return leaf.pieces[this.slotOf(piece) - 1] ?? leaf.before?.pieces.at(-1)
  }

  /** The characters of a piece before a position. @throws RangeError if a surrogate pair would be cut. */
  offsetIn(piece: Piece, index: number): number {
    const rest = index - this.nearStart
    if (this.inPoints || piece.width === 1) return rest
    if (rest % 2 === 0) return rest / 2
    throw new RangeError(
      `Cannot edit a text at ${index}, inside a surrogate pair; use the index before or after it`,
    )
  }

  checkEnds(index: number, count: number): void {
    if (this.inPoints || this.tree.root.units === this.tree.root.points || count === 0) return
    this.offsetIn(this.find(index + count - 1), index + count)
    this.offsetIn(this.find(index), index)
  }

  /** The piece that has a visible position; `#nearStart` is the position of its start then. */
  find(index: number): Piece {
    let piece = this.near
    if (piece === undefined) return this.#descend(index)
    let start = this.nearStart
    if (index >= start && index < start + this.#sizeOf(piece)) return piece
    let leaf = piece.leaf as Leaf
    let slot = this.slotOf(piece)
    for (let left = WALK; left > 0; left--) {
      if (index >= start) {
        const end = start + this.#sizeOf(piece)
        if (index < end) {
          this.near = piece
          this.nearStart = start
          this.#slot = slot
          return piece
        }
        start = end
        if (++slot === leaf.pieces.length) {
          if (leaf.after === undefined) break
          leaf = leaf.after
          slot = 0
        }
        piece = leaf.pieces[slot] as Piece
      } else {
        if (--slot < 0) {
          if (leaf.before === undefined) break
          leaf = leaf.before
          slot = leaf.pieces.length - 1
        }
        piece = leaf.pieces[slot] as Piece
        start -= this.#sizeOf(piece)
      }
    }
    return this.#descend(index)
  }

  #descend(index: number): Piece {
    const { inPoints } = this
    let node = this.tree.root
    let rest = index
    while (node instanceof Branch) {
      const { children }: Branch = node
      for (let i = 0; ; i++) {
        node = children[i] as Branch | Leaf
        const size = inPoints ? node.points : node.units
        if (rest < size) break
        rest -= size
      }
    }
    for (let slot = 0; ; slot++) {
      const piece = node.pieces[slot] as Piece
      const size = this.#sizeOf(piece)
      if (rest < size) {
        this.near = piece
        this.nearStart = index - rest
        this.#slot = slot
        return piece
      }
      rest -= size
    }
  }

  #sizeOf(piece: Piece): number {
    if (piece.deleted) return 0
    return this.inPoints ? piece.length : piece.length * piece.width
  }
}
