import type { Cuts } from './cut.ts'
import { type Layout, numbers, type Tree } from './run-tree.ts'
import { Shelf } from './shelf.ts'
import type { Site } from './site.ts'

/**
 * Brings the pieces of all runs into order on a walk through the tree: left children of a character, the character, right
 * children.
 *
 * @param sites by index, the last one that of start and end.
 * @returns `undefined` if some are not to be reached from the start.
 */
export function walk(layout: Layout, tree: Tree, cuts: Cuts, sites: readonly Site[]): Shelf | undefined {
  const { runs, events, bases } = layout
  const { owners, from, parents, isLeft, order, children } = tree
  const { first } = cuts
  const all = first[runs] as number
  const places = { pieces: new Int32Array(all), runs: new Int32Array(all), of: new Int32Array(all) }
  let place = 0
  const nowhere = sites.length - 1
  // Of the first character of each run: its origins, its depth and its level.
  const leftOwners = new Int32Array(runs)
  const lefts = numbers(runs, events)
  const rightOwners = new Int32Array(runs)
  const rights = numbers(runs, events)
  const depths = numbers(runs, events)
  const levels = new Int32Array(runs)
  /** The runs that are walked through, one in the other; of each the piece and the child to come next. */
  const stack = new Int32Array(runs)
  const at = new Int32Array(runs)
  const child = new Int32Array(runs)
  let height = 0
  const enter = (run: number): void => {
    let leftOwner = nowhere
    let left = 0
    let rightOwner = nowhere
    let right = 0
    let depth = 1
    if (height > 0) {
      const parent = stack[height - 1] as number
      const offset = (parents[run] as number) - (from[parent] as number)
      const owner = owners[parent] as number
      const counter = (parents[run] as number) - (bases[owner] as number) + 1
      leftOwner = owner
      depth = (depths[parent] as number) + offset
      if (isLeft[run] === 0) {
        left = counter
        rightOwner = rightOwners[parent] as number
        right = rights[parent] as number
        depth++
      } else {
        if (offset > 0) left = counter - 1
        else {
          leftOwner = leftOwners[parent] as number
          left = lefts[parent] as number
        }
        rightOwner = owner
        right = counter
        levels[run] = offset > 0 ? 1 : (levels[parent] as number) + 1
      }
    }
    leftOwners[run] = leftOwner
    lefts[run] = left
    rightOwners[run] = rightOwner
    rights[run] = right
    depths[run] = depth
    at[run] = first[run] as number
    child[run] = children[run] as number
    stack[height++] = run
  }
  const roots = children[0] as number
  for (let root = 0; root < roots; root++) {
    enter(order[root] as number)
    while (height > 0) {
      const run = stack[height - 1] as number
      const index = at[run] as number
      const isOver = index === first[run + 1]
      const here = child[run] as number
      if (here < (children[run + 1] as number)) {
        const next = order[here] as number
        if (isOver || (isLeft[next] === 1 && parents[next] === cuts.from[index])) {
          child[run] = here + 1
          enter(next)
          continue
        }
      }
      if (isOver) height--
      else {
        places.pieces[place] = index
        places.runs[place] = run
        places.of[index] = place++
        at[run] = index + 1
      }
    }
  }
  if (place < all) return undefined
  const origins = { leftOwners, lefts, rightOwners, rights, depths, levels }
  return new Shelf(sites, bases, tree, cuts, origins, places)
}
