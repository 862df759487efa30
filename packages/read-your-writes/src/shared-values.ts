/**
 * A value for each user of this process. Two requests of one user at once each answer with their own token,
 * and the browser keeps the one that arrives last, which may be the older one: here the newer one is not lost.
 */
export class SharedValues<V> {
  readonly #max: number
  readonly #values = new Map<string, V>()

  /** @param max users remembered; those longest unseen are forgotten first. */
  constructor(max: number) {
    this.#max = max
  }

  get(key: string): V | undefined {
    return this.#values.get(key)
  }

  set(key: string, value: V): void {
    this.#values.delete(key) // so that it becomes the youngest
    this.#values.set(key, value)
    if (this.#values.size <= this.#max) return
    for (const oldest of this.#values.keys()) {
      this.#values.delete(oldest)
      return
    }
  }
}
