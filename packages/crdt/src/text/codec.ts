import { startWriting } from '../format.ts'
import { inShort } from './origins.ts'
import { DERIVED, Insertion, NOWHERE, type Op, Removal } from './ops.ts'
import {
  DELETE_DOWN,
  DELETE_UP,
  FORMAT,
  GAP,
  HERE,
  LEFT_CHILD,
  LONG,
  Places,
  RIGHT_CHILD,
  RIGHT_CHILD_BEFORE,
} from './rows.ts'
import { writeText } from './text-bytes.ts'
import type { ByteWriter } from '@quorate/vector-clock/codec'

/**
 * Head; number of replicas named; per replica, in order, its name, with a bit that says if it has rows; per replica
 * with rows the counter of its first event − 1 and its rows, see `rows.ts`; the text of all characters that no row
 * deletes, in order of the rows.
 *
 * @param told in order of their replicas and counters, each event once.
 */
export function encodeOps(told: readonly Op[]): Uint8Array<ArrayBuffer> {
  const ops = inShort(told)
  const writer = startWriting(FORMAT)
  const names = namesIn(ops)
  writer.uint(names.size)
  for (const [name, { hasRows }] of names) writer.text(name, 2, hasRows ? 1 : 0)
  const rows = new RowWriter(writer, names)
  let text = ''
  for (const op of ops) {
    rows.add(op)
    if (op instanceof Insertion && op.text !== undefined) text += op.text
  }
  rows.end()
  writeText(writer, text)
  return writer.finish()
}

interface Name {
  index: number
  hasRows: boolean
}

/** All replicas that operations are of or refer to, in order of their names. */
function namesIn(ops: readonly Op[]): Map<string, Name> {
  const names = new Map<string, Name>()
  const refer = (name: string): void => {
    if (name !== NOWHERE && !names.has(name)) names.set(name, { index: 0, hasRows: false })
  }
  let last = NOWHERE
  for (const op of ops) {
    if (op.node !== last) {
      last = op.node
      const name = names.get(last)
      if (name === undefined) names.set(last, { index: 0, hasRows: true })
      else name.hasRows = true
    }
    if (op instanceof Removal) {
      if (op.targetNode !== last) refer(op.targetNode)
    } else {
      if (op.leftNode !== last) refer(op.leftNode)
      if (op.rightNode !== last) refer(op.rightNode)
    }
  }
  if (names.size < 2) return names
  const sorted = new Map([...names].toSorted(([a], [b]) => (a < b ? -1 : 1)))
  let index = 0
  for (const name of sorted.values()) name.index = index++
  return sorted
}

/** Writes operations as rows: maximal runs, whatever pieces they come in. */
class RowWriter {
  readonly #writer: ByteWriter
  readonly #names: ReadonlyMap<string, Name>
  #node = NOWHERE
  readonly #places: Places
  /** The event after the row being gathered. */
  #next = 0
  /** The first operation of that row, and how it goes on. */
  #first: Op | undefined
  #length = 0
  #step = 1

  constructor(writer: ByteWriter, names: ReadonlyMap<string, Name>) {
    this.#writer = writer
    this.#names = names
    this.#places = new Places(names.size)
  }

  add(op: Op): void {
    if (op.node !== this.#node) this.#start(op)
    if (op.counter > this.#next) {
      this.#flush()
      this.#writer.uint((op.counter - this.#next) * 8 + GAP)
    }
    this.#next = op.counter + op.length
    if (op instanceof Insertion) {
      if (this.#first instanceof Insertion && op.isGoingOn) this.#length += op.length
      else this.#begin(op, op.length, 1)
    } else this.#remove(op, op.target, op.length)
  }

  /** Writes what is left. */
  end(): void {
    if (this.#node === NOWHERE) return
    this.#flush()
    this.#writer.byte(GAP)
  }

  #start(op: Op): void {
    this.end()
    this.#node = op.node
    this.#next = op.counter
    this.#places.start(this.#index(op.node), op.counter)
    this.#writer.uint(op.counter - 1)
  }

  /** One deletion joins the row, or all of them, or they begin a new one: as if each had come alone. */
  #remove(op: Removal, target: number, length: number): void {
    const first = this.#first
    if (first instanceof Removal && first.targetNode === op.targetNode) {
      const stride = target - (first.target + this.#step * (this.#length - 1))
      if (this.#length === 1 ? Math.abs(stride) === 1 : stride === this.#step) {
        const taken = length === 1 || op.step === stride ? length : 1
        this.#step = stride
        this.#length += taken
        if (taken === length) return
        this.#remove(op, target + op.step, length - taken)
        return
      }
    }
    const rest =
      length === op.length ? op : new Removal(op.node, op.counter, length, op.targetNode, target, op.step)
    this.#begin(rest, length, length === 1 ? 1 : op.step)
  }

  #begin(op: Op, length: number, step: number): void {
    this.#flush()
    this.#first = op
    this.#length = length
    this.#step = step
  }

  #flush(): void {
    const op = this.#first
    if (op instanceof Removal) this.#writeRemoval(op)
    else if (op !== undefined) this.#writeInsertion(op)
    this.#first = undefined
  }

  #writeRemoval(op: Removal): void {
    const index = this.#index(op.targetNode)
    const isDown = this.#length === 1 || this.#step < 0
    this.#row(isDown ? DELETE_DOWN : DELETE_UP, index, op.target)
    this.#places.set(index, isDown ? op.target - this.#length + 1 : op.target)
  }

  #writeInsertion(op: Insertion): void {
    const left = this.#index(op.leftNode)
    const right = this.#index(op.rightNode)
    if (op.leftCounter === DERIVED) this.#row(LEFT_CHILD, right, op.rightCounter)
    else if (op.rightCounter === DERIVED) this.#row(RIGHT_CHILD, left, op.leftCounter)
    else {
      this.#long(RIGHT_CHILD_BEFORE)
      this.#reference(left, op.leftCounter)
      this.#reference(right, op.rightCounter)
    }
    this.#places.set(this.#index(this.#node), op.counter + this.#length - 1)
  }

  #row(kind: number, index: number, counter: number): void {
    const places = this.#places
    if (index !== places.near) {
      this.#long(kind)
      this.#reference(index, counter)
      return
    }
    const head = (this.#length - 1) * 8
    if (kind !== RIGHT_CHILD && kind !== DELETE_UP && places.last(index) === counter) {
      this.#writer.uint(head + kind + HERE)
      return
    }
    this.#writer.uint(head + kind)
    this.#writer.uint(places.distance(index, counter))
  }

  #long(kind: number): void {
    this.#writer.uint((this.#length - 1) * 8 + LONG)
    this.#writer.byte(kind)
  }

  /** Whose character, from 1, and which; 0 for start and end. */
  #reference(index: number, counter: number): void {
    this.#writer.uint(index + 1)
    if (index >= 0) {
      this.#writer.uint(this.#places.distance(index, counter))
      this.#places.see(index, counter)
    }
  }

  /** −1 for start and end. */
  #index(name: string): number {
    return name === NOWHERE ? -1 : (this.#names.get(name) as Name).index
  }
}
