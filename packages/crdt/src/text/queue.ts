import { type Op, part } from './ops.ts'

/** Two halves of a full chunk are cheap to move and cheap to search. */
const CHUNK = 128

/** Operations of one replica that wait, by counter, each event once. */
export class Queue {
  /** Never empty, once the first is there. */
  readonly #chunks: Op[][] = []

  get isEmpty(): boolean {
    return this.#chunks.length === 0
  }

  /** The operation that has an event, or the first after it. */
  from(counter: number): Op | undefined {
    const at = this.#chunkOf(counter)
    const chunk = this.#chunks[at]
    if (chunk === undefined) return undefined
    const index = indexIn(chunk, counter)
    const op = chunk[index]
    if (op !== undefined && op.counter + op.length > counter) return op
    return chunk[index + 1] ?? this.#chunks[at + 1]?.[0]
  }

  /** The operation that has an event. */
  find(counter: number): Op | undefined {
    const op = this.from(counter)
    return op !== undefined && op.counter <= counter ? op : undefined
  }

  /** Takes in an operation none of whose events are here. */
  add(op: Op): void {
    const at = this.#chunkOf(op.counter)
    const chunk = this.#chunks[at]
    if (chunk === undefined) this.#chunks.push([op])
    else {
      chunk.splice(indexIn(chunk, op.counter) + 1, 0, op)
      if (chunk.length > CHUNK) this.#chunks.splice(at + 1, 0, chunk.splice(CHUNK / 2))
    }
  }

  /** Lets go of all events up to one. */
  dropTo(counter: number): void {
    const chunks = this.#chunks
    let whole = 0
    while (whole < chunks.length && endOf((chunks[whole] as Op[]).at(-1) as Op) <= counter) whole++
    if (whole > 0) chunks.splice(0, whole)
    const [chunk] = chunks
    if (chunk === undefined) return
    let gone = 0
    while (endOf(chunk[gone] as Op) <= counter) gone++
    if (gone > 0) chunk.splice(0, gone)
    const first = chunk[0] as Op
    const known = counter + 1 - first.counter
    if (known > 0) chunk[0] = part(first, known, first.length - known)
  }

  *[Symbol.iterator](): IterableIterator<Op> {
    for (const chunk of this.#chunks) yield* chunk
  }

  /** The last chunk that starts at or before `counter`; the first if none does. */
  #chunkOf(counter: number): number {
    let low = 0
    for (let high = this.#chunks.length; high - low > 1;) {
      const middle = (low + high) >>> 1
      if (((this.#chunks[middle] as Op[])[0] as Op).counter <= counter) low = middle
      else high = middle
    }
    return low
  }
}

/** The last event of an operation. */
const endOf = (op: Op): number => op.counter + op.length - 1

/** The last operation that starts at or before `counter`; −1 if none does. */
function indexIn(chunk: readonly Op[], counter: number): number {
  let low = 0
  for (let high = chunk.length; low < high;) {
    const middle = (low + high) >>> 1
    if ((chunk[middle] as Op).counter <= counter) low = middle + 1
    else high = middle
  }
  return low - 1
}
