import { DeletionLog } from './deletions.ts'
import type { Piece } from './piece.ts'

/** Two halves of a full chunk are cheap to move and cheap to search. */
const CHUNK = 128

/** All that one replica has written into a document: its characters by counter, and its deletions. */
export class Site {
  readonly name: string
  /** Its last event that is here; all before it are here too. */
  version = 0
  readonly deletions: DeletionLog = new DeletionLog()
  /** Its pieces by counter, in chunks that are never empty. */
  readonly #chunks: Piece[][] = []
  /** The piece found last: the next look-up is mostly for the same. */
  #recent: Piece | undefined

  constructor(name: string) {
    this.name = name
  }

  /** The piece with a character; `undefined` if the event is none, or not here. */
  find(counter: number): Piece | undefined {
    const recent = this.#recent
    if (recent !== undefined && recent.counter <= counter && counter < recent.counter + recent.length) {
      return recent
    }
    const chunk = this.#chunks[this.#chunkOf(counter)]
    const piece = chunk?.[indexIn(chunk, counter)]
    if (piece === undefined || piece.counter + piece.length <= counter) return undefined
    this.#recent = piece
    return piece
  }

  /** The first piece with a character after one that is not here. */
  next(counter: number): Piece | undefined {
    const { value } = this.pieces(counter).next()
    return value as Piece | undefined
  }

  /** Takes in a piece at its place. */
  add(piece: Piece): void {
    const chunks = this.#chunks
    const at = this.#chunkOf(piece.counter)
    const chunk = chunks[at]
    if (chunk === undefined) {
      chunks.push([piece])
      return
    }
    const index = indexIn(chunk, piece.counter) + 1
    if (index === chunk.length) {
      // At the very end chunks are filled to the brim: most documents only grow there.
      if (chunk.length >= CHUNK && at === chunks.length - 1) chunks.push([piece])
      else chunk.push(piece)
    } else chunk.splice(index, 0, piece)
    if (chunk.length > CHUNK) chunks.splice(at + 1, 0, chunk.splice(CHUNK / 2))
  }

  /** Takes in part of a list of pieces, in order, when there are none yet. */
  fill(pieces: readonly Piece[], from: number, to: number): void {
    for (let at = from; at < to; at += CHUNK) this.#chunks.push(pieces.slice(at, Math.min(to, at + CHUNK)))
  }

  /** Forgets a piece that was joined to another. */
  remove(piece: Piece): void {
    const at = this.#chunkOf(piece.counter)
    const chunk = this.#chunks[at] as Piece[]
    chunk.splice(chunk.indexOf(piece), 1)
    if (chunk.length === 0) this.#chunks.splice(at, 1)
    if (this.#recent === piece) this.#recent = undefined
  }

  /** Its pieces with an event after `counter`, in order. */
  *pieces(counter = 0): IterableIterator<Piece> {
    for (let at = this.#chunkOf(counter + 1); at < this.#chunks.length; at++) {
      for (const piece of this.#chunks[at] as Piece[]) {
        if (piece.counter + piece.length > counter + 1) yield piece
      }
    }
  }

  /** The last chunk that starts at or before `counter`; the first if none does. */
  #chunkOf(counter: number): number {
    let low = 0
    let high = this.#chunks.length
    if (high > 0 && ((this.#chunks[high - 1] as Piece[])[0] as Piece).counter <= counter) return high - 1
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      if (((this.#chunks[middle] as Piece[])[0] as Piece).counter <= counter) low = middle
      else high = middle
    }
    return low
  }
}

/** The last piece that starts at or before `counter`; −1 if none does. */
function indexIn(chunk: readonly Piece[], counter: number): number {
  let low = 0
  let high = chunk.length
  if (high > 0 && (chunk[high - 1] as Piece).counter <= counter) return high - 1
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((chunk[middle] as Piece).counter <= counter) low = middle + 1
    else high = middle
  }
  return low - 1
}
