/** A list of whole numbers that grows: 4 bytes each, no boxes. */
export class IntList {
  length = 0
  #items: Int32Array

  constructor(capacity = 64) {
    this.#items = new Int32Array(capacity)
  }

  push(item: number): void {
    if (this.length === this.#items.length) {
      const larger = new Int32Array(this.length * 2)
      larger.set(this.#items)
      this.#items = larger
    }
    this.#items[this.length++] = item
  }

  at(index: number): number {
    return this.#items[index] as number
  }

  /** The items, without a copy; valid until the next `push`. */
  view(): Int32Array {
    return this.#items.subarray(0, this.length)
  }

  copy(): Int32Array {
    return this.#items.slice(0, this.length)
  }
}
