import { deletedIn, eachPart, normalise } from './op-set.ts'
import { DERIVED, Insertion, NOWHERE, type Op, part, Removal } from './ops.ts'
import type { Deletion } from './deletions.ts'
import type { Piece } from './piece.ts'
import type { Sequence } from './sequence.ts'
import type { Site } from './site.ts'

/**
 * The operations of a document that a peer lacks which has the events up to `known` of each replica; in
 * order of replicas and counters (with deleted text, of each replica).
 *
 * @param waiting operations that are not in the document yet: the peer gets those too.
 * @param withDeletedText also what deleted characters were, where that is kept.
 */
export function opsSince(
  sequence: Sequence,
  known: (name: string) => number,
  waiting: readonly Op[] = [],
  withDeletedText = false,
): Op[] {
  const ops: Op[] = []
  const names = [...sequence.sites.keys()].filter((name) => name !== NOWHERE).toSorted()
  let isWhole = waiting.every(({ node }) => known(node) === 0)
  let hasDeleted = false
  for (const name of names) {
    const site = sequence.sites.get(name) as Site
    const from = known(name)
    if (from > 0) isWhole = false
    if (site.version <= from) continue
    const deletions = site.deletions.runs(from)
    let deletion = deletions.next()
    for (const piece of site.pieces(from)) {
      for (; deletion.done !== true && deletion.value.counter < piece.counter; deletion = deletions.next()) {
        ops.push(after(toRemoval(name, deletion.value), from))
      }
      ops.push(after(toInsertion(piece, withDeletedText), from))
      if (piece.deleted) hasDeleted = true
    }
    for (; deletion.done !== true; deletion = deletions.next()) {
      ops.push(after(toRemoval(name, deletion.value), from))
    }
  }
  const late = waiting.filter((op) => op.counter + op.length - 1 > known(op.node))
  for (const op of late) ops.push(after(op, known(op.node)))
  if (withDeletedText) return ops
  const all = late.length === 0 ? ops : normalise(ops)
  return isWhole || !(hasDeleted || late.length > 0) ? all : complete(sequence, all, waiting)
}

/**
 * A peer that knows of a deletion but not of what it deletes has made up its version; it must yet get operations
 * that belong together.
 */
function complete(sequence: Sequence, ops: Op[], waiting: readonly Op[]): Op[] {
  const ranges = deletedIn(ops)
  let isComplete = true
  for (const op of ops) {
    if (!(op instanceof Insertion) || op.text !== undefined) continue
    eachPart([op], ranges.get(op.node) ?? [], (_op, _from, _length, isDeleted) => {
      isComplete &&= isDeleted
    })
  }
  if (isComplete) return ops
  const all = [...ops, ...waiting.filter((op) => op instanceof Removal)]
  for (const [name, site] of sequence.sites) {
    for (const deletion of site.deletions.runs()) all.push(toRemoval(name, deletion))
  }
  return normalise(all)
}

/** The part of an operation after the event `known`. */
function after(op: Op, known: number): Op {
  const from = Math.max(0, known + 1 - op.counter)
  return part(op, from, op.length - from)
}

const toRemoval = (name: string, { counter, length, site, target, step }: Deletion): Removal =>
  new Removal(name, counter, length, site.name, target, step)

/** A piece as it is told to others. */
function toInsertion(piece: Piece, withDeletedText: boolean): Insertion {
  const { site, counter, length, leftSite, leftCounter, rightSite, rightCounter } = piece
  const text = piece.deleted && !withDeletedText ? undefined : piece.text()
  const left = leftCounter === 0 ? undefined : (leftSite.find(leftCounter) as Piece)
  const isUsual =
    left === undefined
      ? rightCounter === 0
      : left.rightCounter === rightCounter && left.rightSite === rightSite
  if (isUsual) {
    return new Insertion(site.name, counter, length, text, leftSite.name, leftCounter, NOWHERE, DERIVED)
  }
  if (rightCounter !== 0 && isLeftOriginOf(rightSite, rightCounter, leftSite, leftCounter)) {
    return new Insertion(site.name, counter, length, text, NOWHERE, DERIVED, rightSite.name, rightCounter)
  }
  return new Insertion(
    site.name,
    counter,
    length,
    text,
    leftSite.name,
    leftCounter,
    rightSite.name,
    rightCounter,
  )
}

function isLeftOriginOf(site: Site, counter: number, leftSite: Site, leftCounter: number): boolean {
  const piece = site.find(counter) as Piece
  if (piece.counter < counter) return leftSite === site && leftCounter === counter - 1
  return piece.leftCounter === leftCounter && piece.leftSite === leftSite
}
