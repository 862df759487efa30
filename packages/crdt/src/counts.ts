/**
 * The state of counters: what each replica has counted, and which replicas that are gone were taken over by whom.
 *
 * A replica that is gone is retired in Akka's three steps (its `PruningState`), but without a leader and without
 * clocks: an heir adds what it left to a row of its own and marks it as taken; all replicas hear of the mark; each
 * drops the mark, and the name with it. The mark makes the sum right meanwhile: of what is known of the replica,
 * what heirs have added to their rows is not counted again. So two heirs at once, a row that comes late, and edits
 * that the heir did not know of do no harm.
 */

/** What one replica has counted up and down in all. Both only grow, so the larger one is the later. */
export interface Totals {
  readonly plus: number
  readonly minus: number
}

/** What an heir has added to its own row of a replica that is gone; nothing once it has given that back. */
export interface Taken extends Totals {
  /** The version of the heir with it: who has seen that and has no mark has dropped it. */
  readonly at: number
}

/** A state, or a part of one: rows with all marks that their replicas made. */
export interface Counts {
  /** What replicas counted. For one that is gone: only if more is known of it than all heirs together took. */
  readonly rows: ReadonlyMap<string, Totals>
  /** By the replica that is gone, then by its heir. */
  readonly taken: ReadonlyMap<string, ReadonlyMap<string, Taken>>
}

/** A state that grows. */
export interface GrowingCounts {
  readonly rows: Map<string, Totals>
  readonly taken: Map<string, Map<string, Taken>>
}

/** Either way, so that the sum of both, which is the replica's version, stays below 2^53. */
export const MAX_TOTAL: number = 2 ** 52 - 1

export const NOTHING: Totals = { plus: 0, minus: 0 }

export const sizeOf = ({ plus, minus }: Totals): number => plus + minus

export const covers = (a: Totals, b: Totals): boolean => a.plus >= b.plus && a.minus >= b.minus

/** @param rows copied. */
export function growing(counts?: Counts): GrowingCounts {
  return {
    rows: new Map(counts?.rows),
    taken: new Map([...(counts?.taken ?? [])].map(([gone, heirs]) => [gone, new Map(heirs)])),
  }
}

/** All that is known of a replica, taken or not. */
export function totalOf({ rows, taken }: Counts, node: string): Totals {
  let total = rows.get(node) ?? NOTHING
  for (const part of taken.get(node)?.values() ?? []) total = larger(total, part)
  return total
}

/** What a replica adds to the sum: less than nothing while two heirs hold the same. */
export function* shares(counts: Counts): Generator<Totals> {
  const { rows, taken } = counts
  for (const [node, row] of rows) if (!taken.has(node)) yield row
  for (const [node, heirs] of taken) {
    let { plus, minus } = totalOf(counts, node)
    for (const part of heirs.values()) {
      plus -= part.plus
      minus -= part.minus
    }
    yield { plus, minus }
  }
}

/** All replicas that are known, those that are gone too. */
const nodes = ({ rows, taken }: Counts): Set<string> => new Set([...rows.keys(), ...taken.keys()])

/** The version of each replica that is known. */
export const versions = (counts: Counts): [node: string, version: number][] =>
  [...nodes(counts)].map((node) => [node, sizeOf(totalOf(counts, node))])

/**
 * Takes in all that the other knows.
 *
 * @returns true if anything was new.
 */
export function joinCounts(mine: GrowingCounts, theirs: Counts): boolean {
  if (mine.taken.size > 0 || theirs.taken.size > 0) return joinTaken(mine, theirs)
  let changed = false
  for (const [node, row] of theirs.rows) changed = learn(mine, node, row) || changed
  return changed
}

function joinTaken(mine: GrowingCounts, theirs: Counts): boolean {
  // The marks first, as what each side has seen decides about them; applied last.
  const [seenHere, seenThere] = [reach(theirs, lookup(mine)), reach(mine, lookup(theirs))]
  const [lost, dropped] = [forgotten(mine, theirs, seenHere), forgotten(theirs, mine, seenThere)]
  const marks = new Map<string, [heir: string, part: Taken][]>()
  for (const [gone, heirs] of theirs.taken) {
    const here = mine.taken.get(gone)
    const news = [...heirs].filter(([heir, { at }]) => at > (here?.get(heir)?.at ?? seenHere(heir)))
    if (news.length > 0 && !lost.has(gone)) marks.set(gone, news)
  }
  let changed = marks.size + dropped.size > 0
  for (const node of nodes(theirs)) {
    // A mark that is neither here nor new was forgotten here: what it stands for is in the heir's row.
    const isMarked = marks.has(node) || (mine.taken.has(node) && !lost.has(node))
    if (!theirs.rows.has(node) && !isMarked) continue
    changed = learn(mine, node, totalOf(theirs, node)) || changed
  }
  for (const [gone, parts] of marks) mark(mine, gone, parts)
  for (const gone of dropped) mine.taken.delete(gone)
  for (const gone of lost) changed = mine.taken.delete(gone) || changed
  return changed
}

