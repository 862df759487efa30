import type { Cuts } from './cut.ts'
import { NO_PAGE, Piece } from './piece.ts'
import type { Cells } from './rows.ts'
import type { Tree } from './run-tree.ts'
import type { Site } from './site.ts'
import { copyUnits } from './pages.ts'
import { FILLED, include, type Leaf } from './tree.ts'

/** By run, of its first character: its origins, its depth and its level. */
export interface Origins {
  readonly leftOwners: Int32Array
  readonly lefts: Cells
  readonly rightOwners: Int32Array
  readonly rights: Cells
  readonly depths: Cells
  readonly levels: Int32Array
}

/** By place in the document: which piece of which run stands there; and by piece its place. */
export interface Places {
  readonly pieces: Int32Array
  readonly runs: Int32Array
  readonly of: Int32Array
}

/**
 * The pieces of a loaded document. Each is made when it is first looked at, with those beside it: who reads a document,
 * or edits it here and there, pays for no more.
 */
export class Shelf {
  /** By place, each of `FILLED`. */
  leaves: readonly Leaf[] = []
  /** The sites by index, the last one that of start and end. */
  readonly #sites: readonly Site[]
  readonly #bases: readonly number[]
  readonly #tree: Tree
  readonly #cuts: Cuts
  readonly #origins: Origins
  readonly #places: Places
  /** By place: those that are made. */
  readonly #made: (Piece | undefined)[] = []

  constructor(
    sites: readonly Site[],
    bases: readonly number[],
    tree: Tree,
    cuts: Cuts,
    origins: Origins,
    places: Places,
  ) {
    this.#sites = sites
    this.#bases = bases
    this.#tree = tree
    this.#cuts = cuts
    this.#origins = origins
    this.#places = places
    this.#made.length = this.size
  }

  /** How many pieces there are. */
  get size(): number {
    return this.#places.pieces.length
  }

  /** The counter that a piece has now, as those told by replica and counter. */
  counterOf(piece: number): number {
    const made = this.#made[this.#places.of[piece] as number]
    if (made !== undefined) return made.counter
    const run = this.#places.runs[this.#places.of[piece] as number] as number
    return (this.#cuts.from[piece] as number) - (this.#bases[this.#tree.owners[run] as number] as number) + 1
  }

  /** Pieces that follow each other by replica and counter. */
  byCounter(from: number, to: number): Piece[] {
    const list: Piece[] = []
    for (let piece = from; piece < to; piece++) list.push(this.#at(this.#places.of[piece] as number))
    return list
  }

  /** Pieces that follow each other in the document. */
  byPlace(from: number, to: number): Piece[] {
    const list: Piece[] = []
    for (let place = from; place < to; place++) list.push(this.#at(place))
    return list
  }

  /** Sets the sums of a leaf that nobody has looked at. */
  measure(leaf: Leaf): void {
    const { depths, levels } = this.#origins
    for (let place = leaf.from; place < leaf.to; place++) {
      const piece = this.#places.pieces[place] as number
      const run = this.#places.runs[place] as number
      const offset = (this.#cuts.from[piece] as number) - (this.#tree.from[run] as number)
      include(leaf, (depths[run] as number) + offset, offset === 0 ? (levels[run] as number) : 0)
      const width = this.#cuts.widths[piece] as number
      if (width === 0) continue
      const length = this.#endOf(piece, run) - (this.#cuts.from[piece] as number)
      leaf.points += length
      leaf.units += length * width
    }
  }

  /** Copies the visible text of such a leaf, and returns where it ends among the units. */
  copy({ from, to }: Leaf, units: Uint16Array, start: number): number {
    const { widths, places, page } = this.#cuts
    let end = start
    for (let place = from; place < to; place++) {
      const piece = this.#places.pieces[place] as number
      const width = widths[piece] as number
      if (width === 0) continue
      const length =
        this.#endOf(piece, this.#places.runs[place] as number) - (this.#cuts.from[piece] as number)
      end = copyUnits(page, places[piece] as number, length * width, units, end)
    }
    return end
  }

  #at(place: number): Piece {
    const made = this.#made[place]
    if (made !== undefined) return made
    const { from, widths, places, page } = this.#cuts
    const { leftOwners, lefts, rightOwners, rights, depths, levels } = this.#origins
    const sites = this.#sites
    const index = this.#places.pieces[place] as number
    const run = this.#places.runs[place] as number
    const start = from[index] as number
    const offset = start - (this.#tree.from[run] as number)
    const owner = this.#tree.owners[run] as number
    const counter = start - (this.#bases[owner] as number) + 1
    const width = widths[index] as number
    const piece = new Piece(
      sites[owner] as Site,
      counter,
      this.#endOf(index, run) - start,
      width === 0 ? 1 : width,
      width === 0 ? NO_PAGE : page,
      places[index] as number,
      sites[offset > 0 ? owner : (leftOwners[run] as number)] as Site,
      offset > 0 ? counter - 1 : (lefts[run] as number),
      sites[rightOwners[run] as number] as Site,
      rights[run] as number,
    )
    piece.deleted = width === 0
    piece.depth = (depths[run] as number) + offset
    if (offset === 0) piece.level = levels[run] as number
    piece.leaf = this.leaves[Math.floor(place / FILLED)]
    this.#made[place] = piece
    return piece
  }

  /** The event after the last of a piece. */
  #endOf(piece: number, run: number): number {
    const isLast = piece + 1 === this.#cuts.first[run + 1]
    return (isLast ? this.#tree.to[run] : this.#cuts.from[piece + 1]) as number
  }
}
