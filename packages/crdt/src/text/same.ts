import { DERIVED, Insertion, type Op, part, type Place, Removal } from './ops.ts'
import { NO_PAGE, type Piece } from './piece.ts'
import type { Sequence } from './sequence.ts'
import type { Site } from './site.ts'

/** True if two operations with the same events say the same, as far as both know it. */
export function isSame(one: Op, other: Op): boolean {
  if (one instanceof Removal) {
    return (
      other instanceof Removal &&
      one.targetNode === other.targetNode &&
      one.target === other.target &&
      one.step === other.step
    )
  }
  return (
    other instanceof Insertion &&
    one.leftNode === other.leftNode &&
    one.leftCounter === other.leftCounter &&
    one.rightNode === other.rightNode &&
    one.rightCounter === other.rightCounter &&
    (one.text === undefined || other.text === undefined || one.text === other.text)
  )
}

/** True if an operation all of whose events are in the document is what the document has. */
export function isKnownAs(sequence: Sequence, op: Op): boolean {
  const site = sequence.sites.get(op.node) as Site
  const place: Place = { point: 0, unit: 0 }
  for (let from = 0; from < op.length;) {
    const counter = op.counter + from
    if (op instanceof Insertion) {
      const piece = site.find(counter)
      if (piece === undefined) return false
      const length = Math.min(op.length - from, piece.counter + piece.length - counter)
      if (!isSameText(piece, part(op, from, length, place) as Insertion)) return false
      from += length
    } else {
      const run = site.deletions.find(counter)
      if (run === undefined || run.site.name !== op.targetNode) return false
      const offset = counter - run.counter
      if (run.target + run.step * offset !== op.target + op.step * from) return false
      const length = Math.min(op.length - from, run.length - offset)
      // A run of one goes either way.
      const isOneWay = length > 1 && run.step !== op.step
      from += isOneWay ? 1 : length
    }
  }
  return true
}

/** True if an insertion within a piece has its text and origins, as far as both know them. */
function isSameText(piece: Piece, op: Insertion): boolean {
  const offset = op.counter - piece.counter
  const isKept = piece.page !== NO_PAGE && op.text !== undefined
  if (isKept && piece.text(offset, op.length) !== op.text) return false
  const leftNode = offset === 0 ? piece.leftSite.name : piece.site.name
  const leftCounter = offset === 0 ? piece.leftCounter : op.counter - 1
  return (
    (op.leftCounter === DERIVED || (op.leftCounter === leftCounter && op.leftNode === leftNode)) &&
    (op.rightCounter === DERIVED ||
      (op.rightCounter === piece.rightCounter && op.rightNode === piece.rightSite.name))
  )
}
