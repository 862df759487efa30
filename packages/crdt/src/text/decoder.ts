import { DecodeError } from '@quorate/vector-clock'
import type { ByteReader } from '@quorate/vector-clock/codec'
import { startReading } from '../format.ts'
import { deletedIn } from './op-set.ts'
import { countPoints, DERIVED, Insertion, isPairAt, NOWHERE, type Op, Removal } from './ops.ts'
import {
  DELETE_DOWN,
  DELETE_UP,
  FORMAT,
  GAP,
  HERE,
  LEFT_CHILD,
  LONG,
  MAX_EVENTS,
  Places,
  RIGHT_CHILD,
  RIGHT_CHILD_BEFORE,
} from './rows.ts'
import { readText } from './text-bytes.ts'

/** Bytes taken apart: insertions still without text, and removals, in order. */
export interface Decoded {
  readonly rows: readonly Op[]
  /** Of all characters that no row deletes. */
  readonly text: string
}

/**
 * The operations that `encodeOps` wrote, in order.
 *
 * @throws DecodeError on anything that it would not have written.
 */
export function decodeOps(bytes: Uint8Array): Op[] {
  const { rows, text } = decodeRows(bytes)
  return withText(rows, text)
}

/** The same, not put together yet; that the text has the right length is not checked. */
export function decodeRows(bytes: Uint8Array): Decoded {
  const reader = startReading(FORMAT, bytes)
  const names: string[] = []
  const writers: boolean[] = []
  for (let left = reader.count(); left > 0; left--) {
    const head = reader.uint()
    const name = reader.text(Math.floor(head / 2))
    if (!(name > (names.at(-1) ?? NOWHERE))) reader.fail('its replicas are not in order')
    names.push(name)
    writers.push(head % 2 === 1)
  }
  const isUsed = writers.slice()
  const ops: Op[] = []
  for (let own = 0; own < names.length; own++) {
    if (writers[own] === true) new RowReader(reader, names, isUsed, own).readInto(ops)
  }
  if (isUsed.includes(false)) reader.fail('a replica is named for nothing')
  const text = readText(reader)
  reader.end()
  return { rows: ops, text }
}

class RowReader {
  readonly #reader: ByteReader
  readonly #names: readonly string[]
  readonly #isUsed: boolean[]
  readonly #own: number
  readonly #places: Places
  #counter: number

  constructor(reader: ByteReader, names: readonly string[], isUsed: boolean[], own: number) {
    this.#reader = reader
    this.#names = names
    this.#isUsed = isUsed
    this.#own = own
    this.#counter = reader.uint() + 1
    this.#places = new Places(own, this.#counter, names.length)
  }

