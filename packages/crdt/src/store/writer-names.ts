/** Names that are remembered, so that their owners can go on under them. One takes about 100 bytes. */
const MAX_REMEMBERED = 20_000

interface Writer {
  readonly name: string
  /** The counter of the last edit that was sent under the name. */
  readonly sent: number
}

/** `length` letters and digits by chance. */
export function drawName(random: () => number, length: number): string {
  let name = ''
  while (name.length < length) {
    name += Math.floor(random() * 36 ** 8)
      .toString(36)
      .padStart(8, '0')
  }
  return name.slice(0, length)
}

/**
 * Names under which one store edits. A CRDT takes two edits of one name and counter for the same edit, so a name is used
 * on for a document only if the document holds everything that was ever sent for it under that name. Else it is a
 * document that began anew, or lost its end, or a write is still on its way: those edits may live on elsewhere.
 *
 * In the usual case a store has one name for all documents, and adds one entry to their versions.
 */
export class WriterNames {
  readonly #prefix: string
  /** For documents that have no name yet. */
  #next: string
  #givenUp = 0
  #readers = 0
  /** By key of the document; those written last stay. */
  readonly #writers = new Map<string, Writer>()

  constructor(random: () => number) {
    this.#prefix = drawName(random, 12)
    this.#next = this.#prefix
  }

  /** A name that nobody has or gets. */
  reader(): string {
    return `${this.#prefix}-${(this.#readers++).toString(36)}`
  }

  /**
   * The name to edit a document under.
   *
   * @param held the counter of the last edit of a name that the document holds, with none missing before it.
   */
  pick(key: string, held: (name: string) => number): string {
    const writer = this.#writers.get(key)
    if (writer === undefined) return this.#next
    if (held(writer.name) >= writer.sent) return writer.name
    this.#giveUp(key, writer)
    return this.#next
  }

  /** The counter of the last edit that was sent under a name. */
  sent(key: string, name: string): number {
    const writer = this.#writers.get(key)
    return writer?.name === name ? writer.sent : 0
  }

  /** Notes, before it is sent, what is written under a name; or, when it was refused, what stands without it. */
  note(key: string, name: string, sent: number): void {
    this.#writers.delete(key)
    this.#writers.set(key, { name, sent })
    if (this.#writers.size <= MAX_REMEMBERED) return
    for (const [oldest, writer] of this.#writers) {
      this.#giveUp(oldest, writer)
      break
    }
  }

  /** Never again this name for this document: so what has no name yet gets another one. */
  #giveUp(key: string, { name, sent }: Writer): void {
    this.#writers.delete(key)
    if (sent === 0 || name !== this.#next) return
    this.#next = `${this.#prefix}.${(++this.#givenUp).toString(36)}`
  }
}
