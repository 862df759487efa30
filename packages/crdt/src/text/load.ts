import { flatten } from './op-set.ts'
import { countPoints, DERIVED, type Insertion, isPairAt, type Op, Removal } from './ops.ts'
import { NO_PAGE, Piece } from './piece.ts'
import type { Sequence } from './sequence.ts'
import type { Site } from './site.ts'

/** An insertion as a node of the tree of FugueMax: its characters are each other's right children. */
class Run {
  readonly row: Insertion
  readonly site: Site
  /** Left children of its characters, and of which; and right children of the last one. */
  lefts: Run[] | undefined
  rights: Run[] | undefined
  /** For a left child: whose. */
  parent: Run | undefined
  offset = -1
  /** Characters that are deleted, as ranges `[from, to, …]` as they come. */
  deleted: number[] | undefined
  /** Its pieces, as places in the list of all. */
  from = 0
  to = 0
  /** While the tree is walked: the next piece, left child and right child. */
  at = 0
  left = 0
  right = 0

  constructor(row: Insertion, site: Site) {
    this.row = row
    this.site = site
  }
}

const byPlace = (a: Run, b: Run): number => a.offset - b.offset || byName(a, b)
const byName = (a: Run, b: Run): number =>
  a.site === b.site ? a.row.counter - b.row.counter : a.site.name < b.site.name ? -1 : 1

/**
 * Makes an empty document of a whole state at once, in time linear in its size: from the tree, where merging row by row
 * would look for each one's place.
 *
 * @param rows insertions without text, and removals, in order.
 * @param text of what is not deleted.
 * @returns false if it is not so simple: if something is missing, or where writers met so that it takes their right
 *   origins to know who is first. The sequence is of no use then.
 */
export function load(sequence: Sequence, rows: readonly Op[], text: string): boolean {
  const runs = new Map<Site, Run[]>()
  const all: Run[] = []
  let site = sequence.nowhere
  let list: Run[] | undefined
  for (const row of rows) {
    if (row.node !== site.name) {
      site = sequence.site(row.node)
      list = undefined
    }
    if (row.counter !== site.version + 1) return false
    site.version += row.length
    if (row instanceof Removal) continue
    const run = new Run(row, site)
    if (list === undefined) runs.set(site, (list = []))
    list.push(run)
    all.push(run)
  }
  const find = finder(sequence, runs)
  const roots: Run[] = []
  for (const row of rows) {
    if (row instanceof Removal && !noteRemoval(sequence, row, find)) return false
  }
  for (const run of all) if (!hang(run, roots, find)) return false
  const pieces = cutAll(all, text)
  if (pieces === undefined) return false
  const document = walk(sequence, roots.toSorted(byName), pieces)
  if (document.length !== pieces.length) return false
  sequence.tree.fill(document)
  for (const piece of pieces) piece.site.add(piece)
  return true
}

type Find = (node: string, counter: number) => Run | undefined

/** Finds the run with a character, the next one asked for being mostly near the last. */
function finder(sequence: Sequence, runs: ReadonlyMap<Site, readonly Run[]>): Find {
  let list: readonly Run[] = []
  let name = ''
  let last: Run | undefined
  const has = (run: Run, counter: number): boolean =>
    run.row.counter <= counter && counter < run.row.counter + run.row.length
  return (node, counter) => {
    if (node !== name) {
      name = node
      list = runs.get(sequence.sites.get(node) as Site) ?? []
      last = undefined
    }
    if (last !== undefined && has(last, counter)) return last
    let low = 0
    let high = list.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if ((list[middle] as Run).row.counter <= counter) low = middle + 1
      else high = middle
    }
    const found = list[low - 1]
    if (found === undefined || !has(found, counter)) return undefined
    last = found
    return found
  }
}

function noteRemoval(sequence: Sequence, row: Removal, find: Find): boolean {
  const { node, counter, length, targetNode, target, step } = row
  const low = step > 0 ? target : target - length + 1
  for (let from = low; from < low + length;) {
    const run = find(targetNode, from)
    if (run === undefined) return false
    const end = Math.min(low + length, run.row.counter + run.row.length)
    if (run.deleted === undefined) run.deleted = [from, end - 1]
    else run.deleted.push(from, end - 1)
    from = end
  }
  const site = sequence.sites.get(targetNode) as Site
  ;(sequence.sites.get(node) as Site).deletions.add(counter, length, site, target, step)
  return true
}

/** Hangs a run where it belongs. */
function hang(run: Run, roots: Run[], find: Find): boolean {
  const { leftNode, leftCounter, rightNode, rightCounter } = run.row
  if (leftCounter === DERIVED) {
    const parent = find(rightNode, rightCounter)
    if (parent === undefined) return false
    run.parent = parent
    run.offset = rightCounter - parent.row.counter
    if (parent.lefts === undefined) parent.lefts = [run]
    else parent.lefts.push(run)
    return true
  }
  if (rightCounter !== DERIVED) return false
  if (leftCounter === 0) {
    roots.push(run)
    return true
  }
  const parent = find(leftNode, leftCounter)
  if (parent === undefined || leftCounter !== parent.row.counter + parent.row.length - 1) return false
  run.parent = parent
  if (parent.rights === undefined) parent.rights = [run]
  else parent.rights.push(run)
  return true
}

