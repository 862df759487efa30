import { DERIVED, Insertion, isPairAt, NOWHERE, type Op, Removal } from './ops.ts'
import { Pages } from './pages.ts'
import { PieceList } from './piece-list.ts'
import { NO_PAGE, Piece } from './piece.ts'
import { addRange, type Ranges } from './ranges.ts'
import { Siblings } from './siblings.ts'
import { Site } from './site.ts'
import { grow, type Leaf, standsBefore } from './tree.ts'

/** Longer walks over what is deleted are remembered, so that nobody can have the same one made again and again. */
const LONG_WALK = 32

/** What an edit did to the visible text, told while it happens. */
export interface Watcher {
  /** A text came in at a position. */
  inserted(index: number, text: string): void
  /** So many positions from there went. */
  deleted(index: number, count: number): void
}

/**
 * The document: all characters ever put in, in one order for all replicas, which is that of FugueMax
 * (Weidner, Kleppmann 2025, section 4): a character goes between its left and right origin. Where two that
 * did not know of each other go to one place, the one whose right origin is nearer stands nearer to it;
 * else the names decide. So what was typed as one stays in one.
 */
export class Sequence extends PieceList {
  /** Told of what changes; `undefined` if nobody wants to know. */
  watcher: Watcher | undefined = undefined
  /** Where new text goes. */
  pages: Pages = new Pages()
  readonly siblings: Siblings = new Siblings()
  /** How many pieces were looked at to delete them: for tests. */
  hidings = 0
  /** Characters that are deleted, as far as it took long to find that out: all that there are between two. */
  readonly #gone = new Map<Site, Ranges>()
  /** The piece put in last by a local edit, while what stands after it is still its right origin. */
  #tip: Piece | undefined

  /** The site of a replica, made when it writes first. */
  site(name: string): Site {
    let site = this.sites.get(name)
    if (site === undefined) this.sites.set(name, (site = new Site(name)))
    return site
  }

  /** Puts a text of `points` code points in at a position, as the next events of a site. */
  insert(site: Site, index: number, text: string, points: number): Insertion {
    const left = index > 0 ? this.find(index - 1) : undefined
    const offset = left === undefined ? 0 : this.offsetIn(left, index)
    const counter = site.version + 1
    site.version += points
    this.watcher?.inserted(index, text)
    if (left === undefined) return this.#put(site, counter, text, points, undefined, index)
    if (offset < left.length) this.split(left, offset)
    else if (left === this.#tip && this.#extend(left, site, counter, text, points)) {
      return new Insertion(site.name, counter, points, text, site.name, counter - 1, NOWHERE, DERIVED)
    }
    return this.#put(site, counter, text, points, left, index)
  }

  /** As {@link insert}, right after a character, which may be deleted: where it was, to the character. */
  insertAfterCharacter(site: Site, left: Piece, character: number, text: string, points: number): Insertion {
    const index = this.indexOf(left, character + 1)
    const offset = character + 1 - left.counter
    if (offset < left.length) this.split(left, offset)
    const counter = site.version + 1
    site.version += points
    this.watcher?.inserted(index, text)
    return this.#put(site, counter, text, points, left, index)
  }

  /**
   * Deletes `count` positions, at least 1, from one on, as the next events of a site. Mostly that is one removal, which
   * then comes without a list.
   */
  erase(site: Site, index: number, count: number): Removal | Removal[] {
    this.checkEnds(index, count)
    this.watcher?.deleted(index, count)
    let only: Removal | undefined
    let all: Removal[] | undefined
    for (let left = count; left > 0;) {
      const piece = this.find(index)
      const offset = this.offsetIn(piece, index)
      const size = this.inPoints ? 1 : piece.width
      const length = Math.min(piece.length - offset, left / size)
      left -= length * size
      const target = piece.counter + offset
      const counter = site.version + 1
      site.version += length
      site.deletions.add(counter, length, piece.site, target, 1)
      const removal = new Removal(site.name, counter, length, piece.site.name, target, 1)
      if (only === undefined) only = removal
      else if (all === undefined) all = [only, removal]
      else all.push(removal)
      this.hide(piece, offset, length)
    }
    return all ?? (only as Removal)
  }

  /** Takes in an operation of another replica that is the next of its site, and whose origins are here. */
  apply(op: Op): void {
    this.#tip = undefined
    this.near = undefined
    const site = this.site(op.node)
    if (op instanceof Removal) this.#applyRemoval(site, op)
    else this.#applyInsertion(site, op)
    site.version = op.counter + op.length - 1
  }

  /**
   * Hides what a removal deletes that has to wait for others of its replica: to delete a character takes nothing but the
   * character. So what is visible depends on what is known, and not on how it came; and who passes on both a
   * character and its deletion need not pass on what it was.
   *
   * @param from the first character, of those there are up to `to`.
   */
  hideEarly(node: string, from: number, to: number): void {
    const target = this.sites.get(node)
    if (target === undefined || from > target.version) return
    this.#tip = undefined
    this.near = undefined
    this.#hideTargets(target, from, Math.min(to, target.version))
  }

