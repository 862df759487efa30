import type { Site } from './site.ts'
import type { Leaf } from './tree.ts'

/** The content of characters whose text is not kept. */
export const NO_PAGE: Uint16Array = /* @__PURE__ */ new Uint16Array(0)

/**
 * Consecutive characters of one replica that stand side by side in the document, all visible or all
 * deleted. Each of them but the first has the one before it as left origin; all have the same right origin.
 */
export class Piece {
  readonly site: Site
  /** Of its first character. */
  counter: number
  /** In characters, which are code points, so that nothing can cut a surrogate pair in two. */
  length: number
  /** UTF-16 units of each of its characters: 1 or 2. */
  readonly width: number
  deleted = false
  /** The page that has its text, and the place of its first unit there. */
  page: Uint16Array
  at: number
  /** Left origin of its first character; counter 0 for the start of the document. */
  leftSite: Site
  leftCounter: number
  /** Right origin of all its characters; counter 0 for the end. */
  rightSite: Site
  rightCounter: number
  /** Of its first character: how many left origins there are from one to the next up to the start. */
  depth = 0
  /**
   * Of its first character: how many right origins there are from one to the next that have the same left origin. A
   * right child of its left origin, in the tree of FugueMax, has 0; a left child one more than its right origin.
   */
  level = 0
  /** The leaf of the tree that it is in. */
  leaf: Leaf | undefined = undefined

  constructor(
    site: Site,
    counter: number,
    length: number,
    width: number,
    page: Uint16Array,
    at: number,
    leftSite: Site,
    leftCounter: number,
    rightSite: Site,
    rightCounter: number,
  ) {
    this.site = site
    this.counter = counter
    this.length = length
    this.width = width
    this.page = page
    this.at = at
    this.leftSite = leftSite
    this.leftCounter = leftCounter
    this.rightSite = rightSite
    this.rightCounter = rightCounter
  }

  /** Cuts off what follows the first `length` characters, and returns it. */
  cut(length: number): Piece {
    const tail = new Piece(
      this.site,
      this.counter + length,
      this.length - length,
      this.width,
      this.page,
      this.page === NO_PAGE ? 0 : this.at + length * this.width,
      this.site,
      this.counter + length - 1,
      this.rightSite,
      this.rightCounter,
    )
    tail.deleted = this.deleted
    tail.depth = this.depth + length
    this.length = length
    return tail
  }

  /** True if the next piece in the document goes on where this one ends, so that the two may be one. */
  goesOnIn(next: Piece): boolean {
    return (
      next.site === this.site &&
      next.counter === this.counter + this.length &&
      next.width === this.width &&
      next.leftCounter === next.counter - 1 &&
      next.leftSite === next.site &&
      next.rightCounter === this.rightCounter &&
      next.rightSite === this.rightSite &&
      next.page === this.page &&
      (next.page === NO_PAGE || next.at === this.at + this.length * this.width)
    )
  }

  /** Its text from the `from`-th character on. `undefined` if it is not kept. */
  text(from = 0, length: number = this.length - from): string | undefined {
    if (this.page === NO_PAGE) return undefined
    const start = this.at + from * this.width
    return textOf(this.page, start, start + length * this.width)
  }
}

/** More arguments than this overflow the stack of some engines. */
const MAX_ARGUMENTS = 4096

/** The text between two places of a page. */
export function textOf(page: Uint16Array, from: number, to: number): string {
  if (to - from === 1) return String.fromCharCode(page[from] as number)
  let text = ''
  for (let start = from; start < to; start += MAX_ARGUMENTS) {
    text += String.fromCharCode.apply(
      null,
      page.subarray(start, Math.min(to, start + MAX_ARGUMENTS)) as unknown as number[],
    )
  }
  return text
}
