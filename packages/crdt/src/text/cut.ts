import type { Decoded } from './decoder.ts'
import { countPoints, isPairAt } from './ops.ts'
import { NO_PAGE, Piece } from './piece.ts'
import { DELETE_DOWN, KIND, LENGTH, OWN, WIDTH } from './rows.ts'
import { Holes, type Layout, type Tree } from './run-tree.ts'
import type { Site } from './site.ts'

/**
 * Cuts runs into pieces: at what is deleted, at left children, and where the width of characters changes. Notes in the
 * tree which pieces and children each run has.
 *
 * @returns all pieces by replica and counter, still without origins; `undefined` if something refers to what is no
 *   character, or is a right child of a character within a run, or if the text is not as long as it should be.
 */
export function cutAll(
  decoded: Decoded,
  layout: Layout,
  tree: Tree,
  sites: readonly Site[],
): Piece[] | undefined {
  const { cells, text } = decoded
  const page = pageOf(text)
  const string = typeof text === 'string' && countPoints(text) !== text.length ? text : undefined
  const holes = new Holes(decoded, layout)
  const children = new Children(tree)
  const pieces: Piece[] = []
  let unit = 0
  let run = 0
  let event = 0
  while (children.parent < 0) children.next()
  for (let row = 0; row < cells.length; row += WIDTH) {
    const end = event + (cells[row + LENGTH] as number)
    if ((cells[row + KIND] as number) >= DELETE_DOWN) {
      if (holes.from < end || children.parent < end) return undefined
      event = end
      continue
    }
    const own = cells[row + OWN] as number
    const site = sites[own] as Site
    const before = (layout.bases[own] as number) - 1
    tree.pieces[run] = pieces.length
    tree.children[run] = children.at
    run++
    while (event < end) {
      const isDeleted = holes.from <= event
      const hole = isDeleted ? holes.to : holes.from
      let next = hole < end ? hole : end
      while (children.parent === event && children.isLeft) children.next()
      if (children.parent < next && children.isLeft) next = children.parent
      let width = 1
      if (!isDeleted && string !== undefined) {
        width = isPairAt(string, unit) ? 2 : 1
        next = event + pointsOfWidth(string, unit, width, next - event)
      }
      const length = next - event
      const counter = event - before
      const place = isDeleted ? 0 : unit
      const kept = isDeleted ? NO_PAGE : page
      const piece = new Piece(site, counter, length, width, kept, place, site, counter - 1, site, 0)
      piece.deleted = isDeleted
      pieces.push(piece)
      if (!isDeleted) unit += length * width
      if (unit > page.length) return undefined
      event = next
      if (holes.to <= event) holes.next()
    }
    for (; children.parent < end; children.next()) {
      if (children.parent < end - 1 || children.isLeft) return undefined
    }
  }
  tree.pieces[run] = pieces.length
  tree.children[run] = children.at
  return unit === page.length ? pieces : undefined
}

/** Goes through all runs in the order of what they are children of. */
class Children {
  readonly #tree: Tree
  at = -1
  parent = -1
  isLeft = false

  constructor(tree: Tree) {
    this.#tree = tree
    this.next()
  }

  next(): void {
    const { order, parents, isLeft } = this.#tree
    this.at++
    const run = order[this.at] as number
    this.parent = parents[run] as number
    this.isLeft = isLeft[run] === 1
  }
}

function pageOf(text: Uint8Array | string): Uint16Array {
  const page = new Uint16Array(text.length)
  if (typeof text !== 'string') page.set(text)
  else for (let i = 0; i < text.length; i++) page[i] = text.charCodeAt(i)
  return page
}

/** How many characters of one width follow each other, `most` at most. At the end of the text, one. */
function pointsOfWidth(text: string, from: number, width: number, most: number): number {
  let points = 1
  for (let unit = from + width; points < most && unit < text.length; unit += width) {
    if (isPairAt(text, unit) !== (width === 2)) break
    points++
  }
  return points
}
