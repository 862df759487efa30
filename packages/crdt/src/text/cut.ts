import type { Decoded } from './decoder.ts'
import { countPoints, isPairAt } from './ops.ts'
import { type Cells, DELETE_DOWN, KIND, LENGTH, WIDTH } from './rows.ts'
import { Holes, type Layout, numbers, type Tree } from './run-tree.ts'

/** Runs cut into pieces, which are told by replica and counter. */
export interface Cuts {
  /** By run: its first piece; and the end of all. */
  readonly first: Int32Array
  /** By piece: its first event. */
  readonly from: Cells
  /** By piece: UTF-16 units of each character, 0 if they are deleted; and where the text is in the page. */
  readonly widths: Uint8Array
  readonly places: Int32Array
  readonly page: Uint16Array
}

/**
 * Cuts runs into pieces: at what is deleted, at left children, and where the width of characters changes.
 *
 * @returns `undefined` if something refers to what is no character, or is a right child of a character within a run, or if
 *   the text is not as long as it should be.
 */
export function cutAll(decoded: Decoded, layout: Layout, tree: Tree): Cuts | undefined {
  const { cells, text } = decoded
  const { runs, removals, events } = layout
  const page = pageOf(text)
  const string = typeof text === 'string' && countPoints(text) !== text.length ? text : undefined
  const holes = new Holes(decoded, layout)
  const children = new Children(tree)
  const most = 2 * (runs + removals) + (string?.length ?? 0)
  const first = new Int32Array(runs + 1)
  const from = numbers(most, events)
  const widths = new Uint8Array(most)
  const places = new Int32Array(most)
  let pieces = 0
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
    first[run] = pieces
    tree.children[run] = children.at
    run++
    while (event < end) {
      const isDeleted = holes.from <= event
      const hole = isDeleted ? holes.to : holes.from
      let next = hole < end ? hole : end
      while (children.parent === event && children.isLeft) children.next()
      if (children.parent < next && children.isLeft) next = children.parent
      from[pieces] = event
      if (!isDeleted) {
        const width = string !== undefined && isPairAt(string, unit) ? 2 : 1
        if (string !== undefined) next = event + pointsOfWidth(string, unit, width, next - event)
        widths[pieces] = width
        places[pieces] = unit
        unit += (next - event) * width
        if (unit > page.length) return undefined
      }
      pieces++
      event = next
      if (holes.to <= event) holes.next()
    }
    for (; children.parent < end; children.next()) {
      if (children.parent < end - 1 || children.isLeft) return undefined
    }
  }
  first[run] = pieces
  tree.children[run] = children.at
  return unit === page.length ? { first, from, widths, places, page } : undefined
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
