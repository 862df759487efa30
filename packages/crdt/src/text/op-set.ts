import { Insertion, type Op, part, type Place, Removal } from './ops.ts'

/** Places in the list of deleted characters of one replica: `[from, to, …]`, both included, in order, not touching. */
type Ranges = readonly number[]

/** Which characters the removals among some operations delete, by replica. */
export function deletedIn(ops: readonly Op[]): Map<string, Ranges> {
  const pairs = new Map<string, [from: number, to: number][]>()
  for (const op of ops) {
    if (!(op instanceof Removal)) continue
    const last = op.target + op.step * (op.length - 1)
    const pair: [number, number] = op.step > 0 ? [op.target, last] : [last, op.target]
    const list = pairs.get(op.targetNode)
    if (list === undefined) pairs.set(op.targetNode, [pair])
    else list.push(pair)
  }
  return new Map([...pairs].map(([node, list]) => [node, flatten(list)]))
}

/** Pairs as ranges in order, those that touch or overlap as one. */
export function flatten(pairs: [from: number, to: number][]): number[] {
  pairs.sort((a, b) => a[0] - b[0])
  const flat: number[] = []
  for (const [from, to] of pairs) {
    const end = flat.length - 1
    if (end > 0 && from <= (flat[end] as number) + 1) flat[end] = Math.max(flat[end] as number, to)
    else flat.push(from, to)
  }
  return flat
}

/** The place of the first range that ends at or after a character. */
export function firstRange(ranges: Ranges, counter: number): number {
  let low = 0
  for (let high = ranges.length / 2; low < high;) {
    const middle = (low + high) >>> 1
    if ((ranges[middle * 2 + 1] as number) < counter) low = middle + 1
    else high = middle
  }
  return low * 2
}

/**
 * Visits the parts of insertions, in the order of their counters, that are all deleted or all not.
 *
 * @param insertions of one replica.
 */
export function eachPart(
  insertions: Iterable<Insertion>,
  ranges: Ranges,
  visit: (insertion: Insertion, from: number, length: number, isDeleted: boolean) => void,
): void {
  let at = -1
  for (const insertion of insertions) {
    if (at < 0) at = firstRange(ranges, insertion.counter)
    const end = insertion.counter + insertion.length
    for (let counter = insertion.counter; counter < end;) {
      while ((ranges[at + 1] ?? Infinity) < counter) at += 2
      const from = ranges[at] ?? Infinity
      const isDeleted = from <= counter
      const next = Math.min(end, isDeleted ? (ranges[at + 1] as number) + 1 : from)
      visit(insertion, counter - insertion.counter, next - counter, isDeleted)
      counter = next
    }
  }
}

const byCounter = (a: Op, b: Op): number =>
  a.node === b.node ? a.counter - b.counter : a.node < b.node ? -1 : 1

/** Operations as a set: in order, each event once, and no text for what another of them deletes. */
export function normalise(ops: readonly Op[]): Op[] {
  const out: Op[] = []
  const ranges = deletedIn(ops)
  let node = ''
  let next = 0
  for (const op of ops.toSorted(byCounter)) {
    if (op.node !== node) next = 0
    node = op.node
    const end = op.counter + op.length
    if (end <= next) continue
    const rest = op.counter < next ? part(op, next - op.counter, end - next) : op
    next = end
    const deleted = ranges.get(node)
    if (rest instanceof Removal || deleted === undefined) out.push(rest)
    else {
      const place: Place = { point: 0, unit: 0 }
      eachPart([rest], deleted, (insertion, from, length, isDeleted) => {
        const piece = part(insertion, from, length, place) as Insertion
        out.push(isDeleted ? withoutText(piece) : piece)
      })
    }
  }
  return out
}

export const withoutText = (op: Insertion): Insertion =>
  op.text === undefined
    ? op
    : new Insertion(
        op.node,
        op.counter,
        op.length,
        undefined,
        op.leftNode,
        op.leftCounter,
        op.rightNode,
        op.rightCounter,
      )
