import type { Operation } from '../../operation.ts'

/**
 * Which operations of a long history to show: first those in `focus`, then what is near the first of them,
 * two thirds of it before; with a `key`, its operations before all others.
 *
 * @returns indices, in order; all of them if no more than `max`.
 */
export function chooseOperations(
  operations: readonly Operation[],
  max: number,
  focus: readonly number[],
  isOfKey: (operation: Operation) => boolean,
): number[] {
  const count = operations.length
  if (count <= max) return operations.map((_, index) => index)
  const chosen = new Set<number>()
  for (const index of focus) if (chosen.size < max) chosen.add(index)
  const anchor = focus[0] ?? 0
  const take = (isWanted: (operation: Operation) => boolean): void => {
    let before = anchor
    let after = anchor + 1
    while (chosen.size < max && (before >= 0 || after < count)) {
      const isBefore = before >= 0 && (after >= count || anchor - before <= 2 * (after - anchor))
      const index = isBefore ? before-- : after++
      const operation = operations[index]
      if (operation !== undefined && isWanted(operation)) chosen.add(index)
    }
  }
  take(isOfKey)
  take(() => true)
  return [...chosen].toSorted((a, b) => a - b)
}

/**
 * Where many operations in a row are missing: before which chosen one, and how many. Small holes are not worth
 * a mark; the total is always told.
 */
export function gapsIn(chosen: readonly number[], count: number): Array<[position: number, count: number]> {
  const gaps: Array<[number, number]> = []
  const least = Math.max(10, (count - chosen.length) / 20)
  let expected = 0
  for (const [position, index] of chosen.entries()) {
    if (index - expected >= least) gaps.push([position, index - expected])
    expected = index + 1
  }
  if (count - expected >= least) gaps.push([chosen.length, count - expected])
  return gaps
}
