import type { Site } from './site.ts'

/** Consecutive characters of a site. */
export interface Range {
  readonly site: Site
  readonly counter: number
  readonly length: number
}

/** What a deleted character was put in again as. */
export interface Revival extends Range {
  /** The first of the new characters, which are of the own site. */
  readonly as: number
}

/** So many are kept at least: the groups that speak of what was undone before are hardly left then. */
const KEPT = 10_000

/** Characters that came back under new names: each at most once, as the next time it is the new one that comes back. */
export class Revivals {
  /** The oldest first. */
  #all: Revival[] = []
  /** By site, in order. */
  readonly #bySite = new Map<Site, Revival[]>()

  add(revival: Revival): void {
    this.#all.push(revival)
    this.#index(revival)
    if (this.#all.length < 2 * KEPT) return
    this.#all = this.#all.slice(-KEPT)
    this.#bySite.clear()
    for (const one of this.#all) this.#index(one)
  }

  /** The first that has any of some characters. */
  find({ site, counter, length }: Range): Revival | undefined {
    const list = this.#bySite.get(site)
    if (list === undefined) return undefined
    const at = placeIn(list, counter)
    const before = list[at - 1]
    if (before !== undefined && counter < before.counter + before.length) return before
    const next = list[at]
    return next !== undefined && next.counter < counter + length ? next : undefined
  }

  #index(revival: Revival): void {
    const list = this.#bySite.get(revival.site)
    if (list === undefined) this.#bySite.set(revival.site, [revival])
    else list.splice(placeIn(list, revival.counter), 0, revival)
  }
}

/** How many start at or before a character. */
function placeIn(list: readonly Revival[], counter: number): number {
  let low = 0
  for (let high = list.length; low < high;) {
    const middle = (low + high) >>> 1
    if ((list[middle] as Revival).counter <= counter) low = middle + 1
    else high = middle
  }
  return low
}
