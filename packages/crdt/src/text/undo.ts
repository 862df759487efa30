import { firstRange, flatten } from './op-set.ts'
import type { Insertion, Op } from './ops.ts'
import { NO_PAGE, type Piece } from './piece.ts'
import { type Range, Revivals } from './revivals.ts'
import type { Sequence } from './sequence.ts'
import type { Site } from './site.ts'

/** Own edits that are undone together, as the range of their events. */
interface Group {
  readonly from: number
  to: number
}

/**
 * Undoes own edits, one group at a time. What was put in goes, as far as it is still there; what was deleted is put
 * in again, as new characters, as far as nobody else deleted it too. Edits of others stay as they are.
 *
 * To undo is to edit, and that edit is what redo undoes.
 */
export class UndoManager {
  readonly #sequence: Sequence
  readonly #site: Site
  readonly #maxUndo: number
  readonly #done: Group[] = []
  readonly #undone: Group[] = []
  /** Earlier groups speak of characters that were deleted and came back under new names. */
  readonly #revivals = new Revivals()
  /** What the last group may go on with, and for deletions where. */
  #open: 'insert' | 'delete' | undefined
  #openAt = 0

  constructor(sequence: Sequence, site: Site, maxUndo: number) {
    this.#sequence = sequence
    this.#site = site
    this.#maxUndo = maxUndo
  }

  get canUndo(): boolean {
    return this.#done.length > 0 && this.#maxUndo > 0
  }

  get canRedo(): boolean {
    return this.#undone.length > 0
  }

  /** Text was typed. It joins the group if it stands right after the text typed before. */
  noteInsertion(op: Insertion): void {
    const goesOn = op.leftCounter === op.counter - 1 && op.leftNode === op.node
    this.#note('insert', op.counter, this.#open === 'insert' && goesOn)
  }

  /** Text was deleted. It joins the group if it stood where the last deletion was, as by backspace or delete. */
  noteDeletion(from: number, index: number, count: number): void {
    const isNear = index === this.#openAt || index + count === this.#openAt
    this.#note('delete', from, this.#open === 'delete' && isNear)
    this.#openAt = index
  }

  /** The next edit begins a new group. */
  stop(): void {
    this.#open = undefined
  }