  /** The site of a replica that is known; mostly the one at hand. */
  #siteOf(name: string, likely: Site): Site {
    if (name === likely.name) return likely
    return name === NOWHERE ? this.nowhere : (this.sites.get(name) as Site)
  }

  #applyRemoval(site: Site, op: Removal): void {
    const target = this.#siteOf(op.targetNode, site)
    site.deletions.add(op.counter, op.length, target, op.target, op.step)
    const low = op.step > 0 ? op.target : op.target - op.length + 1
    this.#hideTargets(target, low, low + op.length - 1)
  }

  /** Hides characters of a site, as far as they are here. */
  #hideTargets(target: Site, from: number, to: number): void {
    const gone = this.#gone.get(target)
    let deleted = 0
    for (let counter = from; counter <= to; this.hidings++) {
      const known = gone?.endOf(counter)
      if (known !== undefined) {
        counter = known + 1
        continue
      }
      const piece = target.find(counter) ?? target.next(counter)
      if (piece === undefined || piece.counter > to) break
      const offset = Math.max(0, counter - piece.counter)
      const length = Math.min(piece.length - offset, to + 1 - piece.counter - offset)
      counter = piece.counter + offset + length
      if (piece.deleted) {
        deleted++
        continue
      }
      if (this.watcher !== undefined) {
        this.watcher.deleted(
          this.indexOf(piece, counter - length),
          length * (this.inPoints ? 1 : piece.width),
        )
      }
      this.hide(piece, offset, length)
    }
    if (deleted > LONG_WALK) addRange(this.#gone, target, from, to)
  }

  #applyInsertion(site: Site, op: Insertion): void {
    const { counter, text, length } = op
    let { leftCounter, rightCounter } = op
    let leftSite = this.#siteOf(op.leftNode, site)
    let rightSite = this.#siteOf(op.rightNode, site)
    let left: Piece | undefined
    if (leftCounter === DERIVED) {
      const right = rightSite.find(rightCounter) as Piece
      const isFirst = right.counter === rightCounter
      leftSite = isFirst ? right.leftSite : rightSite
      leftCounter = isFirst ? right.leftCounter : rightCounter - 1
    }
    if (leftCounter !== 0) left = leftSite.find(leftCounter) as Piece
    if (rightCounter === DERIVED) {
      rightSite = left === undefined ? this.nowhere : left.rightSite
      rightCounter = left === undefined ? 0 : left.rightCounter
    }
    const offset = left === undefined ? 0 : leftCounter - left.counter + 1
    if (left !== undefined && offset < left.length) this.split(left, offset)
    const next = this.after(left)
    const isNext =
      next === undefined ? rightCounter === 0 : next.counter === rightCounter && next.site === rightSite
    // Most go on where the last one was: no need to look further.
    if (isNext && left !== undefined && text !== undefined && op.isGoingOn) {
      if (this.#extend(left, site, counter, text, length)) {
        this.watcher?.inserted(this.indexOf(left, counter), text)
        return
      }
    }
    const depth = depthAfter(left)
    const right = rightCounter === 0 ? undefined : (rightSite.find(rightCounter) as Piece)
    const isLeftChild =
      right !== undefined &&
      right.counter === rightCounter &&
      right.leftCounter === leftCounter &&
      (leftCounter === 0 || right.leftSite === leftSite)
    const parent = isLeftChild ? right : undefined
    if (!isNext) left = this.#placeOf(site, counter, left, parent, rightSite, rightCounter)
    const index = this.watcher === undefined || text === undefined ? 0 : this.indexAfter(left)
    const level = parent === undefined ? 0 : parent.level + 1
    this.#place(
      site,
      counter,
      text,
      length,
      left,
      leftSite,
      leftCounter,
      rightSite,
      rightCounter,
      depth,
      level,
    )
    if (text !== undefined) this.watcher?.inserted(index, text)
  }

  /**
   * The last piece that the new characters go after: FugueMax's rule for those that share a place.
   *
   * @param right what they are left children of; `undefined` if they are right children of the left origin.
   */
  #placeOf(
    site: Site,
    counter: number,
    left: Piece | undefined,
    right: Piece | undefined,
    rightSite: Site,
    rightCounter: number,
  ): Piece | undefined {
    const depth = depthAfter(left)
    const { siblings, tree } = this
    const isNamedAfter = (other: Piece): boolean =>
      other.site === site ? other.counter < counter : other.site.name < site.name
    let before: Piece | undefined
    if (right !== undefined) {
      const leaf = right.leaf as Leaf
      before = siblings.lastBefore(leaf, this.slotOf(right), depth, right.level + 1, isNamedAfter)
    } else {
      // Who has the nearer right origin stands nearer to it.
      const goesAfter = (other: Piece): boolean =>
        other.rightCounter === rightCounter && other.rightSite === rightSite
          ? isNamedAfter(other)
          : this.#isBefore(rightSite, rightCounter, other.rightSite, other.rightCounter)
      const end = left === undefined ? undefined : this.#firstUpTo(left, depth - 1)
      const leaf = end === undefined ? tree.last : (end.leaf as Leaf)
      const slot = end === undefined ? leaf.pieces.length : this.slotOf(end)
      before = siblings.lastBefore(leaf, slot, depth, 0, goesAfter)
    }
    if (before === undefined) return undefined
    // Past all that is derived from that one.
    const next = this.#firstUpTo(before, depth)
    return next === undefined ? tree.last.pieces.at(-1) : this.before(next)
  }

  #firstUpTo(piece: Piece, depth: number): Piece | undefined {
    return this.siblings.firstUpTo(piece.leaf as Leaf, this.slotOf(piece) + 1, depth)
  }

  /** Order of two different characters, where counter 0 is the end. */
  #isBefore(site: Site, counter: number, otherSite: Site, other: number): boolean {
    if (counter === 0) return false
    if (other === 0) return true
    const piece = site.find(counter) as Piece
    const otherPiece = otherSite.find(other) as Piece
    return piece === otherPiece ? counter < other : standsBefore(piece, otherPiece)
  }

  #put(
    site: Site,
    counter: number,
    text: string,
    points: number,
    left: Piece | undefined,
    index: number,
  ): Insertion {
    const next = this.after(left)
    const leftSite = left === undefined ? this.nowhere : left.site
    const leftCounter = left === undefined ? 0 : left.counter + left.length - 1
    const rightSite = next === undefined ? this.nowhere : next.site
    const rightCounter = next === undefined ? 0 : next.counter
    const isLeftChild = next !== undefined && next.leftCounter === leftCounter && next.leftSite === leftSite
    const last = this.#place(
      site,
      counter,
      text,
      points,
      left,
      leftSite,
      leftCounter,
      rightSite,
      rightCounter,
      depthAfter(left),
      isLeftChild ? next.level + 1 : 0,
    )
    this.#tip = last
    this.near = last
    const size = this.inPoints ? points : text.length
    this.nearStart = index + size - (this.inPoints ? last.length : last.length * last.width)
    const { name } = site
    const isUsual =
      left === undefined
        ? rightCounter === 0
        : left.rightCounter === rightCounter && left.rightSite === rightSite
    if (isUsual) {
      return new Insertion(name, counter, points, text, leftSite.name, leftCounter, NOWHERE, DERIVED)
    }
    if (isLeftChild) {
      return new Insertion(name, counter, points, text, NOWHERE, DERIVED, rightSite.name, rightCounter)
    }
    return new Insertion(
      name,
      counter,
      points,
      text,
      leftSite.name,
      leftCounter,
      rightSite.name,
      rightCounter,
    )
  }

  /** Makes the pieces of a text, one after the other, and returns the last. */
  #place(
    site: Site,
    counter: number,
    text: string | undefined,
    points: number,
    left: Piece | undefined,
    leftSite: Site,
    leftCounter: number,
    rightSite: Site,
    rightCounter: number,
    depth: number,
    level: number,
  ): Piece {
    let last: Piece | undefined = left
    let unit = 0
    let point = 0
    do {
      const width = text !== undefined && isPairAt(text, unit) ? 2 : 1
      // Characters of one width are one piece.
      let end = text?.length ?? 0
      if (text !== undefined && text.length !== points) {
        for (end = unit; end < text.length && isPairAt(text, end) === (width === 2);) end += width
      }
      const length = text === undefined ? points : (end - unit) / width
      const at = text === undefined ? 0 : this.pages.write(text, unit, end)
      const page = text === undefined ? NO_PAGE : this.pages.page
      const isFirst = point === 0
      const piece = new Piece(
        site,
        counter + point,
        length,
        width,
        page,
        at,
        isFirst ? leftSite : site,
        isFirst ? leftCounter : counter + point - 1,
        rightSite,
        rightCounter,
      )
      piece.deleted = text === undefined
      piece.depth = depth + point
      if (isFirst) piece.level = level
      this.insertAfter(last, piece)
      site.add(piece)
      last = piece
      unit = end
      point += length
    } while (point < points)
    return last
  }

  /** Lets a visible piece at the very end of what was written go on. False if it can not. */
  #extend(piece: Piece, site: Site, counter: number, text: string, points: number): boolean {
    const units = text.length
    if (
      piece.deleted ||
      piece.counter + piece.length !== counter ||
      piece.site !== site ||
      units !== points * piece.width ||
      !this.pages.extend(piece.page, piece.at + piece.length * piece.width, text)
    ) {
      return false
    }
    piece.length += points
    grow(piece.leaf as Leaf, points, units)
    return true
  }
}

/** How deep what has a character as left origin is: the last of a piece, or the start. */
const depthAfter = (left: Piece | undefined): number => (left === undefined ? 1 : left.depth + left.length)
