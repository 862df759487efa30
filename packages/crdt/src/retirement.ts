import {
  covers,
  type GrowingCounts,
  learn,
  mark,
  MAX_TOTAL,
  NOTHING,
  reach,
  sizeOf,
  type Totals,
  totalOf,
} from './counts.ts'

/**
 * Makes `heir` the owner of what `gone` has counted; of two heirs who did not know of each other, the one with
 * the higher name gives its part back.
 *
 * @returns false if there is nothing to do: nothing is known of the replica, or it has an heir.
 * @throws RangeError if the heir would pass 2^52.
 */
export function takeOver(counts: GrowingCounts, heir: string, gone: string): boolean {
  const heirs = counts.taken.get(gone)
  const own = heirs?.get(heir)
  const known = totalOf(counts, gone)
  const [first] = [...(heirs ?? [])]
    .filter(([, part]) => sizeOf(part) > 0)
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
  if (first === undefined || first[0] === heir) {
    // All of it, or what came to light since.
    const before = own ?? NOTHING
    const more = { plus: known.plus - before.plus, minus: known.minus - before.minus }
    return sizeOf(more) > 0 && settle(counts, heir, gone, more, known)
  }
  if (own === undefined || sizeOf(own) === 0 || !covers(first[1], own)) return false
  // Totals only grow, so it goes back the other way.
  return settle(counts, heir, gone, { plus: own.minus, minus: own.plus }, NOTHING)
}

function settle(counts: GrowingCounts, heir: string, gone: string, more: Totals, taken: Totals): boolean {
  const old = totalOf(counts, heir)
  const row = { plus: old.plus + more.plus, minus: old.minus + more.minus }
  if (Math.max(row.plus, row.minus) > MAX_TOTAL) {
    throw new RangeError(`Cannot retire ${gone}: ${heir} would pass 2^52; go on as a new replica`)
  }
  learn(counts, heir, row)
  mark(counts, gone, [[heir, { ...taken, at: sizeOf(row) }]])
  return true
}

/**
 * Drops the name of a replica that was taken over.
 *
 * @returns false if it is too early: not all have seen its heir's mark, it has two heirs, more is known of it than
 *   the heir took, or it is itself the heir of another whose name is still there.
 */
export function forgetTaken(counts: GrowingCounts, gone: string, seen: (node: string) => number): boolean {
  if (counts.rows.has(gone) || [...counts.taken.values()].some((heirs) => heirs.has(gone))) return false
  const heirs = [...(counts.taken.get(gone) ?? [])]
  if (heirs.filter(([, part]) => sizeOf(part) > 0).length > 1) return false
  const reached = reach(counts, seen)
  if (heirs.some(([heir, { at }]) => reached(heir) < at)) return false
  counts.taken.delete(gone)
  return true
}
