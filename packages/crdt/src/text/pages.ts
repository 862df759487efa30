/** Long enough that pages cost little, short enough that a small document stays small. */
const PAGE = 4096
const FIRST_PAGE = 256

/** Where the text of new characters goes: pages that are filled one after the other and never moved. */
export class Pages {
  #page = new Uint16Array(FIRST_PAGE)
  #used = 0

  /** The page written last. */
  get page(): Uint16Array {
    return this.#page
  }

  /** Writes a text right after a place. False, and nothing is written, if something else is there or comes first. */
  extend(page: Uint16Array, end: number, text: string): boolean {
    const units = text.length
    if (page !== this.#page || end !== this.#used || end + units > page.length) return false
    for (let i = 0; i < units; i++) page[end + i] = text.charCodeAt(i)
    this.#used = end + units
    return true
  }

  /** Writes a part of a text into one page, and returns where it starts. */
  write(text: string, from: number, to: number): number {
    const units = to - from
    if (this.#used + units > this.#page.length) {
      this.#page = new Uint16Array(Math.max(PAGE, units))
      this.#used = 0
    }
    const start = this.#used
    for (let i = 0; i < units; i++) this.#page[start + i] = text.charCodeAt(from + i)
    this.#used += units
    return start
  }
}

/** Latin text is longer than this only in long runs; shorter ones are quicker to copy by hand. */
const SHORT = 24

/** Copies units of a page to a place, and returns the place after it. */
export function copyUnits(
  page: Uint16Array,
  from: number,
  count: number,
  units: Uint16Array,
  at: number,
): number {
  if (count > SHORT) units.set(page.subarray(from, from + count), at)
  else for (let i = 0; i < count; i++) units[at + i] = page[from + i] as number
  return at + count
}
