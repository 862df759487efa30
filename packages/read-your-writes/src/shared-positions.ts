import { laterOf, type Position } from './position.ts'

/**
 * The latest position of each user in this process. Two requests of one user at once each answer with
 * their own token, and the browser keeps the one that arrives last, which may be the older one: here the
 * newer one is not lost.
 */
export class SharedPositions {
  readonly #max: number
  readonly #positions = new Map<string, Position>()

  /** @param max users remembered; those longest unseen are forgotten first. */
  constructor(max: number) {
    this.#max = max
  }

  get(key: string): Position | undefined {
    return this.#positions.get(key)
  }

  advance(key: string, position: Position): void {
    const known = this.#positions.get(key)
    const later = known === undefined ? position : (laterOf(known, position) ?? position)
    this.#positions.delete(key) // so that it becomes the youngest
    this.#positions.set(key, later)
    if (this.#positions.size <= this.#max) return
    for (const oldest of this.#positions.keys()) {
      this.#positions.delete(oldest)
      return
    }
  }
}
