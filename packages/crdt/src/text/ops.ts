/** Where nothing stands: as left origin the start of the document, as right origin its end. */
export const NOWHERE = ''

/** In place of a counter: follows from the other origin. */
export const DERIVED = -1

/**
 * Consecutive characters that one replica put in, side by side. In the tree of FugueMax the first of them is
 * - a left child of its right origin, if that has the same left origin: `leftCounter` is DERIVED then;
 * - else a right child of its left origin. `rightCounter` is DERIVED if both have one right origin.
 *
 * Each of the others is a right child of the one before it. Never changed once made.
 */
export class Insertion {
  readonly node: string
  /** Of the first character; each is an event of its own. */
  readonly counter: number
  /** In characters, which are code points. */
  readonly length: number
  /** `undefined`: all of them are deleted, and what they were is not kept. */
  readonly text: string | undefined
  /** The character to the left when it was put in; counter 0 for the start. */
  readonly leftNode: string
  readonly leftCounter: number
  /** The one to the right, visible or not; counter 0 for the end. */
  readonly rightNode: string
  readonly rightCounter: number

  constructor(
    node: string,
    counter: number,
    length: number,
    text: string | undefined,
    leftNode: string,
    leftCounter: number,
    rightNode: string,
    rightCounter: number,
  ) {
    this.node = node
    this.counter = counter
    this.length = length
    this.text = text
    this.leftNode = leftNode
    this.leftCounter = leftCounter
    this.rightNode = rightNode
    this.rightCounter = rightCounter
  }

  /** True if its first character is a right child of the one before it, as all others are. */
  get isGoingOn(): boolean {
    return (
      this.leftCounter === this.counter - 1 && this.leftNode === this.node && this.rightCounter === DERIVED
    )
  }
}

/** Consecutive deletions by one replica, of characters that follow each other up or down. */
export class Removal {
  readonly node: string
  /** Of the first deletion; each is an event of its own. */
  readonly counter: number
  readonly length: number
  readonly targetNode: string
  /** The character that the first one deletes. */
  readonly target: number
  /** From one target to the next: 1 or −1; 1 if there is only one. */
  readonly step: number

  constructor(
    node: string,
    counter: number,
    length: number,
    targetNode: string,
    target: number,
    step: number,
  ) {
    this.node = node
    this.counter = counter
    this.length = length
    this.targetNode = targetNode
    this.target = target
    this.step = step
  }
}

export type Op = Insertion | Removal

/** The code points of a text; −1 if it has half a surrogate pair. */
export function countPoints(text: string): number {
  let points = text.length
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i)
    if (unit < 0xd800 || unit > 0xdfff) continue
    const low = text.charCodeAt(i + 1)
    if (unit > 0xdbff || !(low >= 0xdc00 && low <= 0xdfff)) return -1
    points--
    i++
  }
  return points
}

/** A place in a text. */
export interface Place {
  point: number
  unit: number
}

/**
 * The place in UTF-16 units of a code point of a well-formed text of `points`.
 *
 * @param from a place to count from, if it is not behind; it is moved there.
 */
export function unitOf(text: string, points: number, point: number, from?: Place): number {
  if (text.length === points) return point
  const isBefore = from !== undefined && from.point <= point
  let unit = isBefore ? from.unit : 0
  for (let left = point - (isBefore ? from.point : 0); left > 0; left--) unit += isPairAt(text, unit) ? 2 : 1
  if (from !== undefined) {
    from.point = point
    from.unit = unit
  }
  return unit
}

/** True if a surrogate pair starts there, in a well-formed text. */
export const isPairAt = (text: string, unit: number): boolean => (text.charCodeAt(unit) & 0xfc00) === 0xd800

/**
 * The part of an operation from its `from`-th event on, `length` long.
 *
 * @param place what several parts, each after the one before, share, so that not each is counted from the start.
 */
export function part(op: Op, from: number, length: number, place?: Place): Op {
  if (from === 0 && length === op.length) return op
  if (op instanceof Removal) {
    const target = op.target + op.step * from
    return new Removal(op.node, op.counter + from, length, op.targetNode, target, length === 1 ? 1 : op.step)
  }
  const { node, counter } = op
  const text = op.text?.slice(
    unitOf(op.text, op.length, from, place),
    unitOf(op.text, op.length, from + length, place),
  )
  if (from > 0) {
    return new Insertion(node, counter + from, length, text, node, counter + from - 1, NOWHERE, DERIVED)
  }
  return new Insertion(
    node,
    counter,
    length,
    text,
    op.leftNode,
    op.leftCounter,
    op.rightNode,
    op.rightCounter,
  )
}