/**
 * Which of these marks' names one side has forgotten: it lacks a mark although it has seen that version of the heir.
 * A name is forgotten with all its marks, also with those of heirs of whom that side, as a delta, tells nothing.
 */
function forgotten(by: Counts, counts: Counts, seen: (node: string) => number): Set<string> {
  const names = new Set<string>()
  const lacks = (gone: string, heir: string): boolean => by.taken.get(gone)?.has(heir) !== true
  for (const [gone, heirs] of counts.taken) {
    if ([...heirs].some(([heir, { at }]) => lacks(gone, heir) && at <= seen(heir))) names.add(gone)
  }
  // Nobody is forgotten before those whom it took over. The set grows under way.
  const marks = names.size > 0 ? byHeir(counts) : undefined
  for (const heir of names)
    for (const [gone] of marks?.get(heir) ?? []) if (lacks(gone, heir)) names.add(gone)
  return names
}

/** Versions as they are now, each looked up once. */
export function lookup(counts: Counts): (node: string) => number {
  const known = new Map<string, number>()
  return (node) => {
    const version = known.get(node) ?? sizeOf(totalOf(counts, node))
    known.set(node, version)
    return version
  }
}

/**
 * What somebody has seen of each replica, who may have forgotten it: whoever has seen an heir with its mark has seen
 * what the mark stands for, and the marks that the replica had made itself.
 *
 * @param counts where the marks are.
 * @param seen what is known of that somebody's versions.
 */
export function reach(counts: Counts, seen: (node: string) => number): (node: string) => number {
  const best = new Map<string, number>()
  const reached = (node: string): number => Math.max(best.get(node) ?? 0, seen(node))
  const heirs = byHeir(counts)
  // Latest first, so that the next one is at the end: each is passed once, however often its heir comes up.
  for (const marks of heirs.values()) marks.sort(([, a], [, b]) => b.at - a.at)
  const list = [...heirs.keys()]
  for (const heir of list) {
    const marks = heirs.get(heir) ?? []
    for (let next = marks.at(-1); next !== undefined && next[1].at <= reached(heir); next = marks.at(-1)) {
      const [gone, part] = next
      marks.pop()
      if (sizeOf(part) <= reached(gone)) continue
      best.set(gone, sizeOf(part))
      list.push(gone)
    }
  }
  return reached
}

/** Takes in totals of a replica. */
export function learn(counts: GrowingCounts, node: string, totals: Totals): boolean {
  const known = totalOf(counts, node)
  if (covers(known, totals)) return false
  counts.rows.set(node, larger(known, totals))
  return true
}

/** Notes what heirs have taken of a replica. What is known of it stays known. */
export function mark(
  counts: GrowingCounts,
  gone: string,
  parts: readonly (readonly [string, Taken])[],
): void {
  const known = totalOf(counts, gone)
  const heirs = counts.taken.get(gone) ?? new Map<string, Taken>()
  for (const [heir, part] of parts) heirs.set(heir, part)
  counts.taken.set(gone, heirs)
  counts.rows.delete(gone)
  learn(counts, gone, known)
}

/** The marks by the heir who made them. */
function byHeir({ taken }: Counts): Map<string, [gone: string, part: Taken][]> {
  const result = new Map<string, [gone: string, part: Taken][]>()
  for (const [gone, heirs] of taken) {
    for (const [heir, own] of heirs) {
      const list = result.get(heir)
      if (list === undefined) result.set(heir, [[gone, own]])
      else list.push([gone, own])
    }
  }
  return result
}

/** What a replica at this version lacks. */
export function countsSince(counts: Counts, seen: (node: string) => number): Counts {
  // Of a replica that is gone there is news only if it has a row: else the mark says all, and its heir is the news.
  const news = [...counts.rows.keys()].filter((node) => sizeOf(totalOf(counts, node)) > seen(node))
  return partOf(counts, news)
}

/** The rows of these replicas with all marks that belong to them. */
export function partOf(counts: Counts, of: Iterable<string>): Counts {
  const result = growing()
  const marks = byHeir(counts)
  const wanted = new Set(of)
  // The set grows under way. A mark tells the version of the replica that is gone, so the marks that this one made
  // belong to it; and these need all that is known of it, so its other heirs do too.
  for (const node of wanted) {
    if (marks.has(node)) for (const heir of counts.taken.get(node)?.keys() ?? []) wanted.add(heir)
    const row = counts.rows.get(node)
    if (row !== undefined) result.rows.set(node, row)
    for (const [gone, own] of marks.get(node) ?? []) {
      result.taken.set(gone, (result.taken.get(gone) ?? new Map<string, Taken>()).set(node, own))
      wanted.add(gone)
    }
  }
  return result
}

function larger(a: Totals, b: Totals): Totals {
  if (covers(a, b)) return a
  if (covers(b, a)) return { plus: b.plus, minus: b.minus }
  return { plus: Math.max(a.plus, b.plus), minus: Math.max(a.minus, b.minus) }
}