  /** Edits of others came: places are not what they were. */
  moved(): void {
    if (this.#open === 'delete') this.#open = undefined
  }

  /** All that was noted since an event, whatever it was, is one group. */
  join(from: number): void {
    while ((this.#done.at(-1)?.from ?? 0) > from) this.#done.pop()
    const last = this.#done.at(-1)
    if (last !== undefined) last.to = this.#site.version
    this.stop()
  }

  undo(): Op[] | undefined {
    this.#trim()
    return this.#revert(this.#done, this.#undone)
  }

  redo(): Op[] | undefined {
    return this.#revert(this.#undone, this.#done)
  }

  /** Drops the oldest groups that are too many. */
  #trim(): void {
    this.#done.splice(0, Math.max(0, this.#done.length - this.#maxUndo))
  }

  #note(kind: 'insert' | 'delete', from: number, goesOn: boolean): void {
    this.#open = kind
    if (this.#undone.length > 0) this.#undone.length = 0
    const last = this.#done[this.#done.length - 1]
    if (goesOn && last !== undefined) {
      last.to = this.#site.version
      return
    }
    this.#done.push({ from, to: this.#site.version })
    // Not one by one: to move all for each new group would cost more than the edit.
    if (this.#done.length > 2 * this.#maxUndo) this.#trim()
  }

  /** Undoes the last group that there is something left of. */
  #revert(groups: Group[], opposite: Group[]): Op[] | undefined {
    this.stop()
    for (let group = groups.pop(); group !== undefined; group = groups.pop()) {
      const from = this.#site.version + 1
      const ops = this.#invert(group)
      if (ops.length === 0) continue
      opposite.push({ from, to: this.#site.version })
      return ops
    }
    return undefined
  }

  #invert({ from, to }: Group): Op[] {
    const inserted: Range[] = []
    for (const piece of this.#site.pieces(from - 1)) {
      if (piece.counter > to) break
      inserted.push(clip(piece, from, to))
    }
    const ops: Op[] = []
    let others: ReadonlyMap<Site, readonly number[]> | undefined
    for (const range of this.#deletedIn(from, to)) {
      for (const now of this.#follow(range)) {
        others ??= this.#deletedByOthers()
        this.#revive(now, others.get(now.site) ?? [], ops)
      }
    }
    for (const range of inserted) {
      for (const now of this.#follow(range)) this.#erase(now, ops)
    }
    return ops
  }

  /** What own deletions deleted that was not put in by the same group, and that nobody else deleted. */
  #deletedIn(from: number, to: number): Range[] {
    const ranges: Range[] = []
    for (const run of this.#site.deletions.runs(from - 1)) {
      if (run.counter > to) break
      const skip = Math.max(0, from - run.counter)
      const length = Math.min(run.length, to + 1 - run.counter) - skip
      const first = run.target + run.step * skip
      const low = run.step > 0 ? first : first - length + 1
      if (run.site !== this.#site) ranges.push({ site: run.site, counter: low, length })
      else {
        // Typed and deleted again within the group: never there before, never there after.
        const before = Math.min(low + length, from) - low
        if (before > 0) ranges.push({ site: run.site, counter: low, length: before })
        const after = low + length - Math.max(low, to + 1)
        if (after > 0) ranges.push({ site: run.site, counter: low + length - after, length: after })
      }
    }
    return ranges
  }

  /** What characters are called now, of which some were deleted and came back. */
  #follow(range: Range): Range[] {
    const out: Range[] = []
    const stack = [range]
    for (let one = stack.pop(); one !== undefined; one = stack.pop()) {
      const { site, counter, length } = one
      const revival = this.#revivals.find(one)
      if (revival === undefined) {
        out.push(one)
        continue
      }
      const from = Math.max(counter, revival.counter)
      const end = Math.min(counter + length, revival.counter + revival.length)
      if (end < counter + length) stack.push({ site, counter: end, length: counter + length - end })
      stack.push({ site: this.#site, counter: revival.as + from - revival.counter, length: end - from })
      if (counter < from) stack.push({ site, counter, length: from - counter })
    }
    return out
  }

  /** @param others characters of the site that others deleted, as a flat list of ranges in order. */
  #revive(range: Range, others: readonly number[], ops: Op[]): void {
    const end = range.counter + range.length
    for (let counter = range.counter, at = firstRange(others, counter); counter < end;) {
      const piece = range.site.find(counter) as Piece
      while ((others[at + 1] ?? Infinity) < counter) at += 2
      const from = others[at] ?? Infinity
      const isDeletedElsewhere = from <= counter
      const limit = isDeletedElsewhere ? (others[at + 1] as number) + 1 : from
      const length = Math.min(end, limit, piece.counter + piece.length) - counter
      if (piece.deleted && piece.page !== NO_PAGE && !isDeletedElsewhere) {
        const text = piece.text(counter - piece.counter, length) as string
        // Beside what it was, so that all that comes back is in its old order.
        const op = this.#sequence.insertAfterCharacter(this.#site, piece, counter + length - 1, text, length)
        this.#revivals.add({ site: range.site, counter, length, as: op.counter })
        ops.push(op)
      }
      counter += length
    }
  }

  #erase(range: Range, ops: Op[]): void {
    for (let counter = range.counter; counter < range.counter + range.length;) {
      const piece = range.site.find(counter) as Piece
      const length = Math.min(range.counter + range.length, piece.counter + piece.length) - counter
      if (!piece.deleted) {
        const count = this.#sequence.inPoints ? length : length * piece.width
        const removed = this.#sequence.erase(this.#site, this.#sequence.indexOf(piece, counter), count)
        ops.push(...(Array.isArray(removed) ? removed : [removed]))
      }
      counter += length
    }
  }

  /** Characters that others deleted, by site, as flat lists of ranges in order. */
  #deletedByOthers(): Map<Site, readonly number[]> {
    const pairs = new Map<Site, [from: number, to: number][]>()
    for (const site of this.#sequence.sites.values()) {
      if (site === this.#site) continue
      for (const run of site.deletions.runs()) {
        const pair: [number, number] = [run.low, run.low + run.length - 1]
        const list = pairs.get(run.site)
        if (list === undefined) pairs.set(run.site, [pair])
        else list.push(pair)
      }
    }
    return new Map([...pairs].map(([site, list]) => [site, flatten(list)]))
  }
}

function clip({ site, counter, length }: Piece, from: number, to: number): Range {
  const first = Math.max(counter, from)
  return { site, counter: first, length: Math.min(counter + length - 1, to) - first + 1 }
}
