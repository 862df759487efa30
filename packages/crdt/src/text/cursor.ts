import { ByteReader, ByteWriter } from '@quorate/vector-clock/codec'
import { DecodeError } from '@quorate/vector-clock'
import { isWellFormed } from '../format.ts'
import { NOWHERE } from './ops.ts'
import type { Piece } from './piece.ts'
import { MAX_EVENTS } from './rows.ts'
import type { Sequence } from './sequence.ts'

const FORMAT = 1
const WHAT = 'text cursor'

/** Which of the two characters around it a cursor stays with. */
export type CursorSide = 'before' | 'after'

/** The JSON of a cursor: the character that it stays `before` or `after`; `null` for the end or the start. */
export interface TextCursorJson {
  readonly side: CursorSide
  readonly character: readonly [replica: string, counter: number] | null
}

/** A place in a text that stays where it is while the text around it changes. See `text.cursor()`. */
export class TextCursor {
  readonly side: CursorSide
  readonly #sequence: Sequence
  readonly #node: string
  readonly #counter: number

  /** @internal Use `text.cursor()` or `text.cursorFrom()`. */
  constructor(sequence: Sequence, side: CursorSide, node: string, counter: number) {
    this.#sequence = sequence
    this.side = side
    this.#node = node
    this.#counter = counter
  }

  /** Where it is now. If its character was deleted, where that was. */
  get index(): number {
    if (this.#counter === 0) return this.side === 'after' ? 0 : this.#sequence.length
    const piece = this.#sequence.sites.get(this.#node)?.find(this.#counter) as Piece
    const index = this.#sequence.indexOf(piece, this.#counter)
    if (piece.deleted || this.side === 'before') return index
    return index + (this.#sequence.inPoints ? 1 : piece.width)
  }

  /** For people, and for `cursorFrom` of a peer. */
  toJSON(): TextCursorJson {
    return { side: this.side, character: this.#counter === 0 ? null : [this.#node, this.#counter] }
  }

  /** Bytes for `cursorFrom` of a peer: format, side, name of the replica and counter, if any. */
  encode(): Uint8Array<ArrayBuffer> {
    const writer = new ByteWriter()
    writer.byte(FORMAT)
    writer.byte(this.side === 'after' ? 1 : 0)
    writer.text(this.#node)
    if (this.#counter > 0) writer.uint(this.#counter)
    return writer.finish()
  }
}

/** The cursor at a position. */
export function cursorAt(sequence: Sequence, index: number, side: CursorSide): TextCursor {
  const at = side === 'after' ? index - 1 : index
  if (at < 0 || at >= sequence.length) return new TextCursor(sequence, side, NOWHERE, 0)
  const piece = sequence.at(at)
  const offset = Math.floor((at - sequence.startOf(piece)) / (sequence.inPoints ? 1 : piece.width))
  return new TextCursor(sequence, side, piece.site.name, piece.counter + offset)
}

/**
 * The cursor that a peer sent; `undefined` if its character has not come yet.
 *
 * @throws DecodeError if it is none.
 */
export function cursorFrom(sequence: Sequence, source: Uint8Array | TextCursorJson): TextCursor | undefined {
  const { side, node, counter } = source instanceof Uint8Array ? fromBytes(source) : fromJSON(source)
  if (counter > 0) {
    const site = sequence.sites.get(node)
    if (site === undefined || site.version < counter) return undefined
    if (site.find(counter) === undefined) throw new DecodeError(WHAT, 'it is at an edit that is no character')
  }
  return new TextCursor(sequence, side, node, counter)
}

interface Place {
  side: CursorSide
  node: string
  counter: number
}

function fromBytes(bytes: Uint8Array): Place {
  const reader = new ByteReader(bytes, WHAT)
  if (reader.byte() !== FORMAT) reader.fail('its format is unknown')
  const side = reader.byte()
  if (side > 1) reader.fail('its side is unknown')
  const node = reader.text()
  const counter = node === NOWHERE ? 0 : reader.uint()
  if (node !== NOWHERE && !(counter >= 1 && counter < MAX_EVENTS)) reader.fail('its counter is out of range')
  reader.end()
  return { side: side === 1 ? 'after' : 'before', node, counter }
}

function fromJSON(json: unknown): Place {
  const { side, character } = (json ?? {}) as Partial<Record<keyof TextCursorJson, unknown>>
  if (side !== 'before' && side !== 'after') throw new DecodeError(WHAT, 'its side is unknown')
  if (character === null) return { side, node: NOWHERE, counter: 0 }
  const [node, counter, more] = (Array.isArray(character) ? character : []) as unknown[]
  const isRight =
    isWellFormed(node) &&
    node !== NOWHERE &&
    Number.isInteger(counter) &&
    Number(counter) >= 1 &&
    more === undefined
  if (!isRight || Number(counter) >= MAX_EVENTS) throw new DecodeError(WHAT, 'its character is not valid')
  return { side, node, counter: Number(counter) }
}
