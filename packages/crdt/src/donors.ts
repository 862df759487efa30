/** Whom to ask for rights, and for how many. */
export interface Donation {
  readonly replica: string
  readonly amount: number
}

/**
 * Whom to ask for rights that are lacking: the richest first, so that few are asked, and each for no more than it has
 * as far as is known here; of two that have the same, the one with the lower name. Decides only; how to ask is up to
 * you, and whoever is asked answers with `transfer`.
 *
 * @param rights what each of the others has.
 * @param lacking how many are needed.
 * @returns whom to ask; `undefined` if all together have too few.
 */
export function chooseDonors(
  rights: Iterable<readonly [replica: string, rights: number]>,
  lacking: number,
): Donation[] | undefined {
  const donors: Donation[] = []
  let left = lacking
  for (const [replica, has] of [...rights].toSorted(([a, x], [b, y]) => y - x || (a < b ? -1 : 1))) {
    if (left <= 0) break
    const amount = Math.min(left, has)
    if (amount <= 0) break
    donors.push({ replica, amount })
    left -= amount
  }
  return left > 0 ? undefined : donors
}
