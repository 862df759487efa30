import { TextHistoryError } from './errors.ts'
import { firstRange, flatten } from './op-set.ts'
import { NO_PAGE, type Piece } from './piece.ts'
import { Pages } from './pages.ts'
import type { Sequence } from './sequence.ts'

type Known = (name: string) => number

/** Characters that deletions up to a version deleted, by replica, as flat lists of ranges in order. */
function deletedAt(sequence: Sequence, known: Known): Map<string, number[]> {
  const pairs = new Map<string, [from: number, to: number][]>()
  for (const { name, deletions } of sequence.sites.values()) {
    for (const { counter, length, site, target, step } of deletions.runs()) {
      const seen = Math.min(length, known(name) + 1 - counter)
      if (seen <= 0) break
      const last = target + step * (seen - 1)
      const list = pairs.get(site.name)
      const pair: [number, number] = step > 0 ? [target, last] : [last, target]
      if (list === undefined) pairs.set(site.name, [pair])
      else list.push(pair)
    }
  }
  return new Map([...pairs].map(([name, list]) => [name, flatten(list)]))
}

/**
 * Visits the parts of a piece that were all deleted at a version or all not.
 *
 * @param ranges of its replica, from `deletedAt`.
 */
function eachStretch(
  piece: Piece,
  length: number,
  ranges: readonly number[],
  visit: (from: number, length: number, isDeleted: boolean) => void,
): void {
  const end = piece.counter + length
  let at = firstRange(ranges, piece.counter)
  for (let counter = piece.counter; counter < end;) {
    const from = ranges[at] ?? Infinity
    const isDeleted = from <= counter
    const next = Math.min(end, isDeleted ? (ranges[at + 1] as number) + 1 : from)
    visit(counter - piece.counter, next - counter, isDeleted)
    if (isDeleted) at += 2
    counter = next
  }
}

/** The text as it was at a version. @throws TextHistoryError if a text that it needs is not kept. */
export function textAt(sequence: Sequence, known: Known): string {
  const ranges = deletedAt(sequence, known)
  let text = ''
  for (let leaf = sequence.tree.first; ; leaf = leaf.after) {
    for (const piece of leaf.pieces) {
      const length = Math.min(piece.length, known(piece.site.name) + 1 - piece.counter)
      if (length <= 0) continue
      eachStretch(piece, length, ranges.get(piece.site.name) ?? [], (from, count, isDeleted) => {
        if (isDeleted) return
        const part = piece.text(from, count)
        if (part === undefined) throw new TextHistoryError()
        text += part
      })
    }
    if (leaf.after === undefined) return text
  }
}

/**
 * Forgets the text of what was deleted up to a version, and joins what then looks alike.
 *
 * @returns how many characters were forgotten.
 */
export function collect(sequence: Sequence, known: Known): number {
  const ranges = deletedAt(sequence, known)
  let forgotten = 0
  for (const site of sequence.sites.values()) {
    const list = ranges.get(site.name)
    if (list === undefined) continue
    // A list of its own, as pieces are cut meanwhile.
    for (const piece of Array.from(site.pieces())) {
      if (!piece.deleted || piece.page === NO_PAGE) continue
      const gone: [from: number, length: number][] = []
      eachStretch(piece, piece.length, list, (from, length, isDeleted) => {
        if (isDeleted) gone.push([from, length])
      })
      // From the end, as what is cut off is a piece of its own.
      for (const [from, length] of gone.toReversed()) {
        if (from + length < piece.length) sequence.split(piece, from + length)
        const part = from > 0 ? sequence.split(piece, from) : piece
        part.page = NO_PAGE
        part.at = 0
        forgotten += length
      }
    }
  }
  if (forgotten > 0) compact(sequence)
  return forgotten
}

/** Joins pieces, and moves the text that is left onto new pages, so that the old ones are freed. */
function compact(sequence: Sequence): void {
  const pages = new Pages()
  for (let leaf = sequence.tree.first; ; leaf = leaf.after) {
    const { pieces } = leaf
    for (let slot = pieces.length - 1; slot > 0; slot--) {
      const [before, piece] = [pieces[slot - 1], pieces[slot]] as [Piece, Piece]
      if (before.deleted && piece.deleted && before.goesOnIn(piece)) sequence.swallow(before, piece, slot)
    }
    for (const piece of pieces) {
      const text = piece.text()
      if (text === undefined) continue
      piece.at = pages.write(text, 0, text.length)
      piece.page = pages.page
    }
    if (leaf.after === undefined) break
  }
  sequence.pages = pages
  sequence.near = undefined
}
