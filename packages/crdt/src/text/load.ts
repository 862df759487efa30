import { cutAll } from './cut.ts'
import type { Decoded } from './decoder.ts'
import { Deletion } from './deletions.ts'
import { COUNTER, DELETE_DOWN, DELETE_UP, INDEX, KIND, LENGTH, TARGET, WIDTH } from './rows.ts'
import { layOut, type Layout, treeOf } from './run-tree.ts'
import type { Sequence } from './sequence.ts'
import { Site } from './site.ts'
import { walk } from './walk.ts'

/**
 * Makes an empty document of a whole state at once, in time linear in its size: from the tree, where merging row by row
 * would look for each one's place.
 *
 * @returns false if it is not so simple, and nothing has changed: if something is missing or wrong, or where writers met
 *   so that it takes their right origins to know who is first.
 */
export function load(sequence: Sequence, decoded: Decoded): boolean {
  const { names } = decoded
  const layout = layOut(decoded)
  if (layout === undefined || !isOrdered(decoded, layout)) return false
  const tree = treeOf(decoded, layout)
  const cuts = cutAll(decoded, layout, tree)
  if (cuts === undefined) return false
  const sites = names.map((name) => sequence.sites.get(name) ?? new Site(name))
  const shelf = walk(layout, tree, cuts, [...sites, sequence.nowhere])
  if (shelf === undefined) return false
  let run = 0
  for (const [index, site] of sites.entries()) {
    sequence.sites.set(site.name, site)
    site.version = (layout.bases[index + 1] as number) - (layout.bases[index] as number)
    const from = cuts.first[run] as number
    while (tree.owners[run] === index) run++
    site.fill(shelf, from, cuts.first[run] as number)
    site.deletions.start(() => deletionsOf(decoded, layout, index, sites))
  }
  sequence.tree.fill(shelf)
  return true
}

/** The deletions of one replica. */
function deletionsOf({ cells }: Decoded, { rows }: Layout, own: number, sites: readonly Site[]): Deletion[] {
  const deletions: Deletion[] = []
  const end = (rows[own + 1] as number) * WIDTH
  for (let row = (rows[own] as number) * WIDTH; row < end; row += WIDTH) {
    const kind = cells[row + KIND] as number
    if (kind < DELETE_DOWN) continue
    const length = cells[row + LENGTH] as number
    const site = sites[cells[row + INDEX] as number] as Site
    const step = kind === DELETE_UP || length === 1 ? 1 : -1
    deletions.push(
      new Deletion(cells[row + COUNTER] as number, length, site, cells[row + TARGET] as number, step),
    )
  }
  return deletions
}

/**
 * True if the rows can be taken in one by one, each after those before it of its replica and after what it refers to:
 * if nothing is missing, and nothing waits for itself.
 */
function isOrdered({ names, cells }: Decoded, { bases, rows }: Layout): boolean {
  // What one writer alone refers to was there before: the decoder has seen to that.
  if (names.length === 1) return true
  /** The row of each replica that comes next, and how many of its events are taken in. */
  const at = rows.slice()
  const done = names.map(() => 0)
  const waiting: number[] = []
  const isWaiting = new Uint8Array(names.length)
  for (let first = 0; first < names.length; first++) {
    for (let own = first, wanted = Infinity; ;) {
      let needs = -1
      let needed = 0
      while ((at[own] as number) < (rows[own + 1] as number) && (done[own] as number) < wanted) {
        const row = (at[own] as number) * WIDTH
        const length = cells[row + LENGTH] as number
        const index = cells[row + INDEX] as number
        const more = cells[row + KIND] === DELETE_UP ? length - 1 : 0
        needed = (cells[row + TARGET] as number) + more
        if (index >= 0 && index !== own && needed > (done[index] as number)) {
          needs = index
          break
        }
        done[own] = (done[own] as number) + length
        at[own] = (at[own] as number) + 1
      }
      if (needs >= 0) {
        const all = (bases[needs + 1] as number) - (bases[needs] as number)
        if (isWaiting[needs] === 1 || needed > all) return false
        isWaiting[own] = 1
        waiting.push(own, wanted)
        own = needs
        wanted = needed
      } else if (waiting.length > 0) {
        wanted = waiting.pop() as number
        own = waiting.pop() as number
        isWaiting[own] = 0
      } else break
    }
  }
  return true
}
