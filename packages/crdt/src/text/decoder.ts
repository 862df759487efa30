import type { ByteReader } from '@quorate/vector-clock/codec'
import { startReading } from '../format.ts'
import { NOWHERE, type Op } from './ops.ts'
import { opsOf } from './rows-to-ops.ts'
import {
  COUNTER,
  DELETE_DOWN,
  DELETE_UP,
  FORMAT,
  GAP,
  HERE,
  INDEX,
  KIND,
  LEFT_CHILD,
  LENGTH,
  LONG,
  MAX_EVENTS,
  OWN,
  type Cells,
  Places,
  RIGHT_CHILD,
  RIGHT_CHILD_BEFORE,
  TARGET,
  WIDTH,
} from './rows.ts'
import { readText } from './text-bytes.ts'

/** Bytes taken apart, and not put together yet: that the text has the right length is not checked. */
export interface Decoded {
  /** The replicas that the rows name, in order. */
  readonly names: readonly string[]
  /** The rows, by replica and counter, `WIDTH` cells each. */
  readonly cells: Cells
  /** Of each row of kind `RIGHT_CHILD_BEFORE` the right origin: index and counter. */
  readonly rights: readonly number[]
  /** Of all characters that no row deletes, in order of the rows; bytes if it is ASCII. */
  readonly text: Uint8Array | string
  /** How many bytes all that took. */
  readonly size: number
}

/**
 * The operations that `encodeOps` wrote, in order.
 *
 * @throws DecodeError on anything that it would not have written.
 */
export function decodeOps(bytes: Uint8Array): Op[] {
  return opsOf(decodeRows(bytes))
}

/** The same as rows. */
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
  const rows = new RowReader(reader, writers)
  for (let own = 0; own < names.length; own++) if (writers[own] === true) rows.read(own)
  if (rows.isUsed.includes(false)) reader.fail('a replica is named for nothing')
  const text = readText(reader)
  reader.end()
  return { names, cells: rows.cells, rights: rows.rights, text, size: bytes.length }
}

/** Most messages have no more; for others there is more room soon. */
const FEW_ROWS = 4
/** Cells with larger numbers are of doubles. */
const MAX_INT = 2 ** 31 - 1

class RowReader {
  readonly rights: number[] = []
  /** By replica: if it is referred to, or has rows. */
  readonly isUsed: boolean[]
  readonly #reader: ByteReader
  readonly #places: Places
  #cells: Cells = new Int32Array(FEW_ROWS * WIDTH)
  #end = 0
  #own = 0
  /** The next event. */
  #counter = 0

  constructor(reader: ByteReader, writers: readonly boolean[]) {
    this.#reader = reader
    this.isUsed = writers.slice()
    this.#places = new Places(writers.length)
  }

  get cells(): Cells {
    return this.#cells.subarray(0, this.#end)
  }