  readInto(ops: Op[]): void {
    const reader = this.#reader
    let last: Op | undefined
    for (let isAtGap = true; ;) {
      const head = reader.uint()
      const kind = head % 8
      const count = (head - kind) / 8
      if (kind === GAP) {
        if (isAtGap) reader.fail('a gap is out of place')
        if (count === 0) return
        this.#counter += count
        isAtGap = true
        last = undefined
        continue
      }
      const op = this.#row(kind, count + 1)
      this.#counter += op.length
      if (!(this.#counter <= MAX_EVENTS)) reader.fail('it has too many events')
      if (last !== undefined && isJoined(last, op)) reader.fail('a run is in two')
      ops.push(op)
      last = op
      isAtGap = false
    }
  }

  #row(kind: number, length: number): Op {
    const reader = this.#reader
    const isLong = kind === LONG
    const isHere = kind === LEFT_CHILD + HERE || kind === DELETE_DOWN + HERE
    const meaning = isLong ? reader.byte() : isHere ? kind - HERE : kind
    const { near } = this.#places
    let index = near
    let counter: number
    if (isHere) counter = this.#places.last(near)
    else if (isLong) [index, counter] = this.#reference()
    else {
      counter = this.#places.at(near, reader.uint())
      if (counter === this.#places.last(near) && (meaning === LEFT_CHILD || meaning === DELETE_DOWN)) {
        reader.fail('a distance is 0')
      }
    }
    if (isLong && index === near && meaning !== RIGHT_CHILD_BEFORE) reader.fail('a reference is too long')
    this.#check(index, counter)
    const from = this.#counter
    const node = this.#names[this.#own] as string
    const name = index < 0 ? NOWHERE : (this.#names[index] as string)
    if (meaning === DELETE_DOWN || meaning === DELETE_UP) {
      const step = meaning === DELETE_UP || length === 1 ? 1 : -1
      const low = step > 0 ? counter : counter - length + 1
      if (index < 0 || low < 1 || (meaning === DELETE_UP && length === 1))
        reader.fail('a deletion is not right')
      this.#check(index, low + length - 1)
      this.#places.set(index, low)
      return new Removal(node, from, length, name, counter, step)
    }
    let op: Insertion
    if (meaning === LEFT_CHILD) {
      if (index < 0) reader.fail('it has text after the end')
      op = new Insertion(node, from, length, undefined, NOWHERE, DERIVED, name, counter)
    } else if (meaning === RIGHT_CHILD) {
      op = new Insertion(node, from, length, undefined, name, counter, NOWHERE, DERIVED)
    } else if (meaning === RIGHT_CHILD_BEFORE && isLong) {
      const [other, right] = this.#reference()
      this.#check(other, right)
      const rightName = other < 0 ? NOWHERE : (this.#names[other] as string)
      op = new Insertion(node, from, length, undefined, name, counter, rightName, right)
    } else return reader.fail('a row is of no known kind')
    this.#places.set(this.#own, from + length - 1)
    return op
  }

  #reference(): [index: number, counter: number] {
    const index = this.#reader.uint() - 1
    if (index < 0) return [-1, 0]
    if (index >= this.#names.length) this.#reader.fail('a replica is unknown')
    const counter = this.#places.at(index, this.#reader.uint())
    this.#places.see(index, counter)
    return [index, counter]
  }

  /** Fails for a character that can not have been there before. */
  #check(index: number, counter: number): void {
    if (index < 0) return
    this.#isUsed[index] = true
    const end = index === this.#own ? this.#counter : MAX_EVENTS
    if (!(counter >= 1 && counter < end)) this.#reader.fail('it refers to what was never there')
  }
}

/** True if the two are one run, or if the first deletion of the second belongs to the first. */
function isJoined(last: Op, op: Op): boolean {
  if (op instanceof Insertion) return last instanceof Insertion && op.isGoingOn
  if (last instanceof Insertion || last.targetNode !== op.targetNode) return false
  const stride = op.target - (last.target + last.step * (last.length - 1))
  return last.length === 1 ? Math.abs(stride) === 1 : stride === last.step
}

/** Gives insertions their text, cut where characters are deleted. */
export function withText(ops: readonly Op[], text: string): Op[] {
  const out: Op[] = []
  const ranges = deletedIn(ops)
  const isPlain = countPoints(text) === text.length
  let unit = 0
  let list: readonly number[] = []
  let at = 0
  let node = NOWHERE
  for (const op of ops) {
    if (op instanceof Removal) {
      out.push(op)
      continue
    }
    if (op.node !== node) {
      node = op.node
      list = ranges.get(node) ?? []
      at = 0
    }
    const end = op.counter + op.length
    for (let counter = op.counter; counter < end;) {
      while (at < list.length && (list[at + 1] as number) < counter) at += 2
      const from = at < list.length ? (list[at] as number) : Infinity
      const isDeleted = from <= counter
      const next = Math.min(end, isDeleted ? (list[at + 1] as number) + 1 : from)
      const start = unit
      if (!isDeleted) {
        const points = next - counter
        if (points > text.length - unit) fail('its text is too short')
        if (isPlain) unit += points
        else for (let left = points; left > 0; left--) unit += isPairAt(text, unit) ? 2 : 1
      }
      const part = isDeleted ? undefined : text.slice(start, unit)
      out.push(
        counter === op.counter
          ? new Insertion(
              node,
              counter,
              next - counter,
              part,
              op.leftNode,
              op.leftCounter,
              op.rightNode,
              op.rightCounter,
            )
          : new Insertion(node, counter, next - counter, part, node, counter - 1, NOWHERE, DERIVED),
      )
      counter = next
    }
  }
  if (unit !== text.length) fail('its text is too long')
  return out
}

function fail(reason: string): never {
  throw new DecodeError('text', reason)
}