/**
 * Cuts runs into pieces: at what is deleted, at left children, and where the width of characters changes.
 * `undefined` if the text is not as long as it should be.
 */
function cutAll(runs: readonly Run[], text: string): Piece[] | undefined {
  const pieces: Piece[] = []
  const page = new Uint16Array(text.length)
  for (let i = 0; i < text.length; i++) page[i] = text.charCodeAt(i)
  const isPlain = countPoints(text) === text.length
  let unit = 0
  for (const run of runs) {
    const { row, site } = run
    run.from = pieces.length
    if (run.lefts !== undefined && run.lefts.length > 1) run.lefts.sort(byPlace)
    if (run.rights !== undefined && run.rights.length > 1) run.rights.sort(byName)
    const deleted = run.deleted === undefined ? NONE : inOrder(run.deleted)
    const lefts = run.lefts ?? NO_RUNS
    const end = row.counter + row.length
    let hole = 0
    let left = 0
    for (let counter = row.counter; counter < end;) {
      while (hole < deleted.length && (deleted[hole + 1] as number) < counter) hole += 2
      while (left < lefts.length && row.counter + (lefts[left] as Run).offset <= counter) left++
      const from = hole < deleted.length ? (deleted[hole] as number) : end
      const isDeleted = from <= counter
      let next = isDeleted ? (deleted[hole + 1] as number) + 1 : from
      if (left < lefts.length) next = Math.min(next, row.counter + (lefts[left] as Run).offset)
      let width = 1
      let units = 0
      if (!isDeleted) {
        if (next - counter > text.length - unit) return undefined
        width = isPairAt(text, unit) ? 2 : 1
        if (!isPlain) next = counter + pointsOfWidth(text, unit, width, next - counter)
        units = (next - counter) * width
      }
      const piece = new Piece(
        site,
        counter,
        next - counter,
        width,
        isDeleted ? NO_PAGE : page,
        isDeleted ? 0 : unit,
        site,
        counter - 1,
        site,
        0,
      )
      piece.deleted = isDeleted
      pieces.push(piece)
      unit += units
      counter = next
    }
    run.to = pieces.length
  }
  return unit === text.length ? pieces : undefined
}

const NONE: readonly number[] = []
const NO_RUNS: readonly Run[] = []

/** Ranges in order, those that touch or overlap as one. Mostly there is one, or they are in order as they come. */
function inOrder(ranges: number[]): readonly number[] {
  for (let i = 2; i < ranges.length; i += 2) {
    if ((ranges[i] as number) > (ranges[i - 1] as number) + 1) continue
    const pairs: [number, number][] = []
    for (let at = 0; at < ranges.length; at += 2) pairs.push([ranges[at] as number, ranges[at + 1] as number])
    return flatten(pairs)
  }
  return ranges
}

/** How many characters of one width follow each other, `most` at most. */
function pointsOfWidth(text: string, from: number, width: number, most: number): number {
  let points = 0
  for (let unit = from; points < most && unit < text.length && isPairAt(text, unit) === (width === 2);) {
    unit += width
    points++
  }
  return points
}

/** Walks the tree: left children of a character, the character, right children. Gives pieces their origins on the way. */
function walk(sequence: Sequence, roots: readonly Run[], pieces: readonly Piece[]): Piece[] {
  const out: Piece[] = []
  const stack: Run[] = []
  const enter = (run: Run): void => {
    const head = pieces[run.from] as Piece
    const { parent } = run
    let rightSite = sequence.nowhere
    let rightCounter = 0
    if (parent === undefined) {
      head.leftSite = sequence.nowhere
      head.leftCounter = 0
      head.depth = 1
    } else {
      const parentHead = pieces[parent.from] as Piece
      if (run.offset < 0) {
        head.leftSite = parent.site
        head.leftCounter = parent.row.counter + parent.row.length - 1
        head.depth = parentHead.depth + parent.row.length
        ;({ rightSite, rightCounter } = parentHead)
      } else {
        rightSite = parent.site
        rightCounter = parent.row.counter + run.offset
        head.leftSite = run.offset > 0 ? parent.site : parentHead.leftSite
        head.leftCounter = run.offset > 0 ? rightCounter - 1 : parentHead.leftCounter
        head.depth = parentHead.depth + run.offset
        head.level = run.offset > 0 ? 1 : parentHead.level + 1
      }
    }
    for (let i = run.from; i < run.to; i++) {
      const piece = pieces[i] as Piece
      piece.rightSite = rightSite
      piece.rightCounter = rightCounter
      piece.depth = head.depth + piece.counter - head.counter
    }
    run.at = run.from
    stack.push(run)
  }
  for (const root of roots) {
    enter(root)
    while (stack.length > 0) {
      const run = stack[stack.length - 1] as Run
      const piece = run.at < run.to ? (pieces[run.at] as Piece) : undefined
      const left = run.lefts === undefined ? undefined : run.lefts[run.left]
      if (piece !== undefined && left !== undefined && run.row.counter + left.offset === piece.counter) {
        run.left++
        enter(left)
      } else if (piece !== undefined) {
        out.push(piece)
        run.at++
      } else {
        const right = run.rights === undefined ? undefined : run.rights[run.right++]
        if (right === undefined) stack.pop()
        else enter(right)
      }
    }
  }
  return out
}