  /** The rows of one replica. */
  read(own: number): void {
    const reader = this.#reader
    this.#own = own
    this.#counter = reader.uint() + 1
    this.#places.start(own, this.#counter)
    for (let isAtGap = true; ;) {
      const head = reader.uint()
      const kind = head & 7
      const count = head <= MAX_INT ? head >> 3 : (head - kind) / 8
      if (kind === GAP) {
        if (isAtGap) reader.fail('a gap is out of place')
        if (count === 0) return
        this.#counter += count
        isAtGap = true
        continue
      }
      this.#row(kind, count + 1)
      this.#counter += count + 1
      if (!(this.#counter <= MAX_EVENTS)) reader.fail('it has too many events')
      if (!isAtGap && isJoined(this.#cells, this.#end - WIDTH)) reader.fail('a run is in two')
      isAtGap = false
    }
  }

  #row(kind: number, length: number): void {
    const reader = this.#reader
    const places = this.#places
    const { near } = places
    const isLong = kind === LONG
    const isHere = kind === LEFT_CHILD + HERE || kind === DELETE_DOWN + HERE
    const meaning = isLong ? reader.byte() : isHere ? kind - HERE : kind
    let index = near
    let counter = places.last(near)
    if (isLong) {
      index = this.#index()
      counter = this.#referred(index)
      if (index === near && meaning !== RIGHT_CHILD_BEFORE) reader.fail('a reference is too long')
    } else if (!isHere) {
      const distance = reader.uint()
      if (distance === 0 && (meaning === LEFT_CHILD || meaning === DELETE_DOWN)) {
        reader.fail('a distance is 0')
      }
      counter = places.at(near, distance)
    }
    this.#check(index, counter)
    this.#note(meaning, length, index, counter)
    if (meaning === DELETE_DOWN || meaning === DELETE_UP) {
      const low = meaning === DELETE_UP ? counter : counter - length + 1
      if (index < 0 || low < 1 || (meaning === DELETE_UP && length === 1)) {
        reader.fail('a deletion is not right')
      }
      this.#check(index, low + length - 1)
      places.set(index, low)
      return
    }
    if (meaning === RIGHT_CHILD_BEFORE && isLong) {
      const other = this.#index()
      const right = this.#referred(other)
      this.#check(other, right)
      this.rights.push(other, right)
    } else if (meaning === LEFT_CHILD) {
      if (index < 0) reader.fail('it has text after the end')
    } else if (meaning !== RIGHT_CHILD) reader.fail('a row is of no known kind')
    places.set(this.#own, this.#counter + length - 1)
  }

  #note(kind: number, length: number, index: number, counter: number): void {
    const row = this.#end
    this.#end += WIDTH
    const isWide = this.#cells instanceof Float64Array
    const needsWide = !isWide && (this.#counter > MAX_INT || length > MAX_INT || counter > MAX_INT)
    if (this.#end > this.#cells.length || needsWide) {
      const Wanted = isWide || needsWide ? Float64Array : Int32Array
      const grown = new Wanted(this.#end > this.#cells.length ? this.#cells.length * 4 : this.#cells.length)
      grown.set(this.#cells)
      this.#cells = grown
    }
    const cells = this.#cells
    cells[row + KIND] = kind
    cells[row + OWN] = this.#own
    cells[row + COUNTER] = this.#counter
    cells[row + LENGTH] = length
    cells[row + INDEX] = index
    cells[row + TARGET] = counter
  }

  /** The replica that a long row refers to; −1 for start and end. */
  #index(): number {
    const index = this.#reader.uint() - 1
    return index < this.isUsed.length ? index : this.#reader.fail('a replica is unknown')
  }

  /** The character of it. */
  #referred(index: number): number {
    if (index < 0) return 0
    const counter = this.#places.at(index, this.#reader.uint())
    this.#places.see(index, counter)
    return counter
  }

  /** Fails for a character that can not have been there before. */
  #check(index: number, counter: number): void {
    if (index < 0) return
    this.isUsed[index] = true
    const end = index === this.#own ? this.#counter : MAX_EVENTS
    if (!(counter >= 1 && counter < end)) this.#reader.fail('it refers to what was never there')
  }
}

/** True if a row and the one before it are one run, or if its first deletion belongs to that before. */
function isJoined(cells: Cells, row: number): boolean {
  const last = row - WIDTH
  const kind = cells[row + KIND] as number
  const isAfterDeletion = (cells[last + KIND] as number) >= DELETE_DOWN
  const target = cells[row + TARGET] as number
  if (kind < DELETE_DOWN) {
    return (
      kind === RIGHT_CHILD &&
      !isAfterDeletion &&
      cells[row + INDEX] === cells[row + OWN] &&
      target === (cells[row + COUNTER] as number) - 1
    )
  }
  if (!isAfterDeletion || cells[last + INDEX] !== cells[row + INDEX]) return false
  const length = cells[last + LENGTH] as number
  const stride = target - (cells[last + TARGET] as number)
  if (length === 1) return Math.abs(stride) === 1
  return stride === (cells[last + KIND] === DELETE_UP ? length : -length)
}
