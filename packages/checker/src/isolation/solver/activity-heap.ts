/** Choices, the most active first; among equals the one with the lower number. A binary heap that knows its places. */
export class ActivityHeap {
  readonly activity: Float64Array
  readonly #heap: Int32Array
  readonly #place: Int32Array
  #size = 0

  constructor(choices: number) {
    this.activity = new Float64Array(choices)
    this.#heap = new Int32Array(choices)
    this.#place = new Int32Array(choices).fill(-1)
  }

  push(choice: number): void {
    if (this.#place[choice] !== -1) return
    this.#heap[this.#size] = choice
    this.#place[choice] = this.#size
    this.#up(this.#size++)
  }

  /** -1 if there is none. */
  pop(): number {
    if (this.#size === 0) return -1
    const top = this.#heap[0] as number
    this.#place[top] = -1
    const last = this.#heap[--this.#size] as number
    if (last !== top) {
      this.#heap[0] = last
      this.#place[last] = 0
      this.#down(0)
    }
    return top
  }

  /** Call it after the activity of a choice has grown. */
  raise(choice: number): void {
    const place = this.#place[choice] as number
    if (place !== -1) this.#up(place)
  }

  #before(a: number, b: number): boolean {
    const activityA = this.activity[a] as number
    const activityB = this.activity[b] as number
    return activityA > activityB || (activityA === activityB && a < b)
  }

  #up(start: number): void {
    let place = start
    const choice = this.#heap[place] as number
    while (place > 0) {
      const above = (place - 1) >> 1
      const other = this.#heap[above] as number
      if (!this.#before(choice, other)) break
      this.#heap[place] = other
      this.#place[other] = place
      place = above
    }
    this.#heap[place] = choice
    this.#place[choice] = place
  }

  #down(start: number): void {
    let place = start
    const choice = this.#heap[place] as number
    for (;;) {
      let below = place * 2 + 1
      if (below >= this.#size) break
      if (
        below + 1 < this.#size &&
        this.#before(this.#heap[below + 1] as number, this.#heap[below] as number)
      )
        below++
      const other = this.#heap[below] as number
      if (!this.#before(other, choice)) break
      this.#heap[place] = other
      this.#place[other] = place
      place = below
    }
    this.#heap[place] = choice
    this.#place[choice] = place
  }
}
