import type { Piece } from './piece.ts'
import type { Tree } from './run-tree.ts'
import type { Site } from './site.ts'

/** Walks the tree: left children of a character, the character, right children. Gives pieces their origins on the way. */
export function walk(tree: Tree, pieces: readonly Piece[], nowhere: Site): Piece[] {
  const { from, parents, isLeft, order, children, pieces: first } = tree
  const out: Piece[] = []
  /** The runs that are walked through, one in the other; of each the event, the piece and the child to come next. */
  const stack = new Int32Array(from.length)
  const now = from.slice()
  const at = new Int32Array(from.length)
  const child = new Int32Array(from.length)
  let height = 0
  const enter = (run: number): void => {
    const start = first[run] as number
    const head = pieces[start] as Piece
    let rightSite = nowhere
    let rightCounter = 0
    if (height === 0) {
      head.leftSite = nowhere
      head.leftCounter = 0
      head.depth = 1
    } else {
      const parent = stack[height - 1] as number
      const parentHead = pieces[first[parent] as number] as Piece
      const offset = (parents[run] as number) - (from[parent] as number)
      if (isLeft[run] === 0) {
        head.leftSite = parentHead.site
        head.leftCounter = parentHead.counter + offset
        head.depth = parentHead.depth + offset + 1
        ;({ rightSite, rightCounter } = parentHead)
      } else {
        rightSite = parentHead.site
        rightCounter = parentHead.counter + offset
        head.leftSite = offset > 0 ? rightSite : parentHead.leftSite
        head.leftCounter = offset > 0 ? rightCounter - 1 : parentHead.leftCounter
        head.depth = parentHead.depth + offset
        head.level = offset > 0 ? 1 : parentHead.level + 1
      }
    }
    for (let i = start; i < (first[run + 1] as number); i++) {
      const piece = pieces[i] as Piece
      piece.rightSite = rightSite
      piece.rightCounter = rightCounter
      piece.depth = head.depth + piece.counter - head.counter
    }
    at[run] = start
    child[run] = children[run] as number
    stack[height++] = run
  }
  const roots = children[0] as number
  for (let root = 0; root < roots; root++) {
    enter(order[root] as number)
    while (height > 0) {
      const run = stack[height - 1] as number
      const piece = at[run] === first[run + 1] ? undefined : (pieces[at[run] as number] as Piece)
      const here = child[run] as number
      const next = here < (children[run + 1] as number) ? (order[here] as number) : -1
      if (next >= 0 && (piece === undefined || (isLeft[next] === 1 && parents[next] === now[run]))) {
        child[run] = here + 1
        enter(next)
      } else if (piece === undefined) height--
      else {
        out.push(piece)
        now[run] = (now[run] as number) + piece.length
        at[run] = (at[run] as number) + 1
      }
    }
  }
  return out
}
