import { DeletionLog } from './deletions.ts'
import type { Piece } from './piece.ts'
import type { Shelf } from './shelf.ts'

/** Two halves of a full chunk are cheap to move and cheap to search. */
const CHUNK = 128

/** Pieces of one replica, by counter. Never empty. */
class Chunk {
  /** `undefined` as long as they are on a shelf: from one place there up to another. */
  #pieces: Piece[] | undefined
  #shelf: Shelf | undefined
  readonly #from: number
  readonly #to: number

  constructor(pieces: Piece[] | undefined, shelf?: Shelf, from = 0, to = 0) {
    this.#pieces = pieces
    this.#shelf = shelf
    this.#from = from
    this.#to = to
  }

  /** The counter that it begins with. */
  get first(): number {
    const pieces = this.#pieces
    return pieces === undefined ? (this.#shelf as Shelf).counterOf(this.#from) : (pieces[0] as Piece).counter
  }

  get pieces(): Piece[] {
    return this.#pieces ?? this.#take()
  }

  #take(): Piece[] {
    const pieces = this.#shelf?.byCounter(this.#from, this.#to) ?? []
    this.#shelf = undefined
    this.#pieces = pieces
    return pieces
  }
}

/** All that one replica has written into a document: its characters by counter, and its deletions. */
export class Site {
  readonly name: string
  /** Its last event that is here; all before it are here too. */
  version = 0
  readonly deletions: DeletionLog = new DeletionLog()
  /** Its pieces by counter, in chunks that are never empty. */
  readonly #chunks: Chunk[] = []
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
    const chunk = this.#chunks[this.#chunkOf(counter)]?.pieces
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
    const chunk = chunks[at]?.pieces
    if (chunk === undefined) {
      chunks.push(new Chunk([piece]))
      return
    }
    const index = indexIn(chunk, piece.counter) + 1
    if (index === chunk.length) {
      // At the very end chunks are filled to the brim: most documents only grow there.
      if (chunk.length >= CHUNK && at === chunks.length - 1) chunks.push(new Chunk([piece]))
      else chunk.push(piece)
    } else chunk.splice(index, 0, piece)
    if (chunk.length > CHUNK) chunks.splice(at + 1, 0, new Chunk(chunk.splice(CHUNK / 2)))
  }

  /** Takes in pieces of a shelf, in order, when there are none yet. */
  fill(shelf: Shelf, from: number, to: number): void {
    for (let at = from; at < to; at += CHUNK) {
      this.#chunks.push(new Chunk(undefined, shelf, at, Math.min(to, at + CHUNK)))
    }
  }

  /** Forgets a piece that was joined to another. */
  remove(piece: Piece): void {
    const at = this.#chunkOf(piece.counter)
    const chunk = (this.#chunks[at] as Chunk).pieces
    chunk.splice(chunk.indexOf(piece), 1)
    if (chunk.length === 0) this.#chunks.splice(at, 1)
    if (this.#recent === piece) this.#recent = undefined
  }

  /** Its pieces with an event after `counter`, in order. */
  *pieces(counter = 0): IterableIterator<Piece> {
    for (let at = this.#chunkOf(counter + 1); at < this.#chunks.length; at++) {
      for (const piece of (this.#chunks[at] as Chunk).pieces) {
        if (piece.counter + piece.length > counter + 1) yield piece
      }
    }
  }

  /** The last chunk that starts at or before `counter`; the first if none does. */
  #chunkOf(counter: number): number {
    let low = 0
    let high = this.#chunks.length
    if (high > 0 && (this.#chunks[high - 1] as Chunk).first <= counter) return high - 1
    while (high - low > 1) {
      const middle = (low + high) >>> 1
      if ((this.#chunks[middle] as Chunk).first <= counter) low = middle
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
